"""How long one exchange may take: as a whole, and between two chunks of its body."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from promptrun.models import Failure

if TYPE_CHECKING:
    from types import TracebackType

    from promptrun.models import Server


ON_TIME = 0.05
"""Seconds that a timer may be late without the loop having stood still."""


class Deadline:
    """A context around one exchange; it ends with TimeoutError where that takes too long.

    Until the first chunk only the whole time counts, since a model may think for long. A loop that
    stood still, because somebody took long over an event, reads nothing meanwhile: what came in
    that time is read before anything is called too late.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._whole = asyncio.timeout(None)
        self._end: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._stalled = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._whole.__aenter__()
        self._end_at(self._loop.time() + self._server.timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end_body()
        if self._end is not None:
            self._end.cancel()
        await self._whole.__aexit__(kind, error, trace)

    def chunk_came(self) -> None:
        """A chunk of the body is there, and the next one is waited for."""
        self._last = self._loop.time()
        if self._watch is None:
            self._watch_until(self._last + self._server.idle_timeout)

    def end_body(self) -> None:
        """No further chunk is waited for."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _end_at(self, when: float) -> None:
        self._end = self._loop.call_at(when, self._check_end, when)

    def _check_end(self, when: float) -> None:
        again = self._again(when)
        if again is None:
            self._whole.reschedule(when)
        else:
            self._end_at(again)

    def _watch_until(self, when: float) -> None:
        # One timer looks back from time to time: setting one anew for each chunk would cost more
        # than reading the chunk.
        self._watch = self._loop.call_at(when, self._look_back, when)

    def _look_back(self, when: float) -> None:
        due = self._last + self._server.idle_timeout
        again = due if due > when else self._again(when)
        if again is not None:
            self._watch_until(again)
        elif not self._whole.expired():
            self._stalled = True
            self._whole.reschedule(when)

    def _again(self, when: float) -> float | None:
        """When to look again where the loop stood still past `when`; None where it did not."""
        late = self._loop.time() - when
        return self._loop.time() + late if late > ON_TIME else None

    def failure(self) -> Failure:
        """What the TimeoutError meant."""
        if self._stalled:
            seconds = f"{self._server.idle_timeout:g} seconds"
            message = f"the reply stopped in the middle: nothing more came for {seconds}"
        else:
            message = f"no whole reply within {self._server.timeout:g} seconds"
        return Failure(kind="timeout", message=message, again=True)
