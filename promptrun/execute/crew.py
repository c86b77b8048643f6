"""The asynchronous half of the executor: a fixed set of workers inside one event loop."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from promptrun.execute.events import Answer, Call, Event, Piece, Restarted, Waiting
from promptrun.execute.turning import Turning
from promptrun.models import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.execute.policy import RetryPolicy
    from promptrun.providers.base import Provider

_FINAL = frozenset({"auth", "quota"})
"""Kinds of failure that every other request of the run would meet, too."""

_CANCELLING = 1.0
"""Seconds that tasks have to end once they are cancelled."""
_CLOSING = 5.0
"""Seconds that all of closing may take; an engine of our own needs some of them."""


def runs_loop() -> bool:
    """Whether this thread is inside an event loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Crew:
    """Workers that answer calls; all that they have to say is in `events`.

    They run only while `wait` does, and a caller takes what is in `events` before it waits again:
    so the queue never holds more than one turn of the loop brings.
    """

    def __init__(
        self,
        provider: Provider,
        policy: RetryPolicy,
        jobs: int,
        keep: Callable[[Answer], None] | None = None,
    ) -> None:
        self.events: deque[Event] = deque()
        self.final: Failure | None = None
        """The failure that ended the run: nothing more is sent after it."""
        self._turning = Turning()
        self._loop = self._turning.loop
        self._provider = provider
        self._policy = policy
        self._jobs = jobs
        self._keep = keep
        self._calls: asyncio.Queue[Call] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._wake: asyncio.Future[None] | None = None
        self._ended = asyncio.Event()
        self._broken: BaseException | None = None
        self._opened = False

    def open(self) -> Failure | None:
        """Start the provider; its failure where it cannot be."""
        self._opened = True
        opening = self._loop.create_task(self._provider.open())
        self._turn_until(opening)
        return opening.result()

    def admit(self, call: Call, waiting: int) -> None:
        """Queue a call for the next free worker; `waiting` calls before it have no answer yet."""
        if len(self._workers) < min(waiting + 1, self._jobs):
            worker = self._loop.create_task(self._work())
            worker.add_done_callback(self._worker_ended)
            self._workers.append(worker)
        self._calls.put_nowait(call)

    def wait(self) -> None:
        """Run the loop until there are events.

        Raises what a worker died of, a mistake of ours, and KeyboardInterrupt after Ctrl-C.
        """
        self._wake = self._loop.create_future()
        if self._broken is None:
            self._turn_until(self._wake)
        if self._broken is not None:
            raise self._broken

    def turn(self) -> bool:
        """Let the loop do what is ready now; whether that brought events."""
        gate = self._loop.create_future()
        self._loop.call_soon(_settle, gate)
        if self._broken is None:
            self._turn_until(gate)
        if self._broken is not None:
            raise self._broken
        return bool(self.events)

    def close(self) -> None:
        """Cancel what is in flight, close the provider and then the loop, in a few seconds.

        Ctrl-C meanwhile ends it at once; it is raised unless the run ends early already.
        """
        # On the way out of an interrupt or a closed generator, one more would only be printed.
        ends_early = isinstance(sys.exception(), KeyboardInterrupt | GeneratorExit)
        self._turning.hold()
        self._turning.interrupted = False
        self._wake = None
        try:
            self._wind_up()
        finally:
            self._turning.close()
            self._turning.release()
        if self._turning.interrupted and not ends_early:
            raise KeyboardInterrupt

    def _turn_until(self, gate: asyncio.Future[Any]) -> None:
        self._turning.hold()
        try:
            self._turning.until(gate)
        finally:
            # After Ctrl-C it holds on until `close` is through: another must not come in between.
            if not self._turning.interrupted:
                self._turning.release()
        if self._turning.interrupted:
            raise KeyboardInterrupt

    def _wind_up(self) -> None:
        for task in asyncio.all_tasks(self._loop):  # before the loop turns: what waits is not begun
            task.cancel()
        ending = self._loop.create_task(self._end_all())
        # A timer outside of the task, which may be stuck in what does not let itself be cancelled.
        gate = self._loop.create_future()
        timer = self._loop.call_later(_CLOSING, _settle, gate)
        ending.add_done_callback(lambda _: _settle(gate))
        self._turning.until(gate)
        timer.cancel()
        if ending.done():
            ending.result()

    async def _end_all(self) -> None:
        await self._cancel_all()
        if self._opened:
            await self._provider.close()
        await self._cancel_all()
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCELLING)

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        self._rouse()

    def _rouse(self) -> None:
        if self._wake is not None:
            _settle(self._wake)

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        error = None if worker.cancelled() else worker.exception()
        if error is not None:
            self._broken = error
            self._rouse()

    async def _work(self) -> None:
        while True:
            call = await self._calls.get()
            answer = await self._answer(call)
            if self._keep is not None:
                self._keep(answer)
            self._emit(answer)

    async def _answer(self, call: Call) -> Answer:
        attempts = 0
        while self.final is None:
            attempts += 1
            outcome, shown = await self._send(call)
            if isinstance(outcome, Reply):
                return Answer(key=call.key, reply=outcome, attempts=attempts)
            if outcome.kind in _FINAL:
                self.final = self.final or outcome
                self._ended.set()
            delay = self._policy.delay_after(outcome, attempts)
            if delay is None or self.final is not None:
                return Answer(key=call.key, failure=outcome, attempts=attempts)
            self._emit(Waiting(key=call.key, seconds=delay, failure=outcome))
            if await self._is_ended_within(delay):
                return Answer(key=call.key, failure=outcome, attempts=attempts)
            if shown:
                self._emit(Restarted(key=call.key))
        return Answer(key=call.key, failure=self.final, attempts=attempts)

    async def _send(self, call: Call) -> tuple[Reply | Failure, bool]:
        """The outcome of one attempt, and whether any piece of it was shown."""
        if not call.pieces:
            return await self._provider.complete(call.request), False
        shown = False

        def show(index: int, text: str) -> None:
            nonlocal shown
            shown = True
            self._emit(Piece(key=call.key, index=index, text=text))

        return await self._provider.complete(call.request, on_piece=show), shown

    async def _is_ended_within(self, seconds: float) -> bool:
        """Wait; True, and at once, where the run was given up meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                return await self._ended.wait()
        except TimeoutError:
            return False


def _settle(gate: asyncio.Future[None]) -> None:
    if not gate.done():
        gate.set_result(None)
