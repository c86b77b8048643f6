"""A JSON value as its leaves: where each of them stands, and what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.models import CompareRules

    Numbers = dict[int, list[float]]
    """The numbers of a value by the hashes of their paths."""


class Leaves(NamedTuple):
    """The leaves of one value, as hashes: a path, and a path with what stands there.

    A leaf is a scalar or an empty container. In a list whose order does not count every container
    is a leaf once more as a whole, so that it matters which leaves stand together.
    """

    paths: list[int]
    said: list[int]
    """Without the numbers where they are equal within a tolerance."""
    numbers: Numbers
    """Where there is a tolerance; else they are among `said`."""


class LeafReader:
    """Reads leaves under the rules of one comparison."""

    def __init__(self, rules: CompareRules) -> None:
        self._shape = rules.mode == "shape"
        self._unordered = rules.ignore_order or self._shape
        self._tolerant = rules.tolerance > 0 and not self._shape

    def read(self, value: Any) -> Leaves:
        """The leaves of a value; it can be of any depth."""
        leaves = Leaves([], [], {})
        wholes = self._digest_containers(value) if self._unordered else {}
        waiting: list[tuple[Any, int]] = [(value, hash("$"))]
        while waiting:
            value, path = waiting.pop()
            if isinstance(value, dict) and value:
                waiting += [(item, hash(f"{path}.{name}")) for name, item in value.items()]
            elif isinstance(value, list) and value:
                for item, place in self._items(value, path):
                    waiting.append((item, place))
                    if id(item) in wholes:
                        leaves.paths.append(hash(f"{place} whole"))
                        leaves.said.append(hash(f"{place} whole {wholes[id(item)]}"))
            else:
                leaves.paths.append(path)
                if self._tolerant and type(value) in (int, float):
                    leaves.numbers.setdefault(path, []).append(value)
                else:
                    leaves.said.append(hash(f"{path} {self._describe(value)}"))
        if self._shape:
            # A list's shape is the set of its items' shapes, so repeats do not count.
            once = dict(zip(leaves.said, leaves.paths, strict=True))
            return Leaves(list(once.values()), list(once), {})
        return leaves

    def _items(self, items: list[Any], path: int) -> Iterator[tuple[Any, int]]:
        if self._unordered:
            place = hash(f"{path}[*]")
            return ((item, place) for item in items)
        return ((item, hash(f"{path}[{number}]")) for number, item in enumerate(items))

    def _digest_containers(self, root: Any) -> dict[int, int]:
        """What every container that is not empty holds, in no order, by the container's id."""
        found = [root]
        for value in found:  # it grows while it is read
            if isinstance(value, (dict, list)):
                members = value.values() if isinstance(value, dict) else value
                found += [member for member in members if isinstance(member, (dict, list))]
        digests: dict[int, int] = {}

        def digest(member: Any) -> str:
            known = digests.get(id(member))
            return self._describe(member) if known is None else f"#{known}"

        for value in reversed(found):
            if isinstance(value, dict) and value:
                members = [f"{hash(name)}:{digest(member)}" for name, member in value.items()]
                digests[id(value)] = hash(f"object {sorted(members)}")
            elif isinstance(value, list) and value:
                items = [digest(item) for item in value]
                digests[id(value)] = hash(f"list {sorted(set(items) if self._shape else items)}")
        return digests

    def _describe(self, value: Any) -> str:
        """A leaf as text, so that equal leaves have equal texts; a number of any spelling has one.

        In Python ``True == 1``; in JSON they are two values.
        """
        if isinstance(value, (dict, list)):
            return "{}" if isinstance(value, dict) else "[]"
        if type(value) in (int, float):
            if self._shape or self._tolerant:
                return "number"
            return spell_number(value)
        return type(value).__name__ if self._shape else f"{type(value).__name__} {value}"


def spell_number(value: float) -> str:
    """One text for every spelling of a number: ``1``, ``1.0`` and ``1e0`` are equal."""
    is_whole = isinstance(value, int) or value.is_integer()
    return f"number {int(value):x}" if is_whole else f"number {value!r}"
