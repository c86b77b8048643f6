"""The events of libyaml → values: every guard against a hostile text, and every mistake's place."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from promptrun.errors import SpecError
from promptrun.files.yaml_events import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from promptrun.files.source import Source
    from promptrun.files.yaml_window import Window

MAX_WEIGHT = 64 * 2**20
"""Roughly bytes: `_NODE_WEIGHT` for each value and one for each character, aliases expanded."""
MAX_ERRORS = 50
MAX_DIGITS = 1_000
"""Of a whole number: Python itself refuses to write one of more than 4,300 digits."""

_NODE_WEIGHT = 20
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
# A thousand %TAG lines cost libyaml seconds, and tags are refused anyway.
_TAG_DIRECTIVE = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n|%YAML[^\n]*\n)*(%TAG[^\n]*)")


def refuse_tag_directives(reader: Reader, text: str) -> None:
    """Stop where the text begins with one."""
    if directive := _TAG_DIRECTIVE.match(text):
        reader.stop(*directive.span(1), "tags are not allowed", "remove the `%TAG` line")


class StopReading(Exception):
    """What follows cannot be read, or is too much to read."""

    unclosed = 0
    """The lists and mappings that had begun, and whose ends are still to come."""


class Reader:
    """Builds values from events; mistakes are collected, and reading goes on where it can."""

    what = "file"
    """What is too large, in messages."""

    def __init__(self, source: Source | Window) -> None:
        self.source = source
        self.errors: list[SpecError] = []
        self.weight = 0
        self.anchors: MutableMapping[str, tuple[Any, int]] = {}
        """The values of anchors, and their weights."""
        self.open_anchors: set[str] = set()
        self.end = 0
        """Where the list or mapping ends that was read last."""
        self.next: Callable[[], Any]

    def end_document(self) -> None:
        """Read what follows the value of a document: there must be nothing."""
        self.next()
        event = self.next()
        if event.__class__ is DocumentStartEvent:
            self.fail(event, "a second document begins here", "a file holds one: remove the `---`")

    def node(self, event: Any, depth: int) -> Any:
        """The value that begins with `event`; StopReading where it is too much to read."""
        kind = event.__class__
        if kind is AliasEvent:
            return self.alias(event)
        before = self.weight
        try:
            if event.tag is not None:
                self.refuse_tag(event)
            if kind is ScalarEvent:
                value = self._scalar(event)
            else:
                if event.anchor is not None:
                    self.open_anchors.add(event.anchor)
                self._weigh(event, _NODE_WEIGHT)
                if depth == MAX_DEPTH:
                    self._stop_at(event, f"nested deeper than {MAX_DEPTH} levels")
                is_list = kind is SequenceStartEvent
                value = self._sequence(depth + 1) if is_list else self._mapping(depth + 1)
        except StopReading as stop:
            stop.unclosed += kind is not ScalarEvent
            raise
        if event.anchor is not None:
            self.open_anchors.discard(event.anchor)
            self.anchors[event.anchor] = (value, self.weight - before)
        return value

    def _sequence(self, depth: int) -> list[Any]:
        items: list[Any] = []
        while (event := self.next()).__class__ is not SequenceEndEvent:
            items.append(self.node(event, depth))
        self.end = _end(event)
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        merges: list[dict[str, Any]] | None = None
        while (event := self.next()).__class__ is not MappingEndEvent:
            key = self._key(event, depth)
            value = self.node(self.next(), depth)
            if key == "<<" and not event.style and merges is None:
                merges = self._merged(event, value)
            elif key in entries or (key == "<<" and not event.style):
                self.fail(event, f"the key `{key}` stands twice", "keep one of them")
            elif key is not None:
                entries[key] = value
        self.end = _end(event)
        if merges:
            base: dict[str, Any] = {}
            for mapping in reversed(merges):
                base.update(mapping)
            return base | entries
        return entries

    def _key(self, event: Any, depth: int) -> str | None:
        """The text of a key, or None where it is none; the error is noted then."""
        value = self.node(event, depth)
        if isinstance(value, str):
            return value
        start = event.start_mark.index
        if event.__class__ is MappingStartEvent and self.source.piece(start - 1, start + 1) == "{{":
            message, hint = "a template that is not quoted", 'quote it: `"{{ … }}"`'
            self.errors.append(
                SpecError(message, location=self.source.span(start - 1, start + 1), hint=hint)
            )
        elif event.__class__ is ScalarEvent:
            written = event.value or "null"
            self.fail(event, f"the key `{written}` is no text", f'quote it: `"{written}"`')
        else:
            self.fail(event, "a key must be text")
        return None

    def _merged(self, event: Any, value: Any) -> list[dict[str, Any]]:
        mappings = value if isinstance(value, list) else [value]
        if all(isinstance(mapping, dict) for mapping in mappings):
            return mappings
        self.fail(event, "`<<` merges mappings only", 'quote it where text is meant: `"<<"`')
        return []

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        self._weigh(event, _NODE_WEIGHT + len(text))
        if event.style:
            return text
        value = _WORDS.get(text, text)
        if value and text[0] in _NUMBER_STARTS:
            return self._number(event, text)
        return value

    def _number(self, event: Any, text: str) -> Any:
        if _WHOLE.fullmatch(text):
            if len(text) <= MAX_DIGITS:
                return int(text, 0)
        elif _FLOAT.fullmatch(text):
            if isfinite(value := float(text)):
                return value
        elif not _NOT_FINITE.fullmatch(text):
            return text
        hint = "JSON has no such number: quote it where text is meant"
        self.fail(event, f"`{text[:40]}` is no finite number of a sensible length", hint)
        return text

    def alias(self, event: Any) -> Any:
        """The value that an alias stands for; None, and a mistake, where it stands for none."""
        name = event.anchor
        if name in self.open_anchors:
            self.fail(event, f"the alias `*{name}` stands inside the value that it names")
            return None
        if name not in self.anchors:
            self.fail(event, f"no anchor `&{name}` stands above this alias")
            return None
        value, weight = self.anchors[name]
        self._weigh(event, weight)
        return value

    def _weigh(self, event: Any, weight: int) -> None:
        self.weight += weight
        if self.weight > MAX_WEIGHT:
            what = "its aliases make" if self.anchors else "it has"
            self._stop_at(event, f"the {self.what} is too large: {what} too many values")

    def refuse_tag(self, event: Any) -> None:
        """Note the tag of a value."""
        tag = event.tag.replace("tag:yaml.org,2002:", "!!", 1)
        self.fail(event, f"the tag `{tag}` is not allowed", "remove it: a value is plain data")

    def fail(self, event: Any, message: str, hint: str | None = None) -> None:
        """Note a mistake at an event; too many of them end the reading."""
        end = event.end_mark.index
        location = self.source.span(event.start_mark.index, end)
        self.errors.append(SpecError(message, location=location, hint=hint))
        if len(self.errors) == MAX_ERRORS:
            raise StopReading

    def _stop_at(self, event: Any, message: str) -> None:
        self.stop(event.start_mark.index, event.end_mark.index, message)

    def stop(self, start: int, end: int, message: str, hint: str | None = None) -> None:
        """Note a mistake at these characters, and end the reading."""
        location = self.source.span(start, end)
        self.errors.append(SpecError(message, location=location, hint=hint))
        raise StopReading


def _end(event: Any) -> int:
    end: int = event.end_mark.index
    return end
