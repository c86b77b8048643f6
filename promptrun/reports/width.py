"""How many columns a text takes on a terminal: Korean letters and most emoji take two."""

from __future__ import annotations

from unicodedata import combining, east_asian_width


def display_width(text: str) -> int:
    """Columns, by Unicode's East Asian Width; combining marks take none."""
    if text.isascii():
        return len(text)
    return sum(
        2 if east_asian_width(character) in "WF" else 1
        for character in text
        if not combining(character)
    )


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
