"""JSON of any size and depth as text, so that what cannot be listed can still be read."""

from __future__ import annotations

from typing import Any, Final

from promptrun.files.json import canonical

LEVELS: Final = 8
"""Levels that are laid out with one value a line; what is deeper stands on one line."""


def write_json(value: Any, *, sort_lists: bool = False) -> str:
    """The value with its keys sorted and two spaces a level; it can be of any depth.

    With `sort_lists` the items stand in an order of their own, so that two lists of the same items
    read the same.
    """
    pieces: list[str] = []
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        value, level = waiting.pop()
        if level < 0:
            pieces.append(value)
        elif not isinstance(value, (dict, list)) or not value:
            pieces.append(canonical(value))
        elif level == LEVELS and (text := _whole(value)) is not None:
            pieces.append(text)
        else:
            waiting += reversed(_parts(value, level, sort_lists=sort_lists))
    return "".join(pieces)


def _parts(
    value: dict[str, Any] | list[Any], level: int, *, sort_lists: bool
) -> list[tuple[Any, int]]:
    """A container's punctuation (at level -1) and its members, in the order of the text."""
    indent = "\n" + "  " * (level + 1) if level < LEVELS else ""
    parts: list[tuple[Any, int]] = []
    if isinstance(value, dict):
        space = " " if indent else ""
        for name in sorted(value):
            parts += _member(f",{indent}{canonical(name)}:{space}", value[name], level)
    else:
        for item in _sorted(value) if sort_lists else value:
            parts += _member(f",{indent}", item, level)
    brackets = "{}" if isinstance(value, dict) else "[]"
    parts[0] = (brackets[0] + parts[0][0][1:], -1)
    parts.append((indent[:-2] + brackets[1], -1))
    return parts


def _member(before: str, value: Any, level: int) -> list[tuple[Any, int]]:
    if isinstance(value, (dict, list)):
        return [(before, -1), (value, level + 1)]
    return [(before + canonical(value), -1)]


def _whole(value: Any) -> str | None:
    try:
        return canonical(value)
    except RecursionError:
        return None


def _sorted(items: list[Any]) -> list[Any]:
    try:
        return sorted(items, key=canonical)
    except RecursionError:
        return items
