"""A long YAML text as it goes by: the piece around the item that is read, and what it is fed as."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from promptrun.errors import Location, SpecError
from promptrun.files.source import MAX_LINE_SHOWN
from promptrun.files.yaml_syntax import FORBIDDEN

if TYPE_CHECKING:
    from typing import TextIO

BOM = "\ufeff"
MAX_ITEM_CHARACTERS = 8 * 2**20

_MAX_ABOVE = 64 * 1024
"""Characters above the list."""
_CHUNK = _MAX_ABOVE
"""Characters that are read at once: the first piece must hold all that may stand above."""
_HALF = re.compile(r"(?<=\\u)[dD][89a-fA-F]")
"""In an escape of half a character, what makes it one."""


class Window:
    """Gives libyaml the text by the piece, and keeps the pieces that errors may have to point at.

    What libyaml would refuse although it spoils one item alone is fed as something harmless of the
    same length: control characters, bytes that are not UTF-8, and the halves of JSON's escapes.
    `is_altered` tells where that was done.
    """

    def __init__(self, file: TextIO, name: str) -> None:
        self.name = name
        self.above = True
        """Whether the list is still to come; little may stand above it."""
        self._file = file
        self._text = ""
        """What is kept. It begins with a line, or not far above the item in a very long one."""
        self._pieces: list[str] = []
        """What was read since and belongs behind it, joined when somebody looks."""
        self._length = 0
        """The characters of all that was read."""
        self._start = 0
        """The characters of the file before those kept,"""
        self._line = 1
        """the number of their first line,"""
        self._column = 0
        """and how much of that line is left out."""
        self.item = 0
        """Where the item begins that is read, and at which line."""
        self._item_line = 1
        self._altered = 0
        """The end of the last piece that was fed as something else."""
        self._ahead = ""

    def begin_item(self, index: int) -> None:
        """Let go of what stands above the item that begins at `index`, and allow another one."""
        text, start = self._joined(), self._start
        self._item_line += text.count("\n", self.item - start, index - start)
        self.item = index

    def look(self) -> str:
        """The first piece, before it is read."""
        self._ahead = self.read()
        return self._ahead

    def read(self, _size: int = _CHUNK) -> str:
        """The next piece as it is fed: whole lines, unless they are long. Raises SpecError.

        libyaml asks for less, and takes what it gets.
        """
        if self._ahead:
            text, self._ahead = self._ahead, ""
            return text
        text = self._file.read(_CHUNK)
        # A line is shown whole, and no escape is cut: their halves are known by their beginning.
        text += self._file.readline(MAX_LINE_SHOWN)
        while "\\" in text[-3:] and (more := self._file.read(len(text))):
            text += more
        if text:
            self._require_room()
            self._let_go()
            self._pieces.append(text)
            self._length += len(text)
        fed = _HALF.sub("41", FORBIDDEN.sub(_stand_in, text))
        if fed != text:
            self._altered = self._length
        return fed

    def _require_room(self) -> None:
        if self._length - self.item > MAX_ITEM_CHARACTERS:
            message = f"the row is longer than {MAX_ITEM_CHARACTERS // 2**20} MiB"
            raise SpecError(message, location=self.span(self.item, self._length))
        if self.above and self._length >= _MAX_ABOVE:
            message = f"no list begins within the first {_MAX_ABOVE // 1024} KiB"
            raise SpecError(message, location=Location(self.name, 1))

    def _let_go(self) -> None:
        if self.item - self._start <= _CHUNK:
            return
        text = self._joined()
        item = self.item - self._start
        line = text.rfind("\n", 0, item) + 1
        cut = max(line, item - MAX_LINE_SHOWN)
        above = text.count("\n", 0, cut)
        self._column = cut - line if above else self._column + cut
        self._line += above
        self._start += cut
        self._text = text[cut:]

    def _joined(self) -> str:
        if self._pieces:
            self._text += "".join(self._pieces)
            self._pieces.clear()
        return self._text

    def piece(self, start: int, end: int) -> str:
        """The characters of the file from `start` up to `end`, as far as they are kept."""
        return self._joined()[max(0, start - self._start) : max(0, end - self._start)]

    def span(self, start: int, end: int) -> Location:
        """The place of the characters from `start` up to `end`, cut where the first line ends."""
        text = self._joined()
        place = max(0, min(start - self._start, len(text)))
        begin = text.rfind("\n", 0, place) + 1
        stop = text.find("\n", place)
        line = text[begin : stop if stop >= 0 else len(text)]
        left_out = 0 if begin else self._column
        column = place - begin
        width = max(1, len(line[column : column + max(1, end - start)].rstrip()))
        shown = line if len(line) + left_out <= MAX_LINE_SHOWN else ""
        number, counted = self._item_line, self.item - self._start
        if place < counted:
            number, counted = self._line, 0
        number += text.count("\n", counted, place)
        # Bytes that are not UTF-8 are kept as halves of characters, which nothing can print.
        shown = shown.encode(errors="replace").decode()
        return Location(self.name, number, left_out + column + 1, shown, width)

    def is_altered(self, start: int) -> bool:
        """Whether text behind `start` may have been fed as something else."""
        return start < self._altered


def _stand_in(forbidden: re.Match[str]) -> str:
    # At the beginning of a line libyaml drops a byte order mark, and not what stands for it.
    return BOM if forbidden[0] == BOM else "\ufffd"
