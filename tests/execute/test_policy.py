from __future__ import annotations

import pytest

from promptrun.execute import RetryPolicy
from promptrun.models import Failure

PASSING = Failure(kind="status", message="x", again=True)
FINAL = Failure(kind="status", message="x")


LIMITED = Failure(kind="rate_limit", message="x", again=True)


def told(seconds: float) -> Failure:
    return Failure(kind="status", message="x", again=True, retry_after=seconds)


def test_delays_double_up_to_the_longest() -> None:
    policy = RetryPolicy(attempts=9, first_delay=0.5, longest_delay=5, draw=lambda: 1.0)
    delays = [policy.delay_after(PASSING, attempts) for attempts in range(1, 9)]
    assert delays == [0.5, 1, 2, 4, 5, 5, 5, 5]


def test_the_jitter_goes_down_to_nothing() -> None:
    assert RetryPolicy(draw=lambda: 0.0).delay_after(PASSING, 3) == 0


def test_jitter_is_drawn_anew_each_time() -> None:
    assert len({RetryPolicy().delay_after(PASSING, 4) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("failure", "attempts"),
    [
        pytest.param(FINAL, 1, id="a failure that stays"),
        pytest.param(PASSING, 5, id="no attempts left"),
        pytest.param(told(60.5), 1, id="a longer wait than we are ready for"),
    ],
)
def test_some_requests_are_not_sent_again(failure: Failure, attempts: int) -> None:
    assert RetryPolicy().delay_after(failure, attempts) is None


@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
def test_a_server_is_never_asked_sooner_than_it_says(draw: float) -> None:
    delay = RetryPolicy(draw=lambda: draw).delay_after(told(7), 1)
    assert delay is not None
    assert 7 <= delay <= 7.7


def test_a_server_that_asks_for_no_time_is_not_asked_on_the_spot() -> None:
    policy = RetryPolicy(draw=lambda: 1.0)
    assert policy.delay_after(told(0), 3) == 2


def test_a_403_of_a_key_that_has_worked_is_about_the_one_request() -> None:
    forbidden = Failure(kind="auth", message="x", status=403)
    assert RetryPolicy().is_final(forbidden)
    assert not RetryPolicy().is_final(forbidden, worked=True)
    assert RetryPolicy().is_final(Failure(kind="auth", message="x", status=401), worked=True)


def test_any_number_of_attempts_has_a_delay() -> None:
    policy = RetryPolicy(attempts=10**6, draw=lambda: 1.0)
    assert policy.delay_after(PASSING, 10**5) == 60


def test_being_turned_away_is_not_having_failed() -> None:
    policy = RetryPolicy()
    assert policy.delay_after(LIMITED, 0, 29) == 0
    assert policy.delay_after(LIMITED, 4, 1) == 0
    assert policy.delay_after(LIMITED, 0, 30) is None


@pytest.mark.parametrize(
    ("failure", "final"),
    [
        pytest.param(Failure(kind="auth", message="x"), True, id="a wrong key"),
        pytest.param(Failure(kind="quota", message="x"), True, id="no quota"),
        pytest.param(Failure(kind="setup", message="x"), True, id="a provider that cannot start"),
        pytest.param(LIMITED, False, id="a rate limit"),
        pytest.param(
            Failure(kind="rate_limit", message="x", again=True, retry_after=3600),
            True,
            id="a rate limit for an hour",
        ),
        pytest.param(told(3600), False, id="one request that has to wait"),
    ],
)
def test_what_every_request_would_meet_is_final(failure: Failure, final: bool) -> None:
    assert RetryPolicy().is_final(failure) is final
