"""What goes into an executor, and what comes out of it."""

from __future__ import annotations

from msgspec import Struct

from promptrun.models import Failure, Reply, Request


class Call(Struct, frozen=True, kw_only=True):
    """One request to be sent."""

    key: int
    """The caller's own number for it; its events carry the same."""
    request: Request
    pieces: bool = False
    """Whether a streamed reply is wanted piece by piece, too."""


class Piece(Struct, frozen=True, kw_only=True):
    """The next text of one choice of a streamed reply."""

    key: int
    index: int
    text: str


class Restarted(Struct, frozen=True, kw_only=True):
    """The pieces of this call so far do not count: its stream broke, and is asked for again."""

    key: int


class Waiting(Struct, frozen=True, kw_only=True):
    """A call failed for now, and will be sent again."""

    key: int
    seconds: float
    """How long it waits, from now on."""
    failure: Failure


class Answer(Struct, frozen=True, kw_only=True):
    """The last event of a call: a reply, or a failure."""

    key: int
    reply: Reply | None = None
    failure: Failure | None = None
    attempts: int
    """How often the request was sent; 0 where the provider could not be started."""
    queued: float | None = None
    """Seconds from the moment that it was taken until it was first sent."""


class Idle(Struct, frozen=True, kw_only=True):
    """Nothing happened for a while, and the consumer may want to do something."""

    key: int = -1


Event = Piece | Restarted | Waiting | Answer | Idle
