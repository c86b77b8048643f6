"""From two JSON values to the places where they differ.

This is a walk of our own because deepdiff (9.1) answers another question: it pairs the items of
ordered lists by position, so that one inserted object changes all that follow; its
``ignore_order`` searches for the nearest pairs and takes minutes for 400 objects; tolerance,
``1.0`` and repeats each need options that interact; and its bounds end in an empty result, which
reads as equal. With an `Index` all of that is a few comparisons of integers.
"""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING, Any, Final

from promptrun.compare.align import find_gaps, match_all, pair_alike
from promptrun.matching.jsonpath import write_name
from promptrun.models import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from promptrun.compare.index import Index
    from promptrun.models import CompareRules

MAX_CHANGES: Final = 1_000
MAX_STEPS: Final = 600_000
"""Times that values are held against each other within a tolerance; a second or two."""

MAX_RATED: Final = 200_000
"""Pairs of list items whose likeness is counted, to show them side by side; half a second."""


class PastBoundError(Exception):
    """The values differ in too many places, or cannot be told apart within the bounds."""


def find_changes(
    old: Any, new: Any, index: Index, rules: CompareRules, *, any_item: bool = False
) -> list[Change]:
    """Every place where two indexed values differ; empty where they are equal under the rules.

    A place is a JSONPath in the new value (in the old one for what was removed); with `any_item`
    a list's positions are all called ``[*]``. Raises PastBoundError.
    """
    walk = _Walk(index, rules, any_item=any_item)
    walk.value(old, new, "$")
    return walk.changes


class _Walk:
    def __init__(self, index: Index, rules: CompareRules, *, any_item: bool) -> None:
        self.changes: list[Change] = []
        self._key = index.key
        self._tolerance = rules.tolerance
        self._unordered = rules.ignore_order
        self._any_item = any_item
        self._steps = 0
        self._rated = 0
        self._known: dict[tuple[int, int], bool] = {}

    def value(self, old: Any, new: Any, path: str) -> None:
        if self._same(old, new):
            return
        if isinstance(old, dict) and isinstance(new, dict):
            self._object(old, new, path)
        elif isinstance(old, list) and isinstance(new, list):
            (self._any_order if self._unordered else self._in_order)(old, new, path)
        else:
            self._add(Change(path=path, kind="changed", old=old, new=new))

    def _object(self, old: dict[str, Any], new: dict[str, Any], path: str) -> None:
        for name, value in old.items():
            inner = path + write_name(name)
            if name in new:
                self.value(value, new[name], inner)
            else:
                self._add(Change(path=inner, kind="removed", old=value))
        for name, value in new.items():
            if name not in old:
                self._add(Change(path=path + write_name(name), kind="added", new=value))

    def _in_order(self, old: list[Any], new: list[Any], path: str) -> None:
        shorter = min(len(old), len(new))
        start = 0
        while start < shorter and self._same(old[start], new[start]):
            start += 1
        end = 0
        while end < shorter - start and self._same(old[-1 - end], new[-1 - end]):
            end += 1
        olds, news = old[start : len(old) - end], new[start : len(new) - end]
        gaps = find_gaps([self._key(item) for item in olds], [self._key(item) for item in news])
        for i, j in gaps:
            self._replaced({start + k: olds[k] for k in i}, {start + k: news[k] for k in j}, path)

    def _any_order(self, old: list[Any], new: list[Any], path: str) -> None:
        pairs = match_all(old, new, self._key, self._same if self._tolerance else _never)
        taken = set(pairs.values())
        self._replaced(
            {i: item for i, item in enumerate(old) if i not in pairs},
            {j: item for j, item in enumerate(new) if j not in taken},
            path,
        )

    def _replaced(self, old: dict[int, Any], new: dict[int, Any], path: str) -> None:
        positions_old, positions_new = list(old), list(new)
        pairs: Iterable[tuple[int, int]] = ()
        if len(old) == len(new) and (not self._unordered or len(old) == 1):
            pairs = zip(positions_old, positions_new, strict=True)
        elif (rated := self._rated + len(old) * len(new)) <= MAX_RATED:
            self._rated = rated
            alike = pair_alike(self._features(old.values()), self._features(new.values()))
            pairs = [(positions_old[i], positions_new[j]) for i, j in alike]
        for i, j in pairs:
            self.value(old.pop(i), new.pop(j), self._item(path, j))
        for i, item in old.items():
            self._add(Change(path=self._item(path, i), kind="removed", old=item))
        for j, item in new.items():
            self._add(Change(path=self._item(path, j), kind="added", new=item))

    def _same(self, old: Any, new: Any) -> bool:
        """Whether two values are equal under the rules; with a tolerance, item by item."""
        pair = self._key(old), self._key(new)
        if pair[0] == pair[1]:
            return True
        if not self._tolerance or old is None or isinstance(old, (str, bool)):
            return False
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise PastBoundError
        if pair not in self._known:
            self._known[pair] = self._close(old, new)
        return self._known[pair]

    def _close(self, old: Any, new: Any) -> bool:
        if isinstance(old, dict) and isinstance(new, dict):
            return old.keys() == new.keys() and all(
                self._same(value, new[name]) for name, value in old.items()
            )
        if isinstance(old, list) and isinstance(new, list):
            if len(old) != len(new):
                return False
            if self._unordered:
                return len(match_all(old, new, self._key, self._same)) == len(old)
            return all(map(self._same, old, new))
        return is_number(old) and is_number(new) and within(old, new, self._tolerance)

    def _features(self, items: Iterable[Any]) -> Sequence[frozenset[Any]]:
        return [frozenset(self._parts(item)) for item in items]

    def _parts(self, item: Any) -> Iterable[Any]:
        if isinstance(item, dict):
            return ((name, self._key(value)) for name, value in item.items())
        return map(self._key, item) if isinstance(item, list) else ()

    def _item(self, path: str, position: int) -> str:
        return f"{path}[*]" if self._any_item else f"{path}[{position}]"

    def _add(self, change: Change) -> None:
        if len(self.changes) == MAX_CHANGES:
            raise PastBoundError
        self.changes.append(change)


def within(old: float, new: float, tolerance: float) -> bool:
    """Whether two numbers differ by at most `tolerance`, as decimal numbers are read.

    In binary ``1.1 - 1.0`` is a little more than ``0.1``; a reader of both texts would not agree.
    """
    try:
        gap, slack = abs(old - new) - tolerance, (abs(old) + abs(new) + tolerance) * 1e-9
    except OverflowError:  # a whole number beyond what a float can hold
        gap = slack = 0.0
    if abs(gap) > slack or isinf(slack):
        return gap < 0
    from decimal import Decimal

    return abs(Decimal(repr(old)) - Decimal(repr(new))) <= Decimal(repr(tolerance))


def is_number(value: Any) -> bool:
    """Whether a value is a number of JSON; in Python `True` would be one, too."""
    return type(value) in (int, float)


def _never(_old: Any, _new: Any) -> bool:
    return False
