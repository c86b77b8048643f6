"""What came back: a reply, or the reason why there is none."""

from __future__ import annotations

from itertools import starmap
from typing import Any, Final, Literal

from msgspec import Struct

_INDEXES: Final = range(2**31)


class Timings(Struct, frozen=True, kw_only=True):
    """Seconds, measured by a monotonic clock on our side of the connection."""

    total: float
    first_piece: float | None = None
    """Until the first piece of text of a streamed reply; None for one that came whole."""


class Choice(Struct, frozen=True, kw_only=True):
    """One of the n answers."""

    index: int
    finish_reason: str | None
    message: dict[str, Any]

    @property
    def content(self) -> str | None:
        """The text; None for a tool call or a refusal."""
        content = self.message.get("content")
        return content if isinstance(content, str) else None


class Limits(Struct, frozen=True, kw_only=True):
    """What a server says of its rate limits, in the headers of one answer; None where it does not.

    The headers are ``x-ratelimit-remaining-requests``, ``x-ratelimit-reset-requests`` and the same
    with ``tokens``.
    """

    requests: int | None = None
    """How many more requests it takes, until `requests_reset` seconds are over."""
    requests_reset: float | None = None
    tokens: int | None = None
    """How many more tokens it takes, until `tokens_reset` seconds are over."""
    tokens_reset: float | None = None


class Reply(Struct, frozen=True, kw_only=True):
    """A whole reply, streamed or not."""

    raw: dict[str, Any]
    """The ``chat.completion`` object as the server sent it, or as its chunks add up to."""
    timings: Timings
    request_id: str | None = None
    streamed: bool = False
    limits: Limits | None = None

    @property
    def choices(self) -> list[Choice]:
        """The answers by index; what has none counts by its place."""
        raw = self.raw.get("choices")
        places = enumerate(raw if isinstance(raw, list) else ())
        return sorted(starmap(_choice, places), key=lambda choice: choice.index)


def _choice(position: int, raw: Any) -> Choice:
    """Of any JSON: a reply may come from a record that a stranger wrote."""
    fields = raw if isinstance(raw, dict) else {}
    index, finish_reason = fields.get("index"), fields.get("finish_reason")
    message = fields.get("message")
    return Choice(
        index=index if type(index) is int and index in _INDEXES else position,
        finish_reason=finish_reason if isinstance(finish_reason, str) else None,
        message=message if isinstance(message, dict) else {},
    )


class Failure(Struct, frozen=True, kw_only=True):
    """Why there is no reply."""

    kind: Literal[
        "connection",  # nobody answered, or the connection broke
        "timeout",
        "rate_limit",  # 429 that passes
        "quota",  # 429 that does not pass: final for the whole run
        "auth",  # 401, 403: final for the whole run, where the key has not worked before
        "status",  # any other HTTP status, or an error event in a stream
        "protocol",  # not a Chat Completions reply, or a stream that ended in the middle
        "setup",  # the provider could not be started
    ]
    message: str
    hint: str | None = None
    status: int | None = None
    code: str | None = None
    type: str | None = None
    param: str | None = None
    request_id: str | None = None
    again: bool = False
    """Whether the same request may succeed later."""
    retry_after: float | None = None
    """Seconds that the server asks to wait."""
    limits: Limits | None = None
