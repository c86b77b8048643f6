"""Colour where it is wanted, and text from outside made safe to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

Mark = Literal["bold", "dim", "reverse", "red", "green", "yellow", "cyan"]

_CODES: dict[Mark, int] = {
    "bold": 1,
    "dim": 2,
    "reverse": 7,
    "red": 31,
    "green": 32,
    "yellow": 33,
    "cyan": 36,
}

# Besides the controls of C0 and C1: what reorders, hides or breaks a line (bidirectional
# controls, zero-width space, word joiner, byte order mark, U+2028 and U+2029), and halves of
# surrogate pairs, which no terminal can be sent. Joiners that emoji and scripts need stay.
_UNSEEN = (
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff"
    r"\ud800-\udfff]"
)


class Style(Struct, frozen=True):
    """How wide the page is, in columns, and whether it knows colour."""

    color: bool = False
    width: int = 80
    folds: bool = False
    """Whether what is wider is broken here: for a terminal, which would break it inside a word. A
    log, a file and a page on the web have more room, or break lines themselves."""

    def paint(self, text: str, *marks: Mark) -> str:
        """`text` with `marks` around it; `text` alone without colour."""
        if not self.color or not text:
            return text
        codes = ";".join(str(_CODES[mark]) for mark in marks)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def fold(self, line: str, hang: int) -> list[str]:
        """A line as the rows that it takes here; the later ones begin with `hang` blanks."""
        if not self.folds:
            return [line]
        from promptrun.reports.width import fold

        return fold(line, self.width, hang)

    def fold_text(self, text: str) -> str:
        """The same for each line; its later rows begin two columns behind its first."""
        if not self.folds:
            return text
        rows = (self.fold(line, len(line) - len(line.lstrip()) + 2) for line in text.split("\n"))
        return "\n".join(row for of_line in rows for row in of_line)

    def flow(self, parts: Sequence[str], *, gap: str = "  ", hang: int = 2) -> str:
        """Parts side by side, and below each other where there is no room for that."""
        if not self.folds:
            return gap.join(parts)
        from promptrun.reports.width import flow

        return "\n".join(flow(parts, self.width, gap=gap, hang=hang))

    def inside(self, columns: int) -> Style:
        """The same page for what is indented by so many columns."""
        return Style(self.color, max(self.width - columns, 20), True) if self.folds else self


def visible(text: str, keep: str = "\n\t") -> str:
    r"""Text from outside that cannot move a cursor, reorder a line or hide in it.

    Control characters, escape sequences, bidirectional controls and lone surrogates become
    ``\x1b`` or ``\u202e``, except those in `keep`. Korean, emoji and every other script stay as
    they are.
    """
    import re

    def escape(match: re.Match[str]) -> str:
        character = match.group()
        return character if character in keep else _escape(character)

    return re.sub(_UNSEEN, escape, text)


def visible_line(text: str) -> str:
    r"""`visible` for what has to stay on one line: ends of lines and tabs become ``\n``, ``\t``."""
    return visible(text, keep="")


def visible_json(text: str) -> str:
    r"""JSON text that is safe to show and is the same JSON: what is hidden becomes ``\u202e``."""
    import re

    def escape(match: re.Match[str]) -> str:
        character = match.group()
        return character if character in "\n\t" else f"\\u{ord(character):04x}"

    return re.sub(_UNSEEN, escape, text)


def _escape(character: str) -> str:
    short = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(character)
    code = ord(character)
    return short or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
