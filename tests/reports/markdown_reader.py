"""Markdown as GitHub reads it: what stands outside of its fences is markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def outside_of_fences(text: str) -> Iterator[str]:
    """The lines that are Markdown, by CommonMark's rules for fences; all of them are closed."""
    fence = ""
    for line in text.split("\n"):
        if fence:
            closing = re.fullmatch(r" {0,3}(`+|~+)[ \t]*", line)
            if closing and closing[1][0] == fence[0] and len(closing[1]) >= len(fence):
                fence = ""
        elif opening := re.match(r" {0,3}(```+(?=[^`]*$)|~~~+)", line):
            fence = opening[1]
        else:
            yield line
    assert not fence
