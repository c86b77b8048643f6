from __future__ import annotations

from typing import Any

import pytest

from promptrun.models import Limits
from promptrun.providers.openai_chat.limits import read_limits
from tests.openai_server import Answer, OpenAIServer, error, text
from tests.providers.support import BODY, STREAM, ask_failure, ask_reply, server_at

HEADERS = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-tokens": "6m0s",
}
LIMITS = Limits(requests=59, requests_reset=1.0, tokens=149_984, tokens_reset=360.0)


@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
def test_a_reply_tells_what_is_left(body: dict[str, Any]) -> None:
    with OpenAIServer(text("ok", headers=tuple(HEADERS.items()))) as server:
        assert ask_reply(server_at(server), body).limits == LIMITS
        server.reply = text("ok")
        assert ask_reply(server_at(server), body).limits is None


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(error(429, headers=HEADERS.items()), id="too many requests"),
        pytest.param(error(500, headers=HEADERS.items()), id="a server error"),
        pytest.param(
            Answer(body=b"<html>", headers=tuple(HEADERS.items())), id="a reply that is no JSON"
        ),
        pytest.param(
            Answer(body=b'{"error": "x"}', headers=tuple(HEADERS.items())), id="an error as a reply"
        ),
    ],
)
def test_a_failure_tells_what_is_left(answer: Answer) -> None:
    with OpenAIServer(answer) as server:
        assert ask_failure(server_at(server), BODY).limits == LIMITS


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("120ms", 0.12),
        ("1h2m3.5s", 3_723.5),
        ("1m30.951s", 90.951),
        ("17us", 0.000017),
        ("17µs", 0.000017),
        ("0s", 0.0),
        ("60", 60.0),
        ("0.25", 0.25),
        ("23h59m59s", 86_399.0),
        ("999999999h", 86_400.0),
        ("99999999999999", 86_400.0),
    ],
)
def test_a_reset_is_read_in_all_its_forms_and_bounded(said: str, seconds: float) -> None:
    limits = read_limits({"x-ratelimit-reset-tokens": said})
    assert limits is not None
    assert limits.tokens_reset == pytest.approx(seconds)
    assert (limits.requests, limits.requests_reset, limits.tokens) == (None, None, None)


@pytest.mark.parametrize(
    "said",
    [
        *["", "soon", "-1s", "1e9", "nan", "inf", "1s2", "s", "1 s", "1.s", "١s", "\ufffd"],
        *["1s" * 100, "9" * 5_000, "9" * 40 + "s"],
    ],
)
def test_a_reset_that_is_no_time_is_left_out(said: str) -> None:
    assert read_limits({"x-ratelimit-reset-requests": said}) is None


@pytest.mark.parametrize(
    ("said", "count"),
    [
        *[("0", 0), ("59", 59), ("9" * 30, 10**12)],
        *[(said, None) for said in ["-1", "many", "", "1.5", "٣", "²", "9" * 5_000]],
    ],
)
def test_a_count_is_a_bounded_number_or_left_out(said: str, count: int | None) -> None:
    limits = read_limits({"x-ratelimit-remaining-tokens": said})
    assert limits == (None if count is None else Limits(tokens=count))


def test_headers_without_limits_give_none() -> None:
    assert read_limits({}) is None
    assert read_limits({"x-ratelimit-limit-requests": "60", "retry-after": "1"}) is None
