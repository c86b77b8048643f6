from __future__ import annotations

import asyncio
import gc
import itertools
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import pytest

from promptrun.errors import UsageError
from promptrun.execute import (
    Answer,
    Call,
    Event,
    Idle,
    Meter,
    Piece,
    Restarted,
    RetryPolicy,
    Stop,
    Terms,
    Waiting,
    execute,
    turning,
)
from promptrun.execute.crew import Crew
from promptrun.models import Failure, Reply, Request, Server
from promptrun.providers import open_provider
from tests.execute.test_turning import LOOPS
from tests.openai_server import (
    Answer as Said,
)
from tests.openai_server import (
    OpenAIServer,
    bad_key,
    error,
    hanging,
    out_of_quota,
    slow_down,
    text,
)

QUICK = RetryPolicy(first_delay=0.001, longest_delay=0.05)


def call(key: int, content: str | None = None, *, pieces: bool = False, **fields: Any) -> Call:
    messages = [{"role": "user", "content": content or f"case {key}"}]
    body = {"model": "m", "messages": messages, "stream": pieces, **fields}
    return Call(key=key, request=Request(body=body), pieces=pieces)


def run(
    server: OpenAIServer,
    calls: Iterable[Call | None],
    keep: Callable[[Answer], None] | None = None,
    urgent: deque[Call] | None = None,
    **terms: Any,
) -> Generator[Event]:
    at = Server(name="openai", kind="openai", base_url=server.base_url, api_key="k", timeout=10)
    return execute(
        calls, open_provider(at), Terms(**{"policy": QUICK} | terms), urgent=urgent, keep=keep
    )


def answers(events: Iterable[Event]) -> list[Answer]:
    return [event for event in events if isinstance(event, Answer)]


def content(answer: Answer) -> str | None:
    assert answer.reply is not None, answer.failure
    return answer.reply.choices[0].content


def test_every_call_gets_its_own_answer() -> None:
    with OpenAIServer() as server:
        found = answers(run(server, map(call, range(100))))
    assert sorted((a.key, content(a), a.attempts) for a in found) == [
        (key, f"case {key}", 1) for key in range(100)
    ]


def test_no_calls_start_nothing() -> None:
    class Untouched:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"{name} was used")

    provider: Any = Untouched()
    assert list(execute([], provider)) == []


@pytest.mark.parametrize("jobs", [1, 4, 16])
def test_no_more_than_the_jobs_are_in_flight(jobs: int) -> None:
    with OpenAIServer(text("x", delay=0.02)) as server:
        assert len(list(run(server, map(call, range(40)), jobs=jobs))) == 40
        assert server.most_in_flight == jobs


def test_calls_are_read_no_further_than_one_round_ahead() -> None:
    taken = 0

    def endless() -> Iterator[Call]:
        nonlocal taken
        for taken in itertools.count(1):
            yield call(taken)

    with OpenAIServer() as server:
        events = run(server, endless(), jobs=4)
        for answered in range(1, 50):
            next(events)
            assert taken <= answered + 8
        events.close()


def test_the_first_requests_leave_while_more_calls_are_read() -> None:
    with OpenAIServer() as server:

        def calls() -> Iterator[Call]:
            for key in range(8):
                if key >= 4:
                    time.sleep(0.05)
                if key >= 6:
                    assert server.requests
                yield call(key)

        assert len(list(run(server, calls(), jobs=4))) == 8


def test_workers_are_as_many_as_are_needed() -> None:
    with OpenAIServer() as server:
        list(run(server, map(call, range(20)), jobs=2))
        assert server.accepted <= 2


def test_a_piece_comes_out_before_the_last_was_sent() -> None:
    release = threading.Event()
    with OpenAIServer(text("abcdefgh", hold_after=2, release=release)) as server:
        events = run(server, [call(7, pieces=True)])
        assert next(events) == Piece(key=7, index=0, text="abcd")
        assert server.in_flight == 1
        release.set()
        assert next(events) == Piece(key=7, index=0, text="efgh")
        last = next(events)
        assert isinstance(last, Answer)
        assert content(last) == "abcdefgh"


