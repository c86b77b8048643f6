from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from promptrun.execute import Call, crew, execute, stop, turning
from promptrun.execute.turning import Turning
from promptrun.models import Failure, Reply, Request

LOOPS = list(dict.fromkeys([asyncio.new_event_loop, turning.new_loop]))


@pytest.fixture(params=LOOPS, ids=["asyncio", "ours"])
def turned(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Turning]:
    monkeypatch.setattr(turning, "new_loop", request.param)
    one = Turning()
    yield one
    one.close()
    one.release()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def later(seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, interrupt)
    timer.start()
    return timer


class Stubborn:
    """A provider whose requests do not let themselves be cancelled, nor its closing."""

    def __init__(self, *, closes: bool) -> None:
        self.closes = closes
        self.closed = False

    async def open(self) -> Failure | None:
        return None

    async def complete(self, request: Request, *, on_piece: Any = None) -> Reply | Failure:
        del on_piece
        if request.body["messages"] != "quick":
            await self._hang()
        return Failure(kind="status", message="x")

    async def close(self) -> None:
        self.closed = True
        if not self.closes:
            await self._hang()

    async def list_models(self) -> list[str] | Failure:
        return []

    async def _hang(self) -> NoReturn:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue


def begun(provider: Stubborn) -> Any:
    """A run that has had its first answer, with another request in flight."""
    bodies = [{"messages": "slow"}, {"messages": "quick"}]
    calls = [Call(key=key, request=Request(body=body)) for key, body in enumerate(bodies)]
    events = execute(calls, provider)
    next(events)
    return events


def test_ctrl_c_ends_a_turn_and_raises_nothing_inside_of_it(turned: Turning) -> None:
    turned.hold()
    turned.loop.call_later(0.05, interrupt)
    turned.until(turned.loop.create_future())
    assert turned.interrupted


def test_ctrl_c_wakes_a_loop_that_sleeps(turned: Turning) -> None:
    turned.hold()
    timer = later(0.1)
    began = time.monotonic()
    turned.until(turned.loop.create_future())
    timer.join()
    assert time.monotonic() - began < 2


def test_one_press_that_comes_twice_is_one(turned: Turning) -> None:
    turned.hold()
    interrupt()
    interrupt()
    assert turned.interrupted


def test_another_press_gets_out_of_what_blocks_the_loop(
    turned: Turning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "SAME_PRESS", 0)
    turned.hold()
    interrupt()
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_a_stop_that_was_left_behind_ends_nothing(turned: Turning) -> None:
    gate = turned.loop.create_future()
    turned.loop.call_later(0.05, gate.set_result, "done")
    turned.loop.stop()
    turned.until(gate)
    assert gate.result() == "done"


def test_a_handler_of_the_host_stays() -> None:
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    one = Turning()
    try:
        one.hold()
        interrupt()
        assert (len(pressed), one.interrupted) == (1, False)
    finally:
        one.release()
        one.close()
        signal.signal(signal.SIGINT, before)


def test_the_wake_up_of_the_host_is_given_back(turned: Turning) -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    turned.hold()
    turned.release()
    assert signal.set_wakeup_fd(-1) == write
    os.close(read)
    os.close(write)


def test_another_thread_holds_nothing(turned: Turning) -> None:
    thread = threading.Thread(target=turned.hold)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_between_events_ctrl_c_is_the_consumers() -> None:
    events = begun(Stubborn(closes=True))
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    events.close()


def test_what_is_not_to_be_cancelled_does_not_keep_the_provider_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crew, "_CANCELLING", 0.1)
    provider = Stubborn(closes=True)
    events = begun(provider)
    events.close()
    assert provider.closed


def test_closing_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_CANCELLING", 0.1)
    monkeypatch.setattr(crew, "_CLOSING", 0.3)
    events = begun(Stubborn(closes=False))
    began = time.monotonic()
    events.close()
    assert time.monotonic() - began < 2


def test_another_ctrl_c_ends_the_closing_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_CLOSING", 30)
    events = begun(Stubborn(closes=False))
    first, second = later(0.1), later(0.6)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(events)
    first.join()
    second.join()
    assert time.monotonic() - began < 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
