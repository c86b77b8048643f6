"""JSON values as a snapshot keeps them: of this shape, within these bounds, or as text."""

from __future__ import annotations

from math import isfinite
from typing import Any

from promptrun.files.json import canonical, parse_faithfully

MAX_DEPTH = 64
"""Levels of lists and mappings in one kept value. The file adds up to eight of its own, and
`files.yaml` reads a hundred."""

MAX_NODES = 100_000
"""Scalars, lists and mappings in one kept value. What is larger stays text: nobody reviews it
line by line, and the reader of YAML has a bound as well."""


def plain(value: Any, *, sort: bool = False) -> Any:
    """A copy of a JSON value, keys as text and sorted where `sort` says so; lists keep their order.

    Raises ValueError for what a YAML file cannot say and give back the same: numbers that are not
    finite, other types, and anything beyond `MAX_DEPTH` or `MAX_NODES`.
    """
    left = MAX_NODES

    def copy(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or depth > MAX_DEPTH:
            raise ValueError("larger or deeper than a snapshot keeps")
        if isinstance(value, str):
            return joined(value)
        if isinstance(value, dict):
            copied = {_key(key): copy(item, depth + 1) for key, item in value.items()}
            return dict(sorted(copied.items(), key=_first)) if sort else copied
        if isinstance(value, (list, tuple)):
            return [copy(item, depth + 1) for item in value]
        if isinstance(value, float) and not isfinite(value):
            raise ValueError("not a finite number")
        if value is None or isinstance(value, (bool, int, float)):
            return value
        raise ValueError("not a JSON value")

    return copy(value, 1)


def keep(value: Any, *, sort: bool = False) -> Any:
    """A plain copy of `value`; its canonical JSON text where it lies beyond the bounds."""
    if isinstance(value, str):
        return joined(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    try:
        return plain(value, sort=sort)
    except ValueError:
        return as_text(value)


def as_text(value: Any) -> str:
    """What stands for a value where only text can: itself, or its canonical JSON."""
    if isinstance(value, str):
        return joined(value)
    try:
        return canonical(value)
    except (TypeError, ValueError, RecursionError):
        return f"[a value that is no JSON: {type(value).__name__}]"


def parse_kept(text: str, *, structures_only: bool) -> Any:
    """The JSON value that `text` spells, sorted and within the bounds.

    Raises ValueError where it spells none, or one that does not say all that the text says (see
    `parse_faithfully`), and, with `structures_only`, where it is neither a list
    nor a mapping.
    """
    if structures_only and not text.lstrip(" \t\r\n").startswith(("{", "[")):
        raise ValueError("neither a list nor a mapping")
    return plain(parse_faithfully(text), sort=True)


def joined(text: str) -> str:
    """`text` with its surrogate pairs made whole, as a stream may cut one between two pieces."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def _first(pair: tuple[str, Any]) -> str:
    return pair[0]


def _key(key: Any) -> str:
    # A YAML mapping may have numbers as keys (`logit_bias`); JSON text makes strings of them.
    return joined(key) if isinstance(key, str) else canonical(key)
