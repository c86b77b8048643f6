from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from math import ceil
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.execute.pace import Pace, Rates, Ticket
from promptrun.models import Limits
from tests.execute.limited_server import Crowd, LimitedServer, pace_of
from tests.execute.virtual_time import NothingLeftError, run_virtual

Test = Callable[[], Awaitable[None]]


def now() -> float:
    return asyncio.get_running_loop().time()


def leave(
    pace: Pace,
    ticket: Ticket,
    *,
    limited: bool = False,
    after: float | None = None,
    tokens: int | None = None,
    limits: Limits | None = None,
) -> None:
    pace.leave(ticket, limited=limited, retry_after=after, tokens=tokens, limits=limits)


async def enter_all(pace: Pace, count: int, tokens: int = 0) -> list[Ticket]:
    return [await pace.enter(tokens) for _ in range(count)]


async def is_held_back(pace: Pace) -> bool:
    """Whether the next one has to wait now."""
    waiter = asyncio.create_task(pace.enter(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    if waiter.done():
        pace.abandon(waiter.result())
        return False
    waiter.cancel()
    await asyncio.wait((waiter,))
    return True


def virtually(test: Test) -> None:
    async def main() -> None:
        await test()

    run_virtual(main(), start=1000.0)


def steady(jobs: int, rates: Rates | None = None, *, draw: float = 0.0) -> Pace:
    """A pace in virtual time that draws the same number again and again."""
    return Pace(jobs, rates, clock=now, draw=lambda: draw)


# What is in flight


@pytest.mark.parametrize("jobs", [1, 3, 16])
def test_no_more_are_in_flight_than_there_are_jobs(jobs: int) -> None:
    async def test() -> None:
        pace = steady(jobs)
        tickets = await enter_all(pace, jobs)
        assert pace.allowed == jobs
        assert await is_held_back(pace)
        leave(pace, tickets[0])
        assert not await is_held_back(pace)

    virtually(test)


def test_who_comes_first_is_served_first() -> None:
    async def test() -> None:
        pace, served = steady(1), []

        async def ask(number: int) -> None:
            ticket = await pace.enter(0)
            served.append(number)
            await asyncio.sleep(1)
            leave(pace, ticket)

        await asyncio.gather(*map(ask, range(20)))
        assert served == list(range(20))

    virtually(test)


def test_one_who_comes_while_another_is_being_woken_does_not_go_before_it() -> None:
    async def test() -> None:
        pace, served = steady(1), []

        async def ask(name: str) -> None:
            ticket = await pace.enter(0)
            served.append(name)
            leave(pace, ticket)

        ticket = await pace.enter(0)
        waiter = asyncio.create_task(ask("the waiter"))
        await asyncio.sleep(1)
        leave(pace, ticket)
        await ask("the newcomer")
        await waiter
        assert served == ["the waiter", "the newcomer"]

    virtually(test)


@pytest.mark.parametrize("is_woken", [False, True], ids=["as it waits", "as it is woken"])
@pytest.mark.parametrize("place", [0, 1, 2], ids=["the first", "the second", "the last"])
def test_a_cancelled_waiter_leaves_no_trace_and_wakes_the_next(place: int, is_woken: bool) -> None:
    async def test() -> None:
        pace = steady(1)
        ticket = await pace.enter(0)
        waiters = [asyncio.create_task(pace.enter(0)) for _ in range(3)]
        await asyncio.sleep(1)
        if is_woken:
            leave(pace, ticket)
        waiters[place].cancel()
        await asyncio.wait((waiters[place],))
        assert waiters[place].cancelled()
        if not is_woken:
            leave(pace, ticket)
        for waiter in waiters:
            if waiter is not waiters[place]:
                leave(pace, await waiter)
        assert not await is_held_back(pace)

    virtually(test)


def test_a_cancelled_waiter_uses_nothing_of_the_rate() -> None:
    async def test() -> None:
        pace = steady(16, Rates(requests_per_minute=1))
        await pace.enter(0)
        waiters = [asyncio.create_task(pace.enter(0)) for _ in range(5)]
        await asyncio.sleep(30)
        for waiter in waiters[:4]:
            waiter.cancel()
        await waiters[4]
        assert now() == pytest.approx(1060)

    virtually(test)


def test_a_pace_goes_on_in_another_loop_and_keeps_what_it_learned() -> None:
    clock = [0.0]
    pace = Pace(8, clock=lambda: clock[0], draw=lambda: 0.0)

    async def first() -> None:
        tickets = await enter_all(pace, 8)
        leave(pace, tickets[0], limited=True, after=30.0)
        asyncio.get_running_loop().create_task(pace.enter(0)).add_done_callback(lambda _: None)
        await asyncio.sleep(0)

    async def second() -> None:
        assert pace.allowed == 4
        assert pace.held() == pytest.approx(20)
        waiter = asyncio.create_task(pace.enter(0))
        await asyncio.sleep(0)
        clock[0] += 20.0
        leave(pace, await waiter)
        assert len(await enter_all(pace, 4)) == 4  # those of the other loop are not in flight now

    asyncio.run(first())
    clock[0] += 10.0
    run_virtual(second())


def test_a_ticket_of_a_loop_that_is_gone_says_nothing() -> None:
    pace = Pace(2)
    old = asyncio.run(pace.enter(0))

    async def test() -> None:
        await enter_all(pace, 2)
        leave(pace, old, limited=True)
        pace.abandon(old)
        assert pace.allowed == 2
        assert await is_held_back(pace)

    asyncio.run(test())


# Rates that the user told


def sent_times(pace: Pace, count: int, tokens: int = 0) -> list[float]:
    """When so many requests are sent that all want to be sent at once."""
    times: list[float] = []

    async def main() -> None:
        async def ask() -> None:
            ticket = await pace.enter(tokens)
            times.append(now())
            leave(pace, ticket)

        await asyncio.gather(*(ask() for _ in range(count)))

    run_virtual(main(), start=1000.0)
    return times


def test_a_rate_is_an_even_flow_after_a_small_store() -> None:
    times = sent_times(steady(1000, Rates(requests_per_minute=120)), 30)
    assert [time - 1000 for time in times[:4]] == [0, 0, 0, 0]
    gaps = [later - sooner for sooner, later in pairwise(times[3:])]
    assert gaps == pytest.approx([0.5] * len(gaps), abs=0.002)


def test_one_request_may_always_go_at_once() -> None:
    times = sent_times(steady(10, Rates(requests_per_minute=1)), 3)
    assert times == pytest.approx([1000, 1060, 1120], abs=0.1)


def test_a_request_that_is_larger_than_the_store_goes_and_is_paid_for_by_the_next() -> None:
    times = sent_times(steady(10, Rates(tokens_per_minute=6000)), 3, tokens=3000)
    assert times == pytest.approx([1000, 1030, 1060], abs=0.1)


@pytest.mark.parametrize(
    ("used", "second"),
    [
        pytest.param(3000, 1030, id="as estimated"),
        pytest.param(1000, 1010, id="less"),
        pytest.param(4000, 1040, id="more"),
        pytest.param(None, 1030, id="nobody knows how much"),
        pytest.param(10**15, 1150, id="an absurd number, which counts for two minutes"),
        pytest.param(-5, 1000, id="less than nothing, which counts for nothing"),
    ],
)
def test_tokens_are_settled_by_what_was_really_used(used: int | None, second: float) -> None:
    async def test() -> None:
        pace = steady(10, Rates(tokens_per_minute=6000))
        leave(pace, await pace.enter(3000), tokens=used)
        await pace.enter(3000)
        assert now() == pytest.approx(second, abs=0.1)

    virtually(test)


def test_tokens_that_have_run_over_are_not_given_back() -> None:
    async def test() -> None:
        pace = steady(10, Rates(tokens_per_minute=6000))
        slow = await pace.enter(1000)
        await asyncio.sleep(20)  # the store is full again, and would be without these tokens, too
        await pace.enter(150)
        leave(pace, slow, tokens=0)
        await pace.enter(200)
        assert now() == pytest.approx(1021.5)

    virtually(test)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_in_no_minute_more_is_sent_than_the_rate_and_its_store(data: st.DataObject) -> None:
    per_minute = data.draw(st.integers(1, 5000))
    tokens_per_minute = data.draw(st.integers(100, 100_000))
    rates = Rates(requests_per_minute=per_minute, tokens_per_minute=tokens_per_minute)
    random = Random(data.draw(st.integers(0, 2**32)))  # noqa: S311 - a plan that can be repeated
    largest = data.draw(st.integers(1, 3000))
    sent: list[tuple[float, int]] = []

    async def ask(pace: Pace) -> None:
        await asyncio.sleep(random.choice((0, random.uniform(0, 100))))
        estimate = random.randint(1, largest)
        waiter = asyncio.create_task(pace.enter(estimate))
        await asyncio.wait((waiter,), timeout=random.choice((None, random.uniform(0, 30))))
        waiter.cancel()
        await asyncio.wait((waiter,))
        if waiter.cancelled():
            return
        used = random.randint(0, estimate)
        sent.append((now(), used))
        await asyncio.sleep(random.expovariate(0.5))
        leave(pace, waiter.result(), tokens=used)

    async def main() -> None:
        pace = steady(200, rates)
        await asyncio.gather(*(ask(pace) for _ in range(150)))

    run_virtual(main())
    sent.sort()
    for start, _ in sent:
        window = [used for at, used in sent if start <= at <= start + 60]
        assert len(window) <= per_minute * 62 / 60 + 1
        assert sum(window) <= tokens_per_minute * 62 / 60 + largest


# Rates that a 429 shows


def test_a_429_halves_once_what_may_be_in_flight() -> None:
    async def test() -> None:
        pace = steady(16)
        tickets = await enter_all(pace, 16)
        for ticket in tickets:  # all of them were sent before the first 429 came back
            leave(pace, ticket, limited=True, after=1.0)
            assert pace.allowed == 8
        probe = await pace.enter(0)
        leave(pace, probe, limited=True)
        assert pace.allowed == 4

    virtually(test)


def test_one_may_always_be_in_flight() -> None:
    async def test() -> None:
        pace = steady(4)
        for _ in range(10):
            leave(pace, await pace.enter(0), limited=True)
        assert pace.allowed == 1

    virtually(test)


def test_it_grows_by_one_with_each_round_up_to_the_jobs() -> None:
    async def test() -> None:
        pace = steady(4)
        leave(pace, await pace.enter(0), limited=True)
        allowed = []
        for _ in range(8):
            leave(pace, await pace.enter(0))
            allowed.append(pace.allowed)
        assert allowed == [2, 3, 3, 3, 4, 4, 4, 4]

    virtually(test)


def test_an_answer_to_what_was_sent_before_the_halving_does_not_make_it_grow() -> None:
    async def test() -> None:
        pace = steady(4)
        tickets = await enter_all(pace, 4)
        leave(pace, tickets[0], limited=True)
        for ticket in tickets[1:]:
            leave(pace, ticket)
        assert pace.allowed == 2

    virtually(test)


def test_after_a_429_one_goes_first_and_the_others_when_it_was_let_in() -> None:
    async def test() -> None:
        pace = steady(16)
        tickets = await enter_all(pace, 16)
        leave(pace, tickets[0], limited=True, after=7.0)
        assert pace.held() == pytest.approx(7)
        waiters = [asyncio.create_task(pace.enter(0)) for _ in range(10)]
        for ticket in tickets[1:]:
            leave(pace, ticket)
        await asyncio.sleep(6.9)
        assert not any(waiter.done() for waiter in waiters)
        await asyncio.sleep(0.2)
        assert [waiter.done() for waiter in waiters] == [True] + [False] * 9
        assert pace.held() == 0
        await asyncio.sleep(2)
        leave(pace, waiters[0].result())
        await asyncio.sleep(2)
        assert [waiter.done() for waiter in waiters] == [True] * 9 + [False]  # it and eight more

    virtually(test)


def test_those_that_follow_do_not_come_as_one() -> None:
    async def test() -> None:
        pace = steady(8)
        tickets = await enter_all(pace, 8)
        await asyncio.sleep(2)
        leave(pace, tickets[0])
        for ticket in tickets[1:]:
            leave(pace, ticket, limited=True)
        probe = await pace.enter(0)
        await asyncio.sleep(2)
        leave(pace, probe)
        begun = now()
        times = []
        for _ in range(4):
            await pace.enter(0)
            times.append(now() - begun)
        assert times == pytest.approx([0, 0.25, 0.5, 0.75])

    virtually(test)


def refuse(pace: Pace, ticket: Ticket) -> None:
    leave(pace, ticket, limited=True, after=3.0)


@pytest.mark.parametrize(
    ("end", "seconds"),
    [
        pytest.param(lambda pace, probe: pace.abandon(probe), 0, id="is cancelled"),
        pytest.param(leave, 0, id="fails in another way"),
        pytest.param(refuse, 3, id="is refused"),
        pytest.param(lambda _pace, _probe: None, 10, id="hangs"),
    ],
)
def test_the_next_waits_no_longer_than_it_must_for_one_ahead_that(
    end: Callable[[Pace, Ticket], Any], seconds: float
) -> None:
    async def test() -> None:
        pace = steady(8)
        leave(pace, await pace.enter(0), limited=True)
        probe = await pace.enter(0)
        end(pace, probe)
        await pace.enter(0)
        assert now() == pytest.approx(1000 + seconds)

    virtually(test)


def test_one_ahead_is_not_waited_for_in_another_loop() -> None:
    pace = Pace(8, clock=lambda: 0.0, draw=lambda: 0.0)

    async def first() -> None:
        leave(pace, await pace.enter(0), limited=True)
        await pace.enter(0)

    async def second() -> None:
        await pace.enter(0)
        assert now() == 0

    asyncio.run(first())
    run_virtual(second())


def test_a_later_429_never_shortens_the_pause() -> None:
    async def test() -> None:
        pace = steady(4)
        tickets = await enter_all(pace, 4)
        for ticket, after in zip(tickets, (9.0, 30.0, 1.0, None), strict=True):
            leave(pace, ticket, limited=True, after=after)
        await pace.enter(0)
        assert now() == pytest.approx(1030)

    virtually(test)


@pytest.mark.parametrize("draw", [0.0, 0.5, 1.0])
def test_a_server_is_never_asked_sooner_than_it_says_and_hardly_later(draw: float) -> None:
    async def test() -> None:
        pace = steady(4, draw=draw)
        leave(pace, await pace.enter(0), limited=True, after=20.0)
        await pace.enter(0)
        assert 1020 <= now() <= 1021.1

    virtually(test)


@pytest.mark.parametrize("after", [1e9, float("inf")], ids=["ages", "for ever"])
def test_a_server_cannot_order_a_wait_of_more_than_two_minutes(after: float) -> None:
    async def test() -> None:
        pace = steady(4)
        leave(pace, await pace.enter(0), limited=True, after=after)
        await pace.enter(0)
        assert now() == pytest.approx(1120)

    virtually(test)


@pytest.mark.parametrize("after", [-1.0, float("nan")], ids=["the past", "no number"])
def test_an_order_to_wait_that_is_nonsense_holds_nothing(after: float) -> None:
    async def test() -> None:
        pace = steady(4)
        leave(pace, await pace.enter(0), limited=True, after=after)
        await pace.enter(0)
        assert now() == 1000

    virtually(test)


def test_without_an_order_the_pause_doubles_up_to_a_minute_and_starts_anew() -> None:
    async def test() -> None:
        pace = steady(1, draw=1.0)
        pauses = []
        for limited in [True] * 9 + [False, True]:
            leave(pace, await pace.enter(0), limited=limited)
            pauses.append(pace.held())
        assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 32, 60, 60, 0, 0.5], abs=0.01)

    virtually(test)


