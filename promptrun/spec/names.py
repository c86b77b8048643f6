"""The names that went by, as small as they can be told apart."""

from __future__ import annotations

from array import array
from bisect import bisect_left

_PARTS = 1 << 10


class SeenNames:
    """Hashes of names, 64 bits each, in sorted arrays: some nine bytes a name.

    Python draws the key of these hashes anew for each process, so that nobody can write names
    that share one. Two names that do by chance are told apart by whoever asks.
    """

    def __init__(self) -> None:
        self._parts: dict[int, array[int]] = {}
        """By the lowest bits of the hash."""

    def add(self, name: str) -> bool:
        """Remember a name; True where its hash is new."""
        key = hash(name)
        part = self._parts.get(key % _PARTS)
        if part is None:
            self._parts[key % _PARTS] = array("q", (key,))
            return True
        place = bisect_left(part, key)
        if place < len(part) and part[place] == key:
            return False
        part.insert(place, key)
        return True
