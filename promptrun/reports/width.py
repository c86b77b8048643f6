"""How many columns a text takes on a terminal, and lines that keep to them.

Korean letters and most emoji take two columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from unicodedata import category, east_asian_width

if TYPE_CHECKING:
    from collections.abc import Sequence

# Marks that sit on the letter before them, and what only joins letters or chooses their form. The
# soft hyphen is one of the latter by its category, and terminals show it.
_NO_COLUMN: Final = frozenset({"Mn", "Me", "Cf"})
_SOFT_HYPHEN: Final = "\u00ad"

# One of our colours; a word with the blanks behind it; blanks alone. Chinese and Japanese have no
# blanks, and may be broken behind any letter that no closing mark follows.
_COLOUR: Final = r"\x1b\[[\d;]*m"
_LETTER: Final = "[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"
_CLOSING: Final = "[\u3001\u3002\u300d\u300f\u3011\uff01\uff09\uff0c\uff1f\u30fc]"
_UNIT: Final = (
    rf"(?:{_COLOUR})*{_LETTER}(?:{_CLOSING}|{_COLOUR})* *"
    rf"|(?:{_COLOUR}|(?!{_LETTER})[^ \x1b])+ *"
    r"| +"
)


def display_width(text: str) -> int:
    """Columns, by Unicode's East Asian Width.

    Marks, joiners and the later parts of a Korean syllable that comes in parts take none.
    """
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if "\u1160" <= character <= "\u11ff":
        return 0
    if category(character) in _NO_COLUMN and character != _SOFT_HYPHEN:
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def cut(text: str, width: int) -> str:
    """As much of a text as `width` columns hold; an ellipsis stands for the rest."""
    if display_width(text) <= width:
        return text
    taken, room = [], width - 1
    for character in text:
        room -= display_width(character)
        if room < 0:
            break
        taken.append(character)
    return f"{''.join(taken)}…" if width > 0 else ""


def painted_width(text: str) -> int:
    """Columns of a text that may hold colours of ours."""
    if "\x1b" not in text:
        return display_width(text)
    import re

    return display_width(re.sub(_COLOUR, "", text))


def fold(line: str, width: int, hang: int) -> list[str]:
    """A line as rows of at most `width` columns, broken between words.

    The later rows begin with `hang` blanks. A word that is wider is left whole: the terminal breaks
    it so that it can still be copied. A colour ends with its row, and begins again in the next.
    """
    if painted_width(line) <= width:
        return [line]
    import re

    hang = min(hang, width // 2)
    rows: list[str] = []
    row, used, colour = "", 0, ""
    empty = True
    for unit in re.findall(_UNIT, line):
        if not empty and used + painted_width(unit.rstrip(" ")) > width:
            rows.append(row.rstrip(" ") + ("\x1b[0m" if colour else ""))
            row, used = " " * hang + colour, hang
        row += unit
        used += painted_width(unit)
        empty = empty and unit.isspace()
        if codes := re.findall(_COLOUR, unit):
            colour = "" if codes[-1] == "\x1b[0m" else codes[-1]
    return [*rows, row]


def flow(parts: Sequence[str], width: int, *, gap: str, hang: int) -> list[str]:
    """Parts side by side with a `gap`, below each other where `width` columns have no room.

    No part is broken, and one that has no room in a row of its own gets none. The later rows begin
    with `hang` blanks.
    """
    rows = [parts[0]]
    for part in parts[1:]:
        row = f"{rows[-1]}{gap}{part}"
        if painted_width(row) <= width or hang + painted_width(part) > width:
            rows[-1] = row
        else:
            rows[-1] = rows[-1].rstrip(" ")
            rows.append(f"{' ' * hang}{part}")
    return rows
