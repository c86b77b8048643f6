"""What a mode of comparing is: how content is read, and what counts as a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.models import CompareRules, Difference

    CompareText = Callable[[str, str, str], Difference | None]
    """From where it stands, the accepted and the new text to a difference, or None."""

    CompareJson = Callable[[str, Any, Any, CompareRules], Difference | None]
    """The same for two JSON values, from which what is ignored has been taken already."""


class Mode(Struct, frozen=True, kw_only=True):
    """One row of the table of modes."""

    reads: Literal["text", "structures", "json"]
    """Content as its text; as JSON where it is a list or an object; as any JSON."""
    text: CompareText
    json: CompareJson
    finish_reason: bool = True
    """Whether another finish reason is a difference."""
    replies: bool = True
    """Whether replies are compared at all."""