def test_pieces_come_only_where_they_are_wanted() -> None:
    wanted = call(1, stream=True)
    with OpenAIServer() as server:
        events = list(run(server, [wanted]))
    assert [type(event) for event in events] == [Answer]
    assert server.requests[0].json["stream"] is True


def test_a_failure_that_passes_is_tried_again() -> None:
    script = [slow_down(retry_after_ms="1"), error(500), Said(cut="before headers")]
    with OpenAIServer(text("at last"), script) as server:
        events = list(run(server, [call(3)]))
    *waits, last = events
    assert [(w.key, w.failure.kind) for w in waits if isinstance(w, Waiting)] == [
        (3, "rate_limit"),
        (3, "status"),
        (3, "connection"),
    ]
    assert isinstance(last, Answer)
    assert (content(last), last.attempts) == ("at last", 4)
    assert len({request.body for request in server.requests}) == 1


def test_a_failure_that_stays_is_not_tried_again() -> None:
    with OpenAIServer(error(400)) as server:
        (answer,) = answers(run(server, [call(1)]))
        assert len(server.requests) == 1
    assert (answer.attempts, answer.failure.kind if answer.failure else "") == (1, "status")


def test_attempts_have_an_end() -> None:
    with OpenAIServer(error(503)) as server:
        (answer,) = answers(run(server, [call(1)]))
        assert len(server.requests) == 5
    assert answer.attempts == 5
    assert answer.failure is not None
    assert answer.failure.status == 503


def test_a_server_is_left_in_peace_for_as_long_as_it_asks() -> None:
    with OpenAIServer(text("x"), [slow_down(retry_after="0.2")]) as server:
        list(run(server, [call(1)], policy=RetryPolicy()))
        first, second = server.requests
    assert second.at - first.at >= 0.2


def test_a_rate_limit_holds_for_all() -> None:
    with OpenAIServer(text("x"), [slow_down(retry_after="0.4")]) as server:
        found = answers(run(server, map(call, range(20)), jobs=4, policy=RetryPolicy()))
        times = sorted(request.at for request in server.requests)
    assert len(found) == 20
    # Those that were under way had left already; then nothing, and one goes first.
    assert sum(time < times[0] + 0.39 for time in times) <= 4
    assert {a.attempts for a in found} == {1, 2}


def test_others_go_on_while_one_waits() -> None:
    policy = RetryPolicy(longest_delay=60)
    script = [error(503, headers=[("retry-after", "0.3")])]
    with OpenAIServer(text("x"), script) as server:
        found = answers(run(server, map(call, range(10)), jobs=2, policy=policy))
    assert found[-1].attempts == 2
    assert [a.attempts for a in found[:-1]] == [1] * 9


def test_a_stream_that_starts_over_says_so() -> None:
    with OpenAIServer(text("abcdefgh"), [text("abcdefgh", cut="mid event")]) as server:
        events = list(run(server, [call(1, pieces=True)]))
    kinds = [type(event) for event in events if not isinstance(event, Waiting)]
    assert kinds == [Piece, Restarted, Piece, Piece, Answer]


def test_a_stream_that_broke_before_its_first_piece_has_nothing_to_start_over() -> None:
    with OpenAIServer(text("abcd"), [error(500)]) as server:
        events = list(run(server, [call(1, pieces=True)]))
    assert Restarted(key=1) not in events


@pytest.mark.parametrize("final", [bad_key, out_of_quota], ids=["auth", "quota"])
def test_a_final_failure_ends_the_sending(final: Any) -> None:
    stop = Stop()
    with OpenAIServer(final()) as server:
        found = answers(run(server, map(call, range(200)), jobs=4, stop=stop))
        assert len(server.requests) <= 4
    assert 1 <= len(found) == len(server.requests)
    assert {a.attempts for a in found} == {1}
    assert found[0].failure is not None
    assert (stop.reason, stop.hint) == (found[0].failure.message, found[0].failure.hint)


def test_a_server_that_asks_for_an_hour_ends_the_sending() -> None:
    stop = Stop()
    with OpenAIServer(slow_down(retry_after="3600")) as server:
        found = answers(run(server, map(call, range(50)), jobs=1, stop=stop))
    assert [a.failure.kind for a in found if a.failure] == ["rate_limit"]
    assert stop.asked


