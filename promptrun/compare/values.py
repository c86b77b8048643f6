"""Two JSON values: equal under the rules, or where they differ."""

from __future__ import annotations

from typing import Any

from promptrun.compare.forms import same_values
from promptrun.compare.index import MAX_DEPTH, Index
from promptrun.compare.walk import PastBoundError, find_changes
from promptrun.compare.write import write_json
from promptrun.files.json import canonical
from promptrun.models import CompareRules, Difference


def compare_json(where: str, old: Any, new: Any, rules: CompareRules) -> Difference | None:
    """Every place where the values differ, or None where they are equal under the rules.

    The order of keys and the spelling of numbers (``1``, ``1.0``, ``1e0``) do not count. Values
    that are too large, too deep or too different to be walked are a difference that is `bounded`:
    a bound never makes them equal.
    """
    return compare_values(where, old, new, rules)


def compare_values(
    where: str,
    old: Any,
    new: Any,
    rules: CompareRules,
    *,
    literal: bool = False,
    any_item: bool = False,
) -> Difference | None:
    """The same; with `literal`, ``1.0`` is not ``1``; with `any_item`, items are called ``[*]``."""
    if same_text(old, new):
        return None
    index = Index(unordered=rules.ignore_order, literal=literal)
    indexed = index.add(old) and index.add(new)
    if indexed and index.key(old) == index.key(new):
        return None
    if not indexed or index.depth > MAX_DEPTH:
        # What is literal is the same only where its text is.
        same = not literal and same_values(old, new, rules)
        return None if same else write_bounded(where, old, new)
    try:
        changes = find_changes(old, new, index, rules, any_item=any_item)
    except PastBoundError:
        return write_bounded(where, old, new, sort_lists=rules.ignore_order)
    return Difference(where=where, changes=tuple(changes)) if changes else None


def same_text(old: Any, new: Any) -> bool:
    """Whether both have one canonical text; False where they are too deep for that to be seen."""
    try:
        return canonical(old) == canonical(new)
    except RecursionError:
        return False


def write_bounded(where: str, old: Any, new: Any, *, sort_lists: bool = False) -> Difference:
    """A difference between values that cannot be walked, as two texts."""
    return Difference(
        where=where,
        old=write_json(old, sort_lists=sort_lists),
        new=write_json(new, sort_lists=sort_lists),
        bounded=True,
    )
