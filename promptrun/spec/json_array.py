"""The items of one JSON list, as a stream of their texts: one item in memory at a time."""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_CHUNK = 64 * 1024
_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"[-+.0-9eE]*\Z")
_find_end = JSONDecoder().raw_decode


def read_array(file: TextIO, longest: int) -> Iterator[str] | None:
    """The text of each item, which is JSON in itself; None where the file begins with no ``[``.

    ValueError says why the rest cannot be read: it is no JSON, or an item has more than `longest`
    characters.
    """
    array = _Array(file, longest)
    return array.items() if array.sign() == "[" else None


class _Array:
    """The piece of a file that is looked at, and the place in it."""

    def __init__(self, file: TextIO, longest: int) -> None:
        self.file = file
        self.longest = longest
        self.text = ""
        self.place = 0

    def items(self) -> Iterator[str]:
        self.place += 1
        if self.sign() == "]":
            return self.end()
        while True:
            yield self.item()
            sign = self.sign()
            if sign == "]":
                return self.end()
            if sign != ",":
                raise ValueError("a `,` or the `]` is missing")
            self.place += 1
            self.sign()

    def end(self) -> None:
        self.place += 1
        if self.sign():
            raise ValueError("more stands behind the list")

    def sign(self) -> str:
        """The next character that is no space; empty at the end of the file."""
        while True:
            space = _SPACE.match(self.text, self.place)
            self.place = space.end() if space else self.place
            if self.place < len(self.text) or not self.read():
                return self.text[self.place : self.place + 1]

    def item(self) -> str:
        while True:
            try:
                end = _find_end(self.text, self.place)[1]
            except JSONDecodeError as error:
                if not self.read():
                    raise ValueError(error.msg) from None
            except RecursionError:
                raise ValueError("nested too deeply") from None
            else:
                # A number may go on behind the piece.
                if not _NUMBER.match(self.text, end) or not self.read():
                    break
        item, self.place = self.text[self.place : end], end
        return item

    def read(self) -> bool:
        """Look at more of the file, twice as much of a long item; False at its end."""
        kept = len(self.text) - self.place
        if kept > self.longest:
            raise ValueError(f"an item is longer than {self.longest // 2**20} MiB")
        more = self.file.read(max(_CHUNK, kept))
        self.text, self.place = self.text[self.place :] + more, 0
        return bool(more)
