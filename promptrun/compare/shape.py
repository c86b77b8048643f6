"""``shape``: replies are equal when they are built alike, whatever they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from promptrun.compare.forms import same_forms
from promptrun.compare.index import MAX_DEPTH, Index
from promptrun.compare.mode import Mode
from promptrun.compare.values import compare_values, same_text, write_bounded

if TYPE_CHECKING:
    from promptrun.models import CompareRules, Difference

_TYPES: Final[dict[type, str]] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def compare_shape(where: str, old: Any, new: Any, rules: CompareRules) -> Difference | None:
    """Where the shapes differ; the changes hold shapes, not values.

    An object's shape is its names and their shapes; a list's is the set of its items' shapes, so
    their number does not count unless there are none; a scalar's is its type, and all numbers are
    one type.
    """
    if same_text(old, new):
        return None
    index = _ShapeIndex()
    if not (index.add(old) and index.add(new)):
        same = same_forms(
            old, new, lambda value: _TYPES[type(value)], lambda items: sorted({*items})
        )
        return None if same else write_bounded(where, old, new)
    if index.key(old) == index.key(new):
        return None
    if index.depth > MAX_DEPTH:
        return write_bounded(where, old, new)
    rules = structs.replace(rules, ignore_order=True, tolerance=0.0)
    old_shape, new_shape = _shape(old, index), _shape(new, index)
    return compare_values(where, old_shape, new_shape, rules, any_item=True)


class _ShapeIndex(Index):
    """An index in which values of one shape have one number."""

    def _describe_items(self, keys: list[int]) -> Any:
        return frozenset(keys)

    def _describe_scalar(self, value: Any) -> Any:
        return _TYPES[type(value)]


def _shape(value: Any, index: Index) -> Any:
    if isinstance(value, dict):
        return {name: _shape(member, index) for name, member in value.items()}
    if isinstance(value, list):
        return [_shape(item, index) for item in {index.key(item): item for item in value}.values()]
    return _TYPES[type(value)]


def _compare_text(_where: str, _old: str, _new: str) -> None:
    """A text's shape is that it is a text."""


MODE = Mode(reads="json", text=_compare_text, json=compare_shape, finish_reason=False)
