"""Where each value of a YAML text stands; built only when something has to be pointed at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from yaml import YAMLError
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from promptrun.files.yaml_events import read_events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_HEADER = re.compile(r"[|>][^\n]*\n")
_DOUBLE_QUOTED = re.compile(r"\\(?:x..|u[dD][89abAB]..\\u.{4}|u.{4}|U.{8}|\n\s*|.)|.", re.DOTALL)
_SINGLE_QUOTED = re.compile(r"''|.", re.DOTALL)
_CHARACTER = re.compile(r".", re.DOTALL)
_SPACE_ESCAPES = frozenset(r"\n\t\r\v\f\N\L\P\_\ "[1::2])
_MARKS = {"{{": "}}", "{%": "%}"}
_OPENING = re.compile(r"\{\{|\{%")


class Span(NamedTuple):
    """A piece of a text: offsets in characters, the end not included."""

    start: int
    end: int


class Node:
    """One value and its children."""

    __slots__ = ("end", "entries", "items", "merges", "start", "value")

    def __init__(self, start: int, end: int, value: str | None) -> None:
        self.start = start
        self.end = end
        self.value = value
        """The text of a scalar; None for a list and a mapping."""
        # Most nodes are scalars: they share these, and only their own kind replaces them.
        self.entries = _NO_ENTRIES
        self.merges: list[Node] = _NO_ITEMS
        self.items: list[Node] = _NO_ITEMS


_NO_ENTRIES: dict[str, tuple[Node, Node]] = {}
_NO_ITEMS: list[Node] = []


def compose(text: str) -> Node:
    """The tree of a text that `parse_yaml` accepts; an empty one for any other."""
    try:
        next_event = read_events(text)
        next_event()
        next_event()
        return _compose(next_event(), next_event, {})
    except (YAMLError, AttributeError, RecursionError):
        return Node(0, 1, None)


def _compose(event: Any, next_event: Callable[[], Any], anchors: dict[str, Node]) -> Node:
    kind = event.__class__
    if kind is AliasEvent:
        alias = anchors.get(event.anchor)
        return alias or Node(event.start_mark.index, event.end_mark.index, None)
    value = event.value if kind is ScalarEvent else None
    node = Node(event.start_mark.index, event.end_mark.index, value)
    if event.anchor is not None:
        anchors[event.anchor] = node
    if kind is SequenceStartEvent:
        node.items = []
        while (event := next_event()).__class__ is not SequenceEndEvent:
            node.items.append(_compose(event, next_event, anchors))
        node.end = _end(event)
    elif kind is MappingStartEvent:
        node.entries = {}
        while (event := next_event()).__class__ is not MappingEndEvent:
            key = _compose(event, next_event, anchors)
            inner = _compose(next_event(), next_event, anchors)
            if key.value == "<<" and not event.style:
                node.merges = inner.items or [inner]
            elif key.value is not None:
                node.entries.setdefault(key.value, (key, inner))
        node.end = _end(event)
    return node


def _end(event: Any) -> int:
    end: int = event.end_mark.index
    return end


def find(root: Node, path: Sequence[str | int], *, key: bool) -> tuple[Span, Node]:
    """The span of the value at `path` (or of its key), or of its deepest parent that is there."""
    node = meant = root
    for position, step in enumerate(path):
        if isinstance(step, int):
            if not 0 <= step < len(node.items):
                break
            node = meant = node.items[step]
            continue
        entry = _entry(node, step)
        if entry is None:
            break
        key_node, node = entry
        last = position == len(path) - 1
        # An empty value has no place of its own.
        meant = key_node if (key and last) or node.start == node.end else node
    return Span(meant.start, meant.end), node


def _entry(node: Node, name: str) -> tuple[Node, Node] | None:
    if name in node.entries:
        return node.entries[name]
    for merged in node.merges:
        if (entry := _entry(merged, name)) is not None:
            return entry
    return None


def narrow(text: str, node: Node, *, word: str | None, line: int | None) -> Span | None:
    """The piece of a scalar where `word`, or the n-th line of its value, stands in the source.

    A word inside a template's marks is preferred. None where the scalar does not have it.
    """
    value = node.value
    if value is None:
        return None
    start = 0
    if line is not None:
        lines = value.split("\n")
        if not 0 < line <= len(lines):
            return None
        start = sum(len(above) + 1 for above in lines[: line - 1])
    if word is None:
        place = _to_source(text, node, start)
        return Span(place, node.end)
    found = _find_word(value, word, start)
    if found is None:
        return None
    place = _to_source(text, node, found)
    return Span(place, place + len(word))


def _find_word(value: str, word: str, start: int) -> int | None:
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    place = start
    while opening := _OPENING.search(value, place):
        # A mark that is never closed reaches to the end: looking on would take quadratic time.
        closing = value.find(_MARKS[opening[0]], opening.end())
        place = closing if closing >= 0 else len(value)
        if match := pattern.search(value, opening.end(), place):
            return match.start()
    match = pattern.search(value, start)
    return match.start() if match else None


def _to_source(text: str, node: Node, offset: int) -> int:
    """Where `node.value[offset]` stands in the text.

    Folding and indentation move only spaces, so the two are aligned by their other characters.
    """
    ahead = sum(not character.isspace() for character in (node.value or "")[:offset])
    begin = node.start
    if properties := _PROPERTIES.match(text, begin):
        begin = properties.end()
    tokens, escapes = _CHARACTER, False
    if text.startswith(('"', "'"), begin):
        escapes = text[begin] == '"'
        tokens = _DOUBLE_QUOTED if escapes else _SINGLE_QUOTED
        begin += 1
    elif header := _HEADER.match(text, begin):
        begin = header.end()
    for token in tokens.finditer(text, begin, node.end):
        if _is_space(token[0], escapes=escapes):
            continue
        if ahead == 0:
            return token.start()
        ahead -= 1
    return begin


def _is_space(token: str, *, escapes: bool) -> bool:
    if not escapes or len(token) == 1:
        return token.isspace()
    if len(token) == 12:
        return False
    if token[1] in "xuU" and len(token) > 2:
        return chr(int(f"0x{token[2:]}", 0)).isspace()
    return token[1] in _SPACE_ESCAPES or token[1] == "\n"
