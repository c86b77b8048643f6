"""Connections of which nobody knows yet whom they serve: few, and none for long.

Every program of the machine can open them, and only a request that has come whole is looked at. So
a connection that asks nothing must neither stay nor keep another one out.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from asyncio import Transport
    from collections.abc import Iterator

MOST_CONNECTIONS: Final = 100
"""At once; beyond it, the one that has waited longest for its request is closed for a new one."""
HEAD_SECONDS: Final = 5.0
"""From the beginning of a connection, or from its last answer, until the next head is whole."""

_turns: Iterator[int] = count()
"""The lower one of two connections has waited longer."""


class Connection(H11Protocol):
    """One connection, which is closed where no whole request comes in time."""

    def connection_made(  # type: ignore[override]  # what uvicorn opens are no other transports
        self, transport: Transport
    ) -> None:
        """Make room for it, and wait for its first request."""
        super().connection_made(transport)
        self._await_request()
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for its next request."""
        self._timer.cancel()
        self._await_request()
        super().on_response_complete()

    @property
    def is_asked(self) -> bool:
        """Whether a request is being answered here."""
        return self.cycle is not None and not self.cycle.response_complete

    def _await_request(self) -> None:
        self.turn = next(_turns)
        self._timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if not self.is_asked:
            # What is still on its way out arrives; nothing more is read.
            self.transport.close()

    def _make_room(self) -> None:
        waiting = [
            one for one in self.connections if isinstance(one, Connection) and not one.is_asked
        ]
        if len(self.connections) <= MOST_CONNECTIONS or waiting == [self]:
            return
        oldest = min(waiting, key=lambda one: one.turn)
        # Its end is told later, and the place is free now.
        self.connections.discard(oldest)
        oldest.transport.abort()
