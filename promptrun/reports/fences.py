"""Texts from outside in Markdown: in fences and code spans that nothing in them can close."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from promptrun.reports.differences import write_difference
from promptrun.reports.style import Style, visible_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.models import Difference


def write_fence(text: str, language: str) -> str:
    """The text between fences, without an end of line; they are longer than any in it."""
    fence = min((sign * max(3, _longest_run(text, sign) + 1) for sign in "`~"), key=len)
    return f"{fence}{language}\n{text}\n{fence}"


def write_code(text: str) -> str:
    """A code span of one line, whatever the text holds."""
    line = visible_line(text)
    ticks = "`" * (_longest_run(line, "`") + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def _longest_run(text: str, sign: str) -> int:
    return max(map(len, re.findall(f"{sign}+", text)), default=0)


def write_diff(difference: Difference) -> Iterator[str]:
    """The lines of a difference with the signs in the first column, where a ``diff`` has them."""
    where, *lines = write_difference(difference, Style())
    yield f"@@ {where} @@" if lines else f"! {where}"
    for line in lines:
        text = line.removeprefix("  ")
        yield f"! {text[2:]}" if text.startswith("~ ") else text
