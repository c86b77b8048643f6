"""An error, as it is read on a screen: what, where with the line itself, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.errors import PromptrunError, SpecErrors, UsageErrors
from promptrun.reports.style import visible
from promptrun.reports.width import display_width

if TYPE_CHECKING:
    from promptrun.errors import Location
    from promptrun.reports.style import Mark, Style

LONGEST_SOURCE = 100
"""Characters of a source line that are shown around the caret."""


def write_problem(error: PromptrunError, style: Style, *, word: str = "error") -> str:
    """The whole text of an error, or of a warning where `word` says so, without a last newline."""
    if isinstance(error, SpecErrors | UsageErrors):
        return "\n\n".join(write_problem(one, style, word=word) for one in error.errors)
    return write_message(word, error.message, style, location=error.location, hint=error.hint)


def write_message(
    word: str,
    message: str,
    style: Style,
    *,
    location: Location | None = None,
    hint: str | None = None,
) -> str:
    """The same for a message that is no exception."""
    mark: Mark = "red" if word == "error" else "yellow"
    lines = [f"{style.paint(word, mark)}: {_indented(visible(message))}"]
    if location:
        lines += _pointed_at(location, style)
    if hint:
        lines.append(f"{style.paint('hint', 'bold')}: {_indented(visible(hint))}")
    return "\n".join(lines)


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


def _pointed_at(location: Location, style: Style) -> list[str]:
    lines = [f"  --> {visible(str(location))}"]
    if not location.source.strip():
        return lines
    gutter = f" {location.line} | "
    room = style.width - len(gutter) if style.folds else LONGEST_SOURCE
    start, source = _around(location, max(20, min(room, LONGEST_SOURCE)))
    before = visible(source[: location.column - 1 - start])
    meant = source[location.column - 1 - start :][: location.width]
    caret = "^" * max(1, display_width(visible(meant)))
    lines.append(f"{gutter}{visible(source)}")
    margin = " " * (len(gutter) - 2)
    lines.append(f"{margin}| {' ' * display_width(before)}{style.paint(caret, 'red')}")
    return lines


def _around(location: Location, most: int) -> tuple[int, str]:
    """The part of a long line that is worth showing, and how many characters precede it.

    Of a line that has wide letters, half as many characters as columns are sure to find room.
    """
    source = location.source.expandtabs(1).rstrip()
    if len(source) <= most and (len(source) <= most // 2 or display_width(source) <= most):
        return 0, source
    most = most if source.isascii() else max(most // 2, 1)
    start = max(0, min(location.column - 1 - most // 2, len(source) - most))
    return start, source[start : start + most]