def test_a_thousand_refusals_in_a_row_have_a_pause() -> None:
    async def test() -> None:
        pace = steady(1, draw=1.0)
        for _ in range(2000):
            leave(pace, await pace.enter(0), limited=True)
        assert pace.held() == pytest.approx(60)

    virtually(test)


# Rates that headers tell


@pytest.mark.parametrize(
    ("limits", "tokens", "at"),
    [
        pytest.param(Limits(requests=0, requests_reset=9.0), 5, 1009, id="no request is left"),
        pytest.param(Limits(tokens=0, tokens_reset=9.0), 5, 1009, id="no token is left"),
        pytest.param(Limits(tokens=400, tokens_reset=9.0), 500, 1009, id="too few tokens are left"),
        pytest.param(Limits(requests=0, requests_reset=1e9), 5, 1120, id="none, for ages"),
        pytest.param(Limits(requests=1, requests_reset=9.0), 5, 1004.5, id="few: they are spread"),
        pytest.param(Limits(requests=99, requests_reset=9.0), 5, 1000, id="enough is left"),
        pytest.param(Limits(requests=0), 5, 1000, id="nobody says until when"),
        pytest.param(Limits(requests_reset=9.0), 5, 1000, id="nobody says how much"),
        pytest.param(Limits(requests=-7, requests_reset=-1.0), 5, 1000, id="nonsense"),
    ],
)
def test_what_is_used_up_is_waited_for(limits: Limits, tokens: int, at: float) -> None:
    async def test() -> None:
        pace = steady(16)
        leave(pace, await pace.enter(5), limits=limits)
        await pace.enter(tokens)
        assert now() == pytest.approx(at, abs=0.01)

    virtually(test)


