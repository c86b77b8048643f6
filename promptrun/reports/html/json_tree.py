"""A JSON value as a tree that opens and closes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from promptrun.files.json import parse_faithfully
from promptrun.reports.html.look import show_line, show_long

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NODES: Final = 2_000
"""Values of one tree; a larger one is shown as text."""
MAX_DEPTH: Final = 40
"""Levels of one tree; a deeper one is shown as text."""
MAX_LINE: Final = 64
"""Characters of a list or an object that stands on one line."""
OPEN_LEVELS: Final = 3
"""Levels that are open at first."""


def write_json_tree(value: Any) -> Markup:
    """`value` as nested lists; as text, and told so, where it is too large or too deep for that."""
    try:
        if _count(value) > MAX_NODES:
            return _as_text(value, f"more than {MAX_NODES:,} values")
        return Markup('<div class="tree">{}</div>').format(_write("", value, 0))
    except RecursionError:
        return _as_text(value, "nested deeply", indent=None)


def fits_line(value: Any) -> bool:
    """Whether a list or an object is shown on one line, with nothing to open."""
    few = not isinstance(value, dict | list | tuple) or len(value) <= MAX_LINE // 2
    return few and len(json.dumps(value, ensure_ascii=False)) <= MAX_LINE


def parse_container(text: str) -> Any:
    """The list or object that `text` spells as JSON, faithfully and not too deep; else None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value = parse_faithfully(text)
    except ValueError:
        return None
    return value if isinstance(value, dict | list) and value and _is_shallow(value) else None


def _is_shallow(value: Any) -> bool:
    """Whether a value can be written and sorted without coming near the interpreter's bounds."""
    level = [value]
    for _ in range(2 * MAX_DEPTH):
        level = [inner for one in level for inner in _inner(one)]
        if not level:
            return True
    return False


def _as_text(value: Any, why: str, *, indent: int | None = 2) -> Markup:
    try:
        text = show_long(json.dumps(value, indent=indent, ensure_ascii=False))
    except (RecursionError, TypeError):
        return Markup('<p class="more">JSON that is nested too deeply to be shown</p>')
    return Markup('<p class="more">As text: {}</p><pre>{}</pre>').format(why, text)


def _count(value: Any) -> int:
    """How many values there are, as far as `MAX_NODES`; RecursionError where they lie too deep."""
    count, level, depth = 0, [value], 0
    while level and count <= MAX_NODES:
        count += len(level)
        depth += 1
        if depth > MAX_DEPTH:
            raise RecursionError
        level = [inner for one in level for inner in _inner(one)]
    return count


def _inner(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def _write(key: Markup | str, value: Any, depth: int) -> Markup:
    if not isinstance(value, dict | list | tuple):
        return key + _write_scalar(value)
    if fits_line(value):
        line = json.dumps(value, ensure_ascii=False)
        return key + Markup('<code dir="auto">{}</code>').format(show_line(line))
    named = isinstance(value, dict)
    rows = Markup("").join(
        Markup("<li>{}</li>").format(_write(_write_key(name) if named else "", one, depth + 1))
        for name, one in (value.items() if isinstance(value, dict) else enumerate(value))
    )
    size = f"{{{len(value)}}}" if named else f"[{len(value)}]"
    return Markup(
        '<details{}><summary>{}<span class="count">{}</span></summary><ul>{}</ul></details>'
    ).format(Markup(" open") if depth < OPEN_LEVELS else "", key, size, rows)


def _write_key(name: Any) -> Markup:
    return Markup('<span class="key">{}</span>: ').format(show_line(str(name)))


def _write_scalar(value: Any) -> Markup:
    if not isinstance(value, str):
        return Markup('<span class="value">{}</span>').format(json.dumps(value))
    if "\n" in value:
        return Markup('<span class="string" dir="auto">{}</span>').format(show_long(value))
    return Markup('<span class="string" dir="auto">{}</span>').format(
        show_long(json.dumps(value, ensure_ascii=False))
    )
