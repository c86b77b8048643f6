"""A text and the name that it goes by, so that any place in it can be pointed at."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from promptrun.errors import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from promptrun.files.yaml_tree import Node

MAX_LINE_SHOWN = 1_000
"""A longer line is not copied into locations: a hostile file may be one line of many megabytes."""


class Source:
    """One text file as it was read; its places are worked out only when an error needs them."""

    __slots__ = ("_starts", "_tree", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._starts: list[int] | None = None
        self._tree: Node | None = None

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its end; empty where there is none."""
        starts = self._line_starts()
        if not 0 < number <= len(starts):
            return ""
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].removesuffix("\r")

    def piece(self, start: int, end: int) -> str:
        """The characters from `start` up to `end`."""
        return self.text[max(0, start) : end]

    def span(self, start: int, end: int) -> Location:
        """The place of the characters from `start` up to `end`, cut where the first line ends."""
        start = max(0, min(start, len(self.text)))
        number = bisect_right(self._line_starts(), start)
        column = start - self._line_starts()[number - 1]
        line = self.line(number)
        width = max(1, len(line[column : column + max(1, end - start)].rstrip()))
        shown = line if len(line) <= MAX_LINE_SHOWN else ""
        return Location(self.name, number, column + 1, shown, width)

    def at(
        self,
        path: Sequence[str | int],
        *,
        key: bool = False,
        word: str | None = None,
        line: int | None = None,
    ) -> Location:
        """The place of the value at `path` of this YAML text, such as ``("messages", 0, "role")``.

        With `key`, the place of its key. With `word`, the first occurrence of that word inside the
        value, templates first; with `line`, that line of its text, counted from 1. A path through
        an alias gives the aliased place; one that leads nowhere gives its deepest parent.
        """
        from promptrun.files.yaml_tree import compose, find, narrow

        if self._tree is None:
            self._tree = compose(self.text)
        span, node = find(self._tree, path, key=key)
        if word is not None or line is not None:
            span = narrow(self.text, node, word=word, line=line) or span
        return self.span(*span)

    def _line_starts(self) -> list[int]:
        if self._starts is None:
            starts, text = [0], self.text
            while place := text.find("\n", starts[-1]) + 1:
                starts.append(place)
            self._starts = starts
        return self._starts


class Place:
    """Where something stands, worked out when it is asked for.

    Most places of a spec never are, and finding the first one means to parse the text again.
    """

    __slots__ = ("_find",)

    def __init__(self, find: Callable[[], Location]) -> None:
        self._find = find

    @property
    def location(self) -> Location:
        """The file, line and column."""
        return self._find()