def test_what_was_sent_after_the_request_that_is_answered_is_taken_off() -> None:
    async def test() -> None:
        pace = steady(4)
        tickets = await enter_all(pace, 3)
        leave(pace, tickets[0], limits=Limits(requests=2, requests_reset=30.0))
        await pace.enter(0)
        assert now() == pytest.approx(1030)

    virtually(test)


def test_an_older_answer_does_not_count_beside_a_newer_one() -> None:
    async def test() -> None:
        pace = steady(16)
        older, newer = await enter_all(pace, 2)
        leave(pace, newer, limits=Limits(requests=500, requests_reset=60.0))
        leave(pace, older, limits=Limits(requests=0, requests_reset=60.0))
        await pace.enter(0)
        assert now() == 1000

    virtually(test)


def test_an_older_answer_cannot_lengthen_the_wait() -> None:
    async def test() -> None:
        pace = steady(16)
        older, newer = await enter_all(pace, 2)
        leave(pace, newer, limits=Limits(requests=0, requests_reset=5.0))
        leave(pace, older, limits=Limits(requests=0, requests_reset=60.0))
        await pace.enter(0)
        assert now() == pytest.approx(1005)

    virtually(test)


def test_a_429_that_names_a_time_counts_before_its_other_headers() -> None:
    async def test() -> None:
        pace = steady(16)
        limits = Limits(requests=0, requests_reset=60.0)
        leave(pace, await pace.enter(0), limited=True, after=2.0, limits=limits)
        await pace.enter(0)
        assert now() == pytest.approx(1002)

    virtually(test)


