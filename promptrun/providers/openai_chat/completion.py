"""Whether what a server sent is the chat completion that was asked for."""

from __future__ import annotations

from typing import Any

from promptrun.protocol.completion import describe_misfit

__all__ = ["describe_miscount", "describe_misfit"]


def describe_miscount(raw: dict[str, Any], expected: int) -> str | None:
    """Why a fitting `raw` has not the `expected` number of choices, the request's ``n``."""
    found = len(raw["choices"])
    if found == expected:
        return None
    return f"the reply has {found} of the {expected} choices that were asked for"
