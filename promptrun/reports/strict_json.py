"""JSON that every parser reads: what Python's own writes beyond it is spelt otherwise."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, Final

MAX_DEPTH: Final = 100
"""Levels that are written of a value which is nested too deeply to be written as a whole."""
TOO_DEEP: Final = "…nested too deeply"


def dump_strict(value: Any, *, indent: int | None = None) -> str:
    """JSON text, Korean as Korean, on one line unless it is indented.

    A number without end or that is none stands as the text ``"Infinity"``, ``"-Infinity"`` or
    ``"NaN"``. Of a value that is nested deeper than the interpreter can follow, `TOO_DEEP` stands
    for what lies below `MAX_DEPTH` levels.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    except (ValueError, RecursionError):
        return json.dumps(_spell(value, MAX_DEPTH), ensure_ascii=False, indent=indent)


def _spell(value: Any, depth: int) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - what NaN is
    if isinstance(value, dict | list | tuple) and not depth:
        return TOO_DEEP
    if isinstance(value, dict):
        return {key: _spell(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_spell(one, depth - 1) for one in value]
    return value