def test_held_tells_what_the_first_in_the_line_waits_for() -> None:
    async def test() -> None:
        pace = steady(16, Rates(requests_per_minute=2))
        await pace.enter(0)
        assert pace.held() == 0  # nobody waits
        waiter = asyncio.create_task(pace.enter(0))
        await asyncio.sleep(10)
        assert pace.held() == pytest.approx(20)
        await waiter

    virtually(test)


# Servers of all kinds

servers = st.builds(
    LimitedServer,
    store=st.integers(1, 200),
    per_second=st.floats(0.5, 200),
    latency=st.floats(0.05, 5),
    tells_when=st.booleans(),
    tells_rest=st.booleans(),
    refuses_until=st.sampled_from([0.0, 0.0, 3.0, 40.0]),
    seed=st.integers(0, 2**32),
)


@settings(max_examples=80, deadline=None)
@given(
    servers,
    st.integers(1, 64),
    st.integers(1, 250),
    st.integers(0, 20),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.integers(0, 2**32),
)
def test_every_case_is_answered_once_whatever_the_server_and_whoever_is_cancelled(
    server: LimitedServer, jobs: int, cases: int, more: int, cancels: float, seed: int
) -> None:
    pace = pace_of(jobs, seed=seed)
    crowd = Crowd(
        server=server, pace=pace, cases=cases, workers=jobs + more, cancels=cancels, seed=seed
    )
    run_virtual(crowd.run())
    assert crowd.answers == dict.fromkeys(range(cases), 1)
    assert server.at_once <= jobs
    assert 1 <= pace.allowed <= jobs