def test_a_reply_on_its_way_is_kept_when_the_run_is_given_up() -> None:
    script = [text("slow", delay=0.3), bad_key()]
    with OpenAIServer(text("never"), script) as server:
        found = {a.key: a for a in answers(run(server, map(call, range(5)), jobs=2))}
    assert [content(a) for a in found.values() if a.reply] == ["slow"]
    assert len(server.requests) == 2


def test_nobody_waits_for_a_retry_when_the_run_is_given_up() -> None:
    script = [error(503, headers=[("retry-after", "30")]), text("ok", delay=0.1), bad_key()]
    started = time.monotonic()
    with OpenAIServer(text("never"), script) as server:
        found = answers(run(server, map(call, range(3)), jobs=2, policy=RetryPolicy()))
    assert time.monotonic() - started < 10
    # Why it waited is told, too.
    assert sorted(a.failure.kind for a in found if a.failure) == ["auth", "status"]


def test_a_provider_that_cannot_start_answers_its_first_call() -> None:
    stop = Stop()
    at = Server(name="x", kind="openai", base_url="nowhere")
    found = answers(execute(map(call, range(3)), open_provider(at), Terms(stop=stop)))
    assert [(a.key, a.attempts, a.failure.kind if a.failure else "") for a in found] == [
        (0, 0, "setup")
    ]
    assert stop.asked


def test_a_stop_lets_what_is_under_way_come_and_sends_nothing_more() -> None:
    stop = Stop()
    with OpenAIServer(text("x", delay=0.1)) as server:
        events = run(server, map(call, range(100)), jobs=4, stop=stop)
        first = next(events)
        assert isinstance(first, Answer)
        stop.ask("enough")
        rest = answers(events)
        assert len(server.requests) == 1 + len(rest)
    assert 1 + len(rest) <= 8


def test_a_stop_from_another_thread_wakes_a_run_that_only_waits_to_try_again() -> None:
    stop = Stop()
    policy = RetryPolicy(first_delay=60, draw=lambda: 1.0)
    began = time.monotonic()
    with OpenAIServer(error(500)) as server:
        timer = threading.Timer(0.3, stop.ask, ["enough"])
        timer.start()
        found = answers(run(server, map(call, range(3)), stop=stop, policy=policy))
        timer.join()
    assert [a.failure.status for a in found if a.failure] == [500] * 3
    assert time.monotonic() - began < 5


def test_a_run_that_was_stopped_before_it_began_sends_nothing() -> None:
    stop = Stop()
    stop.ask("enough")
    with OpenAIServer() as server:
        assert list(run(server, map(call, range(3)), stop=stop)) == []
        assert not server.requests


def test_no_request_goes_out_that_is_not_allowed() -> None:
    left = 5

    def may_send() -> bool:
        nonlocal left
        left -= 1
        if left < 0:
            stop.ask("the budget is spent")
        return left >= 0

    stop = Stop()
    with OpenAIServer(script=[error(500), error(500)]) as server:
        found = answers(run(server, map(call, range(50)), jobs=2, stop=stop, may_send=may_send))
        assert len(server.requests) == 5
    # A call that failed, and may not be sent again, has its failure for an answer.
    assert sum(answer.reply is not None for answer in found) == 3
    assert 3 <= len(found) <= 5


def test_a_request_that_may_not_go_yet_waits() -> None:
    answered = 0

    def may_send() -> bool | None:
        return True if answered or not meter.in_flight else None

    def keep(_: Answer) -> None:
        nonlocal answered
        answered += 1

    meter = Meter()
    with OpenAIServer(text("x", delay=0.1)) as server:
        calls = map(call, range(8))
        events = run(server, calls, jobs=4, may_send=may_send, keep=keep, meter=meter)
        found = answers(events)
        first, second = sorted(request.at for request in server.requests)[:2]
    assert len(found) == 8
    assert second - first >= 0.1


def test_a_run_that_waits_gives_the_consumer_its_turn() -> None:
    with OpenAIServer(text("x", delay=0.5)) as server:
        events = list(run(server, [call(1)], tick=0.05))
    assert sum(isinstance(event, Idle) for event in events) >= 4


