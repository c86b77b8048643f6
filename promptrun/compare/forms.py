"""Whether two JSON values are equal under the rules, in one pass over each.

It is for values past the bounds of an `Index`: it needs little memory beside that of their texts,
and tells only whether they differ. What is too large or too deep for it as well is different.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.compare.walk import is_number, within
from promptrun.files.json import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from promptrun.models import CompareRules

    Spell = Callable[[Any], str]


MAX_FORMED: Final = 3_000_000
"""Values inside both sides together. A pass over that many takes some seconds."""


def same_values(old: Any, new: Any, rules: CompareRules) -> bool:
    """Whether two values are equal under the rules.

    A tolerance is not applied together with `ignore_order`: finding every item its partner takes
    more than a pass.
    """
    if not rules.tolerance or rules.ignore_order:
        return same_forms(old, new, _spell, sorted if rules.ignore_order else list)
    try:
        return _fit(old, new) and _close(old, new, rules.tolerance)
    except RecursionError:
        return False


def same_forms(
    old: Any, new: Any, spell: Spell, arrange: Callable[[Iterable[str]], Iterable[str]]
) -> bool:
    """Whether two values have one form, their texts with all spelled in one way.

    `spell` gives the text of a value that is neither a list nor an object, and `arrange` the order
    of the forms of a list's items.
    """

    def form(value: Any) -> str:
        if isinstance(value, dict):
            members = [f"{canonical(name)}:{form(value[name])}" for name in sorted(value)]
            return f"{{{','.join(members)}}}"
        if isinstance(value, list):
            return f"[{','.join(arrange(map(form, value)))}]"
        return spell(value)

    try:
        return _fit(old, new) and form(old) == form(new)
    except RecursionError:
        return False


def _fit(*values: Any) -> bool:
    left = MAX_FORMED
    containers = [value for value in values if isinstance(value, (dict, list))]
    while containers:
        left -= sum(map(len, containers))
        if left < 0:
            return False
        containers = [
            child
            for value in containers
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, (dict, list))
        ]
    return True


def _spell(scalar: Any) -> str:
    """A scalar as it is spelled wherever it stands: ``1.0`` and ``1e0`` as ``1``."""
    if is_number(scalar):
        return repr(int(scalar) if isinstance(scalar, float) and scalar.is_integer() else scalar)
    return canonical(scalar)


def _close(old: Any, new: Any, tolerance: float) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(
            _close(value, new[name], tolerance) for name, value in old.items()
        )
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(
            _close(item, other, tolerance) for item, other in zip(old, new, strict=True)
        )
    if is_number(old) and is_number(new):
        return old == new or within(old, new, tolerance)
    return type(old) is type(new) and bool(old == new)
