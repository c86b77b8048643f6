"""How long one exchange may take: as a whole, and between two chunks of its body."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from promptrun.models import Failure

if TYPE_CHECKING:
    from types import TracebackType

    from promptrun.models import Server


class Deadline:
    """A context around one exchange; it ends with TimeoutError where that takes too long.

    Until the first chunk only the whole time counts, since a model may think for long.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._whole = asyncio.timeout(server.timeout)
        self._watch: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._stalled = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._whole.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end_body()
        await self._whole.__aexit__(kind, error, trace)

    def chunk_came(self) -> None:
        """A chunk of the body is there, and the next one is waited for."""
        self._last = self._loop.time()
        if self._watch is None:
            self._watch = self._loop.call_later(self._server.idle_timeout, self._look)

    def end_body(self) -> None:
        """No further chunk is waited for."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look(self) -> None:
        # One timer looks back from time to time: setting one anew for each chunk would cost more
        # than reading the chunk.
        now = self._loop.time()
        rest = self._last + self._server.idle_timeout - now
        if rest > 0:
            self._watch = self._loop.call_later(rest, self._look)
        elif not self._whole.expired():
            self._stalled = True
            self._whole.reschedule(now)

    def failure(self) -> Failure:
        """What the TimeoutError meant."""
        if self._stalled:
            seconds = f"{self._server.idle_timeout:g} seconds"
            message = f"the reply stopped in the middle: nothing more came for {seconds}"
        else:
            message = f"no whole reply within {self._server.timeout:g} seconds"
        return Failure(kind="timeout", message=message, again=True)