def test_an_answer_tells_how_long_its_call_had_to_wait() -> None:
    with OpenAIServer(text("x", delay=0.1)) as server:
        queued = [a.queued for a in answers(run(server, map(call, range(3)), jobs=1))]
    assert queued[0] is not None
    assert queued[2] is not None
    # The third is taken when the second is sent, so that its worker finds it ready.
    assert queued[0] < 0.05 < queued[2]


class Watched:
    """A provider that counts what is done to it."""

    def __init__(self, outcome: Any = None) -> None:
        self.outcome = outcome
        self.log: list[str] = []

    async def open(self) -> Failure | None:
        self.log.append("open")
        return None

    async def close(self) -> None:
        self.log.append("close")

    async def complete(self, request: Request, *, on_piece: Any = None) -> Reply | Failure:
        del request, on_piece
        try:
            if isinstance(self.outcome, BaseException):
                raise self.outcome
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            self.log.append("cancelled")
            raise
        raise AssertionError("unreachable")

    async def list_models(self) -> list[str] | Failure:
        return []


def test_a_worker_goes_on_to_its_next_call_without_the_consumer() -> None:
    class Counting(Watched):
        begun = 0

        async def complete(self, request: Request, *, on_piece: Any = None) -> Reply | Failure:
            del request, on_piece
            self.begun += 1
            await asyncio.sleep(0.01)
            return Failure(kind="status", message="x")

    provider = Counting()
    events = execute(map(call, range(10)), provider, Terms(jobs=1))
    assert [next(events).key, next(events).key] == [0, 1]
    assert provider.begun == 3


@pytest.mark.parametrize("raised", [ValueError("a mistake"), KeyboardInterrupt()], ids=repr)
def test_what_a_provider_raises_reaches_the_consumer(raised: BaseException) -> None:
    provider = Watched(raised)
    with pytest.raises(type(raised)):
        list(execute(map(call, range(3)), provider, Terms(jobs=2)))
    assert provider.log[0] == "open"
    assert provider.log[-1] == "close"
    assert provider.log.count("close") == 1


def test_an_error_of_the_calls_cancels_what_is_in_flight() -> None:
    provider = Watched()

    def broken() -> Iterator[Call]:
        yield call(0)
        yield call(1)
        raise ValueError("a bad row")

    with pytest.raises(ValueError, match="a bad row"):
        list(execute(broken(), provider))
    # A call may have begun meanwhile.
    assert [one for one in provider.log if one != "cancelled"] == ["open", "close"]


def test_closing_cancels_what_is_in_flight_and_leaves_nothing_behind() -> None:
    threads = threading.active_count()
    with OpenAIServer(hanging(), [text("quick")]) as server:
        events = run(server, map(call, range(50)), jobs=8)
        assert content(answers([next(events)])[0]) == "quick"
        events.close()
        assert server.wait_idle()
        assert len(server.requests) <= 10
    gc.collect()  # a socket or a task that was left open would warn, and warnings are errors
    assert threading.active_count() <= threads
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_closing_in_the_middle_of_a_stream_closes_its_connection() -> None:
    with OpenAIServer(text("abcdefgh", hold_after=2, release=threading.Event())) as server:
        events = run(server, [call(1, pieces=True)])
        assert isinstance(next(events), Piece)
        events.close()
        assert server.wait_idle()


def test_an_interrupt_while_waiting_ends_everything() -> None:
    with OpenAIServer(hanging()) as server:
        timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            list(run(server, map(call, range(5))))
        timer.join()
        assert server.wait_idle()


def test_a_consumer_that_takes_its_time_loses_nothing() -> None:
    with OpenAIServer() as server:
        seen = 0
        for _ in run(server, map(call, range(20)), jobs=4):
            time.sleep(0.01)
            seen += 1
    assert seen == 20


def test_it_runs_in_a_thread() -> None:
    found: list[Answer] = []
    with OpenAIServer() as server:
        thread = threading.Thread(target=lambda: found.extend(answers(run(server, [call(1)]))))
        thread.start()
        thread.join(10)
    assert [content(answer) for answer in found] == ["case 1"]


