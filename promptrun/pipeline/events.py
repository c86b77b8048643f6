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


Event = StreamPiece | StreamRestarted | Delayed | NotRecorded | CaseResult
