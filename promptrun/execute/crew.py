"""The asynchronous half of the executor: a fixed set of workers inside one event loop."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any

from promptrun.execute.attempts import Attempts
from promptrun.execute.events import Answer, Call, Event, Idle
from promptrun.execute.turning import Turning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from promptrun.execute.terms import Terms
    from promptrun.models import Failure
    from promptrun.providers.base import Provider

SHORTEST_PAUSE, LONGEST_PAUSE = 0.002, 0.005
"""Seconds that the loop stands still while the consumer is busy: as long as its last turn took.

Each turn has a price, and so has each transaction, which takes what came in one turn. So a loop
that has much to do turns less often; one that has little turns soon, for a server waits for it."""
HOPS = 16
"""Rounds of the loop that a reply takes at most, from the socket to its worker's next request."""
QUIET = 0.000_02
"""Seconds of a round in which nothing was ready; after two of these nothing will be."""
GRACE = 5.0
"""Seconds that requests under way still have after Ctrl-C."""

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
        self, provider: Provider, terms: Terms, keep: Callable[[Answer], None] | None = None
    ) -> None:
        self.events: deque[Event] = deque()
        self._turning = Turning(terms.stop)
        self._loop = self._turning.loop
        self._provider = provider
        self._terms = terms
        self._keep = keep
        self._attempts = Attempts(provider, terms, self._emit)
        self._calls: asyncio.Queue[tuple[Call, float]] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._wake: asyncio.Future[None] | None = None
        self._broken: BaseException | None = None
        self._committing: list[asyncio.Future[None]] = []
        """Those who wait until their answers are durable."""
        self._opening: asyncio.Task[Failure | None] | None = None
        self._stood = 0.0
        """Since when the loop stands still."""
        self._pause = SHORTEST_PAUSE
        self._cutting = False

    @property
    def is_sending(self) -> bool:
        """Whether a request is under way."""
        return bool(self._attempts.sending)

    def open(self) -> Failure | None:
        """Start the provider; its failure where it cannot be. A stop meanwhile ends it."""
        self._opening = opening = self._loop.create_task(self._provider.open())
        self._wake = gate = self._loop.create_future()
        opening.add_done_callback(lambda _: _settle(gate))
        if not self._terms.stop.asked:
            self._turn_until(gate)
        if self._terms.tick is not None:
            self._loop.call_later(self._terms.tick, self._be_idle, self._terms.tick)
        return opening.result() if opening.done() else None

    def admit(self, call: Call, waiting: int) -> None:
        """Queue a call for the next free worker; `waiting` calls before it have no answer yet."""
        if len(self._workers) < min(waiting + 1, self._terms.jobs):
            worker = self._loop.create_task(self._work())
            worker.add_done_callback(self._worker_ended)
            self._workers.append(worker)
        self._calls.put_nowait((call, self._loop.time()))

    def wait(self) -> None:
        """Run the loop until there are events, or until the run is to stop.

        Raises what a worker died of, a mistake of ours, and KeyboardInterrupt after Ctrl-C.
        """
        self._pause = SHORTEST_PAUSE
        self._wake = self._loop.create_future()
        if self._broken is None:
            self._turn_until(self._wake)
        if self._broken is not None:
            raise self._broken

    def take(self) -> Iterator[Event]:
        """The events that are there."""
        while self.events:
            yield self.events.popleft()

    def breathe(self) -> None:
        """Let the loop do what is ready where it has stood still for a while.

        A consumer may take long over its events, and meanwhile other replies come, whose workers
        could send their next request.
        """
        if monotonic() - self._stood > self._pause:
            self.turn()

    def turn(self) -> bool:
        """Let the loop do what is ready now; whether that brought events."""
        began = monotonic()
        gate = self._loop.create_future()
        self._loop.call_soon(self._hop, gate, HOPS, 0, began)
        if self._broken is None:
            self._turn_until(gate)
            self._pause = min(max(SHORTEST_PAUSE, self._stood - began), LONGEST_PAUSE)
        if self._broken is not None:
            raise self._broken
        return bool(self.events)

    def halt(self) -> None:
        """The run is to stop: called from anywhere, a signal handler among others."""
        self._loop.call_soon_threadsafe(self._halt)

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
            self._stood = monotonic()
            # After Ctrl-C it holds on until `close` is through: another must not come in between.
            if not self._turning.interrupted:
                self._turning.release()
        if self._turning.interrupted:
            raise KeyboardInterrupt

    def _wind_up(self) -> None:
        # Before the loop turns, so that what waits is not begun; a library's tasks are its own.
        for task in (self._opening, *self._workers):
            if task is not None:
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
        if self._opening is not None:
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

    def _hop(self, gate: asyncio.Future[None], left: int, quiet: int, since: float) -> None:
        now = monotonic()
        quiet = quiet + 1 if now - since < QUIET else 0
        if left and quiet < 3:  # the first one took no time yet
            self._loop.call_soon(self._hop, gate, left - 1, quiet, now)
        else:
            _settle(gate)

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        self._rouse()

    def _rouse(self) -> None:
        if self._wake is not None:
            _settle(self._wake)

    def _be_idle(self, tick: float) -> None:
        if not self.events:
            self._emit(Idle())
        self._loop.call_later(tick, self._be_idle, tick)

    def _halt(self) -> None:
        """Send home all workers but those whose request is under way; after Ctrl-C these, too."""
        for worker in self._workers:
            if worker not in self._attempts.sending:
                worker.cancel()
        if self._terms.stop.interrupted and not self._cutting:
            self._cutting = True
            self._loop.call_later(GRACE, self._cut)
        self._rouse()

    def _cut(self) -> None:
        for worker in self._workers:
            worker.cancel()

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        error = None if worker.cancelled() else worker.exception()
        if error is not None:
            self._broken = error
        if error is not None or self._terms.stop.asked:
            self._rouse()

    async def _work(self) -> None:
        while True:
            call, since = await self._calls.get()
            answer = await self._attempts.answer(call, since)
            if answer is None:
                return
            if self._keep is not None:
                self._keep(answer)
            self._emit(answer)
            if self._terms.commit is not None:
                await self._committed(self._terms.commit)

    async def _committed(self, commit: Callable[[], None]) -> None:
        if not self._committing:
            self._loop.call_soon(self._commit, commit)
        gate = self._loop.create_future()
        self._committing.append(gate)
        await gate

    def _commit(self, commit: Callable[[], None]) -> None:
        """The boundary between a callback, whose errors a loop only logs, and the consumer."""
        waiting, self._committing = self._committing, []
        try:
            commit()
        except BaseException as error:  # noqa: BLE001 - `wait` raises it, as it does a worker's
            self._broken = error
            self._rouse()
        for gate in waiting:
            _settle(gate)


def _settle(gate: asyncio.Future[None]) -> None:
    if not gate.done():
        gate.set_result(None)