def test_inside_a_running_loop_it_says_what_to_do_and_a_thread_works() -> None:
    async def notebook(server: OpenAIServer) -> list[Answer]:
        with pytest.raises(UsageError, match="already running") as caught:
            list(run(server, [call(1)]))
        assert "asyncio.to_thread" in (caught.value.hint or "")
        return await asyncio.to_thread(lambda: answers(run(server, [call(1)])))

    with OpenAIServer() as server:
        assert len(asyncio.run(notebook(server))) == 1


def test_many_pieces_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    # The loop stands still while the consumer looks at an event: what piles up is one turn's.
    most = 0
    original = Crew.wait

    def wait(crew: Crew) -> None:
        nonlocal most
        original(crew)
        most = max(most, len(crew.events))

    monkeypatch.setattr(Crew, "wait", wait)
    with OpenAIServer(text("x" * 20_000, piece=1)) as server:
        events = run(server, [call(1, pieces=True)])
        assert sum(isinstance(event, Piece) for event in events) == 20_000
    assert most < 5_000


def test_an_answer_is_kept_though_nobody_takes_it() -> None:
    kept: list[int] = []
    with OpenAIServer() as server:
        events = run(
            server, map(call, range(12)), jobs=12, keep=lambda answer: kept.append(answer.key)
        )
        next(events)
        time.sleep(0.2)
        # What came meanwhile is there in one turn of the loop; the consumer takes one, and leaves.
        next(events)
        events.close()
        answered = server.answered
    assert len(kept) > 2
    assert len(kept) <= answered


def test_a_stretch_with_nothing_to_send_hands_over_control() -> None:
    with OpenAIServer() as server:
        found = list(run(server, [None, None, call(0), None, None], jobs=2))
    assert len(answers(found)) == 1
    assert sum(isinstance(event, Idle) for event in found) >= 3


def test_answers_that_come_while_there_is_nothing_to_send_are_taken() -> None:
    def slowly() -> Iterator[Call | None]:
        for key in range(6):
            yield call(key)
            for _ in range(20):
                time.sleep(0.005)
                yield None

    with OpenAIServer() as server:
        found = answers(run(server, slowly(), jobs=4))
    assert sorted(answer.key for answer in found) == list(range(6))


def test_what_an_answer_asks_for_is_sent_though_the_calls_have_ended() -> None:
    urgent: deque[Call] = deque()
    keys = []
    with OpenAIServer() as server:
        for answer in answers_of(run(server, [call(0)], urgent=urgent)):
            keys.append(answer.key)
            if answer.key < 3:
                urgent.append(call(answer.key + 1))
    assert keys == [0, 1, 2, 3]


def answers_of(events: Iterable[Event]) -> Iterator[Answer]:
    return (event for event in events if isinstance(event, Answer))


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "ours"])
def test_a_reply_that_came_while_the_consumer_was_busy_is_not_too_late(
    loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turning, "new_loop", loop)
    # All eight are connected before the first reply: a timer of the connection may well run out.
    with OpenAIServer(text("x", delay=0.7), [text("quick", delay=0.5)]) as server:
        at = Server(name="x", kind="openai", base_url=server.base_url, timeout=1.2)
        found: list[Answer] = []
        for event in execute(map(call, range(8)), open_provider(at), Terms(jobs=8)):
            assert isinstance(event, Answer)
            if not found:
                time.sleep(2.0)
            found.append(event)
        assert len(server.requests) == 8
    assert [answer.attempts for answer in found] == [1] * 8


def test_a_server_that_is_too_slow_stays_so_for_a_busy_consumer() -> None:
    with OpenAIServer(hanging(), [text("quick")]) as server:
        at = Server(name="x", kind="openai", base_url=server.base_url, timeout=0.5)
        terms = Terms(jobs=2, policy=RetryPolicy(attempts=1))
        began = time.monotonic()
        found = []
        for event in execute(map(call, range(2)), open_provider(at), terms):
            assert isinstance(event, Answer)
            found.append(event)
            time.sleep(0.8)
    assert [answer.failure.kind for answer in found if answer.failure] == ["timeout"]
    assert time.monotonic() - began < 10
