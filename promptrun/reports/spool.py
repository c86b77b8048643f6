"""Texts that come in any order and are read group by group, kept in a file and not in memory."""

from __future__ import annotations

from struct import Struct as Layout
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_NEXT: Final = Layout("<Q")
"""Before each text: where the next one of its group begins, 0 for the last."""
_SIZE: Final = Layout("<Q")
"""After that: the bytes of the text."""


class Spool:
    """A temporary file that nobody else can name, gone with the spool.

    Two numbers a group are held in memory; OSError where the disk takes no more.
    """

    def __init__(self) -> None:
        self._file = TemporaryFile(prefix="promptrun-")  # noqa: SIM115 - `__exit__` closes it
        # A text never begins at 0, so that 0 may stand for none.
        self._end = self._file.write(b"\n")
        self._groups: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, group: str, text: str) -> None:
        """Append a text, which can be written as UTF-8, to its group."""
        data = text.encode()
        place = self._end
        first, last = self._groups.get(group, (place, 0))
        if last:
            self._file.seek(last)
            self._file.write(_NEXT.pack(place))
        self._file.seek(place)
        self._end += self._file.write(_NEXT.pack(0) + _SIZE.pack(len(data)) + data)
        self._groups[group] = (first, place)

    def read(self, group: str) -> Iterator[str]:
        """The texts of a group as they were added."""
        place, _ = self._groups.get(group, (0, 0))
        while place:
            self._file.seek(place)
            [place] = _NEXT.unpack(self._file.read(_NEXT.size))
            [size] = _SIZE.unpack(self._file.read(_SIZE.size))
            yield self._file.read(size).decode()