@settings(max_examples=80, deadline=None)
@given(
    st.integers(5, 200),
    st.floats(0.5, 200),
    st.floats(0.05, 3),
    st.booleans(),
    st.integers(1, 64),
    st.integers(1, 400),
    st.integers(0, 2**32),
)
def test_all_in_all_it_takes_not_much_longer_than_the_limit_wants(
    store: int, per_second: float, latency: float, tells: bool, jobs: int, cases: int, seed: int
) -> None:
    server = LimitedServer(
        store=store, per_second=per_second, latency=latency, tells_when=tells, seed=seed
    )
    crowd = Crowd(server=server, pace=pace_of(jobs, seed=seed), cases=cases, workers=jobs)
    _, took = run_virtual(crowd.run())
    ideal = max(latency * ceil(cases / jobs), (cases - store) / per_second)
    assert took <= 1.5 * ideal + 45


def test_a_server_that_tells_what_is_left_refuses_next_to_nothing() -> None:
    server = LimitedServer(store=60, per_second=5, latency=0.5, tells_rest=True)
    crowd = Crowd(server=server, pace=pace_of(16), cases=1000, workers=16)
    _, took = run_virtual(crowd.run())
    assert server.refused <= 5
    assert took <= 1.1 * (1000 - 60) / 5


@pytest.mark.parametrize("tells", [False, True], ids=["without a time", "with a time"])
def test_once_the_server_recovers_so_does_the_pace(tells: bool) -> None:
    server = LimitedServer(
        store=10**6, per_second=10**6, latency=0.2, tells_when=tells, refuses_until=30.0
    )
    crowd = Crowd(server=server, pace=pace_of(32), cases=20_000, workers=32)
    run_virtual(crowd.run())
    assert server.refused <= 60
    last = [at for at in server.served if at > server.served[-1] - 10]
    assert len(last) / 10 >= 0.9 * 32 / 0.2


def test_a_waiter_that_nobody_serves_is_found_by_these_tests() -> None:
    async def test() -> None:
        pace = steady(1)
        await pace.enter(0)
        await pace.enter(0)

    with pytest.raises(NothingLeftError):
        virtually(test)


def test_nothing_grows_with_the_number_of_requests() -> None:
    import tracemalloc

    async def test() -> None:
        pace = steady(8, Rates(requests_per_minute=10**7, tokens_per_minute=10**9))
        limits = Limits(requests=10**6, requests_reset=1.0, tokens=10**6, tokens_reset=1.0)

        async def ask(count: int) -> None:
            for _ in range(count):
                waiter = asyncio.create_task(pace.enter(5))
                await asyncio.sleep(0.001)
                leave(pace, await waiter, tokens=4, limits=limits)

        await ask(500)
        before = tracemalloc.get_traced_memory()[0]
        await ask(5000)
        assert tracemalloc.get_traced_memory()[0] - before < 20_000

    tracemalloc.start()
    try:
        virtually(test)
    finally:
        tracemalloc.stop()
