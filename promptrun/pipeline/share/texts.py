"""The texts of a JSON value: each with its place, or each replaced by another."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_DEPTH: Final = 100
"""What is nested deeper is left out: no writer of JSON could follow it much further."""
TOO_DEEP: Final = "… (nested too deeply to be shared)"


def walk_texts(value: Any) -> Iterator[tuple[str, str]]:
    """Every text of a value, keys among them, each with a path such as ``messages[0].content``."""
    pending: list[tuple[str, Any]] = [("", value)]
    while pending:
        path, item = pending.pop()
        if isinstance(item, str):
            yield path, item
        elif isinstance(item, dict):
            for key, inner in reversed(item.items()):
                pending.append((f"{path}.{key}" if path else str(key), inner))
            yield from ((path, key) for key in item if isinstance(key, str))
        elif isinstance(item, list | tuple):
            pending += [(f"{path}[{at}]", item[at]) for at in range(len(item) - 1, -1, -1)]


def map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of a JSON value with each of its texts and keys changed.

    Keys that become equal are kept apart. A number that JSON cannot hold becomes its text; what is
    nested too deeply, a text that says so.
    """
    holder: list[Any] = [value]
    pending: list[tuple[Any, Any, int]] = [(holder, 0, 0)]
    while pending:
        container, place, depth = pending.pop()
        item = container[place]
        if isinstance(item, str):
            container[place] = change(item)
        elif isinstance(item, float) and not isfinite(item):
            container[place] = str(item)
        elif isinstance(item, dict | list | tuple) and depth >= MAX_DEPTH:
            container[place] = TOO_DEEP
        elif isinstance(item, dict):
            container[place] = copied = _with_keys(item, change)
            pending.extend((copied, key, depth + 1) for key in copied)
        elif isinstance(item, list | tuple):
            container[place] = listed = list(item)
            pending.extend((listed, at, depth + 1) for at in range(len(listed)))
    return holder[0]


def _with_keys(value: dict[Any, Any], change: Callable[[str], str]) -> dict[Any, Any]:
    changed: dict[Any, Any] = {}
    for key, inner in value.items():
        name = change(key) if isinstance(key, str) else key
        while name in changed:
            name += "*"
        changed[name] = inner
    return changed
