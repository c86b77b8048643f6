"""What a run tells while it goes on; the result of each case is one of its events."""

from __future__ import annotations

from msgspec import Struct

from promptrun.errors import PromptrunError
from promptrun.models import CaseResult


class StreamPiece(Struct, frozen=True, kw_only=True):
    """The next text of a streamed reply, masked, as it arrives."""

    id: str
    index: int
    text: str


class StreamRestarted(Struct, frozen=True, kw_only=True):
    """A stream broke and is asked for again: the pieces of this case so far do not count."""

    id: str


class Delayed(Struct, frozen=True, kw_only=True):
    """A request failed for now and is sent again later."""

    id: str
    seconds: float
    """How long it waits."""
    reason: str


class NotRecorded(Struct, frozen=True, kw_only=True):
    """The run, or something of it, is not recorded; it goes on."""

    error: PromptrunError


class Progress(Struct, frozen=True, kw_only=True):
    """How far a run that sends has come; told about twice a second."""

    done: int
    """Cases that have their result."""
    in_flight: int
    """Requests under way."""
    retries: int
    """How often a request was sent again, so far."""
    cost: float
    """US dollars for the replies so far, as far as their prices are known."""
    held: float | None = None
    """Seconds that nothing is sent for, by the rate limit; None where nothing is held back."""


class Stopped(Struct, frozen=True, kw_only=True):
    """The last event of a run that ended before every case had its result; it can be resumed."""

    reason: str
    """``interrupted``; ``--max-cost 0.5 is reached``; what a server said that is final."""
    hint: str | None = None
    wished: bool = False
    """Whether by ``--fail-fast``, as the user asked for it."""
    interrupted: bool = False
    """Whether by Ctrl-C."""
    run_id: str | None = None
    """The run to go on with; None where nothing is recorded."""


Event = Progress | Stopped | StreamPiece | StreamRestarted | Delayed | NotRecorded | CaseResult
