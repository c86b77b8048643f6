"""A Markdown document of the size that GitHub takes: what is too long in it is cut, and told."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from promptrun.reports.fences import write_fence

LIMIT: Final = 65_536
"""Characters of an issue or a comment on GitHub; its API refuses a longer body with this number."""
_CUT: Final = "\n… {:,} more characters: the `.json` form has all of them"
_REST: Final = "\nThe rest is left out: the `.json` form has all of it.\n"


class Fence(Struct, frozen=True):
    """A text between fences, which may be cut."""

    language: str
    text: str

    def write(self, most: int) -> str:
        """The text, or its first `most` characters; the fences are longer than any in it."""
        text = self.text.removesuffix("\n")
        if len(text) > most:
            text = text[:most] + _CUT.format(len(text) - most)
        return f"{write_fence(text, self.language)}\n"


Piece = str | Fence
"""A part of a document: our own words, or a text from outside."""


def fit(pieces: list[Piece]) -> str:
    """The document in at most `LIMIT` characters.

    Where it does not fit, its fences are cut, all to the same length; where that is not enough,
    the last pieces are left out. Both are told.
    """
    longest = max((len(one.text) for one in pieces if isinstance(one, Fence)), default=0)
    text = _join(pieces, longest)
    if len(text) <= LIMIT:
        return text
    low, high = 0, longest
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(_join(pieces, middle)) <= LIMIT else (low, middle - 1)
    return _cut_end(pieces, low)


def _cut_end(pieces: list[Piece], most: int) -> str:
    """Cut between two pieces, so that no fence stays open."""
    written = [_join([piece], most) for piece in pieces]
    whole = "\n".join(written)
    if len(whole) <= LIMIT:
        return whole
    size = len(whole)
    while size > LIMIT - len(_REST):
        size -= len(written.pop()) + 1
    return "\n".join(written) + _REST


def _join(pieces: list[Piece], most: int) -> str:
    return "\n".join(one if isinstance(one, str) else one.write(most) for one in pieces)
