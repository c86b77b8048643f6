"""What a server says that a reply took; it may say anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_TOKENS: Final = 10**12
"""More than any reply has: a larger count is a server's mistake."""


def claimed_tokens(raw: Mapping[str, Any], *path: str) -> int | None:
    """A number of tokens under ``usage``, such as ``prompt_tokens``; None where it is none."""
    value: Any = raw.get("usage")
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None
