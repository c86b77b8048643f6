"""Which parts of two JSON values are the same, decided once, in time that grows with their size."""

from __future__ import annotations

from typing import Any, Final

MAX_NODES: Final = 300_000
"""Values inside both sides together. An index of that many takes about half a second."""

MAX_DEPTH: Final = 100
"""Levels of lists and objects: what later walks follow by recursion."""


class Index:
    """A number for every value of some JSON: equal numbers, equal values.

    Every distinct value is entered in one table, from the leaves up, an object as its names and
    its members' numbers. So the numbers are exact (nothing is hashed away), and no depth of
    nesting can exhaust the stack. The order of names never counts; that of list items does unless
    the index is `unordered`, and repeats always do. Numbers are equal when their values are (``1``
    and ``1.0``) unless it is `literal`. The values must outlive the index.
    """

    def __init__(self, *, unordered: bool = False, literal: bool = False) -> None:
        self.depth = 0
        self.nodes = 0
        self._unordered = unordered
        self._literal = literal
        self._table: dict[Any, int] = {}
        self._containers: dict[int, int] = {}

    def add(self, root: Any) -> bool:
        """Enter a value with all that is in it; False, and of no use, past `MAX_NODES`."""
        containers: list[Any] = []
        level, depth = [root], 0
        while level:
            self.nodes += len(level)
            if self.nodes > MAX_NODES:
                return False
            level = [value for value in level if type(value) in (dict, list)]
            containers += level
            depth += bool(level)
            level = [
                child
                for value in level
                for child in (value.values() if type(value) is dict else value)
            ]
        self.depth = max(self.depth, depth)
        for value in reversed(containers):
            self._containers[id(value)] = self._number(self._describe(value))
        return True

    def key(self, value: Any) -> int:
        """The number of a value that stands anywhere in what was added."""
        if type(value) in (dict, list):
            return self._containers[id(value)]
        return self._number(self._describe_scalar(value))

    def _number(self, description: Any) -> int:
        return self._table.setdefault(description, len(self._table))

    def _describe(self, value: dict[str, Any] | list[Any]) -> Any:
        if isinstance(value, dict):
            return dict, frozenset((name, self.key(member)) for name, member in value.items())
        return list, self._describe_items([self.key(item) for item in value])

    def _describe_items(self, keys: list[int]) -> Any:
        return tuple(sorted(keys) if self._unordered else keys)

    def _describe_scalar(self, value: Any) -> Any:
        # In Python `True == 1 == 1.0`; in JSON only the numbers are equal.
        kind = type(value)
        return ("number" if kind in (int, float) and not self._literal else kind), value
