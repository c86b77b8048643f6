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
