from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from promptrun.execute import Answer, Stop, Terms, crew, execute, stop, turning
from promptrun.models import Server
from promptrun.providers import open_provider
from tests.execute.test_execute import answers, call, run
from tests.execute.test_turning import LOOPS
from tests.openai_server import OpenAIServer, hanging, text


@pytest.fixture(autouse=True, params=LOOPS, ids=lambda make: make.__module__)
def _loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turning, "new_loop", request.param)


@pytest.fixture
def on_signals() -> Iterator[Stop]:
    one = Stop()
    with one.on_signals():
        yield one
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def press(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


def later(seconds: float, number: int = signal.SIGINT) -> threading.Timer:
    timer = threading.Timer(seconds, press, [number])
    timer.start()
    return timer


def once_asked(
    server: OpenAIServer, requests: int, number: int = signal.SIGINT
) -> threading.Thread:
    """Press as soon as that many requests have come."""

    def wait() -> None:
        while len(server.requests) < requests:
            time.sleep(0.005)
        press(number)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_the_first_reason_stands() -> None:
    one = Stop()
    one.ask("the first", "a hint")
    one.ask("the second")
    assert (one.asked, one.reason, one.hint, one.interrupted) == (
        True,
        "the first",
        "a hint",
        False,
    )


def test_listeners_are_told_of_each_way_to_stop() -> None:
    one, told = Stop(), []
    with one.listen(lambda: told.append(one.reason)):
        one.ask("enough")
        one.interrupt()
    one.interrupt()
    assert told == ["enough", "enough"]
    assert one.interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_stops_and_raises_nothing(on_signals: Stop, number: int) -> None:
    press(number)
    assert on_signals.interrupted


def test_the_second_press_is_an_interrupt(
    on_signals: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "SAME_PRESS", 0)
    press()
    with pytest.raises(KeyboardInterrupt):
        press()


def test_one_press_that_comes_twice_is_one(on_signals: Stop) -> None:
    press()
    press()
    assert on_signals.interrupted


def test_a_handler_of_the_host_stays() -> None:
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    one = Stop()
    try:
        with one.on_signals():
            press()
        assert (pressed, one.interrupted) == ([1], False)
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_handles_nothing() -> None:
    def handle() -> None:
        with Stop().on_signals():
            handlers.append(signal.getsignal(signal.SIGINT))

    handlers: list[object] = []
    thread = threading.Thread(target=handle)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_under_way_still_comes_after_ctrl_c(on_signals: Stop, number: int) -> None:
    with OpenAIServer(text("x", delay=0.4)) as server:
        timer = once_asked(server, 4, number)
        found = answers(run(server, map(call, range(50)), jobs=4, stop=on_signals))
        timer.join()
        assert len(server.requests) == 4
    assert sorted(a.key for a in found if a.reply) == [0, 1, 2, 3]


def test_what_is_under_way_gets_a_few_seconds_only(
    on_signals: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "GRACE", 0.3)
    began = time.monotonic()
    with OpenAIServer(hanging(), [text("quick")]) as server:
        timer = once_asked(server, 5)
        found = answers(run(server, map(call, range(50)), jobs=4, stop=on_signals))
        timer.join()
        assert server.wait_idle()
    assert len(found) == 1
    assert time.monotonic() - began < 20


def test_another_ctrl_c_ends_the_waiting_at_once(on_signals: Stop) -> None:
    began = time.monotonic()
    with OpenAIServer(hanging()) as server:
        first, second = once_asked(server, 5), later(2)
        with pytest.raises(KeyboardInterrupt):
            list(run(server, map(call, range(5)), stop=on_signals))
        first.join()
        second.join()
        assert server.wait_idle()
    assert time.monotonic() - began < 20


def test_ctrl_c_after_a_limit_shortens_the_waiting(
    on_signals: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "GRACE", 0.2)
    on_signals_reason = "enough"
    with OpenAIServer(hanging(), [text("quick")]) as server:
        events = run(server, map(call, range(5)), jobs=2, stop=on_signals)
        assert isinstance(next(events), Answer)
        on_signals.ask(on_signals_reason)
        timer = later(0.3)
        assert answers(events) == []
        timer.join()
    assert (on_signals.reason, on_signals.interrupted) == ("enough", True)


def test_between_events_the_first_press_is_only_noted(on_signals: Stop) -> None:
    with OpenAIServer(text("x", delay=0.05)) as server:
        events = run(server, map(call, range(100)), jobs=2, stop=on_signals)
        next(events)
        press()
        assert len(answers(events)) <= 4
        assert len(server.requests) <= 5


def test_a_provider_that_is_just_starting_is_given_up_at_once(on_signals: Stop) -> None:
    class Slow:
        closed = False

        async def open(self) -> None:
            import asyncio

            await asyncio.sleep(3600)

        async def close(self) -> None:
            self.closed = True

    provider: object = Slow()
    timer = later(0.2)
    began = time.monotonic()
    assert list(execute([call(1)], provider, Terms(stop=on_signals))) == []  # type: ignore[arg-type]
    timer.join()
    assert time.monotonic() - began < 20
    assert provider.closed  # type: ignore[attr-defined]


def test_two_executors_of_one_run_stop_together() -> None:
    one = Stop()
    with OpenAIServer() as server:
        at = Server(name="x", kind="openai", base_url=server.base_url)
        first = execute(map(call, range(9)), open_provider(at), Terms(stop=one, jobs=1))
        next(first)
        one.ask("enough")
        assert len(answers(first)) <= 1
        assert list(execute([call(10)], open_provider(at), Terms(stop=one))) == []
