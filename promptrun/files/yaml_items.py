"""A list in a YAML file of any size, read as a stream: one item of it in memory at a time."""

from __future__ import annotations

from collections import ChainMap
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from yaml import CSafeLoader, YAMLError
from yaml.events import (
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from promptrun.errors import Location, SpecError, SpecErrors
from promptrun.files.yaml_events import MAX_DEPTH, read_events
from promptrun.files.yaml_reader import Reader, StopReading, refuse_tag_directives
from promptrun.files.yaml_syntax import FORBIDDEN, explain_syntax, name_character
from promptrun.files.yaml_window import BOM, MAX_ITEM_CHARACTERS, Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

MAX_KEPT_WEIGHT = 2**20
"""How much the anchors of earlier items may hold, in the measure of `MAX_WEIGHT`."""

_MAX_SKIPPED_DEPTH = 10 * MAX_DEPTH
_LOOKED_INTO = 1000
"""Characters of a text that is no list: what they are may be the reason."""
_NOT_UTF8 = range(0xDC80, 0xDD00)
"""How Python keeps bytes that are not UTF-8."""


class Item(NamedTuple):
    """One item of the list: its value and its place, or what is wrong with it."""

    value: Any
    location: Location
    error: SpecError | None = None


def read_items(file: TextIO, name: str) -> Iterator[Item] | None:
    """The items of the one list in a text; None where it holds something else.

    `file` has LF line ends, and bytes that are not UTF-8 as surrogates. A mistake spoils its own
    item; where the text is no longer YAML, an item with the error is the last one. Values behind
    aliases are shared, of earlier items, too. Raises SpecErrors where the text goes wrong before
    the first item has begun.
    """
    stream = _Stream(file, name)
    return iter(stream.take, None) if stream.begin() else None


class _ItemReader(Reader):
    """Reads one item after the other, and keeps their anchors, up to a bound."""

    what = "row"

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.own: dict[str, tuple[Any, int]] = {}
        """The anchors of the item that is read."""
        self.kept: dict[str, tuple[Any, int]] = {}
        """Those of the items above it."""
        self.kept_weight = 0
        self.anchors = ChainMap(self.own, self.kept)
        self.around: frozenset[str] = frozenset()
        """The anchor of the list itself."""

    def begin_item(self) -> None:
        """Forget what the last item held, and allow another one."""
        self.errors, self.weight = [], 0
        self.own.clear()
        self.open_anchors = {*self.around}

    def keep_anchors(self) -> None:
        """Keep the anchors of an item without mistakes; of any other they mean nothing more."""
        for name in (*self.own, *(self.open_anchors - self.around)):
            if name in self.kept:
                self.kept_weight -= self.kept.pop(name)[1] + len(name)
        if self.errors:
            return
        for name, (value, weight) in self.own.items():
            if self.kept_weight + weight + len(name) <= MAX_KEPT_WEIGHT:
                self.kept[name] = value, weight
                self.kept_weight += weight + len(name)

    def alias(self, event: Any) -> Any:
        """The value that an alias stands for; a mistake where it is not known any more."""
        name = event.anchor
        if name in self.anchors or name in self.open_anchors:
            return super().alias(event)
        hint = (
            "it must stand above, in a row without mistakes, and the anchors of a file may hold"
            f" {MAX_KEPT_WEIGHT // 2**20} MiB in all"
        )
        self.fail(event, f"the anchor `&{name}` is not known here", hint)
        return None


class _Stream:
    """The events of a file, and the items that they make."""

    def __init__(self, file: TextIO, name: str) -> None:
        self.window = Window(file, name)
        self.reader = _ItemReader(self.window)
        self.flows = False
        """Whether the list stands in brackets."""
        self.ended = False
        self.taken = 0

    def begin(self) -> bool:
        """Read up to the first item; False where the text holds no list."""
        try:
            if self._find_list():
                return True
            if error := self._find_forbidden(0, _LOOKED_INTO):
                raise error
        except StopReading:
            raise SpecErrors(self.reader.errors) from None
        except (SpecError, YAMLError) as error:
            raise SpecErrors([self._explain(error)]) from None
        return False

    def _find_list(self) -> bool:
        reader = self.reader
        refuse_tag_directives(reader, self.window.look())
        reader.next = CSafeLoader(self.window).get_event
        reader.next()
        if reader.next().__class__ is not DocumentStartEvent:
            return False
        event = reader.next()
        if event.__class__ is not SequenceStartEvent:
            return False
        if event.tag is not None:
            reader.refuse_tag(event)
            raise StopReading
        self.window.above, self.flows = False, bool(event.flow_style)
        reader.around = frozenset({event.anchor} if event.anchor else ())
        return True

    def take(self) -> Item | None:
        """The next item; None behind the last one."""
        if self.ended:
            return None
        try:
            event = self.reader.next()
            item = None if event.__class__ is SequenceEndEvent else self._read(event)
            if item is None:
                item = self._finish()
        except (SpecError, YAMLError) as problem:
            [first, *_] = self.reader.errors or [self._explain(problem)]
            item = self._end_early(first)
        self.taken += 1
        return item

    def _read(self, event: Any) -> Item:
        reader, window = self.reader, self.window
        start = event.start_mark.index
        window.begin_item(start)
        reader.begin_item()
        reader.end = event.end_mark.index
        value = None
        try:
            value = reader.node(event, 1)
        except StopReading as stop:
            self._skip(stop.unclosed)
        end = reader.end
        if window.is_altered(start):
            value = self._read_again(event, start, end, value)
        if reader.own or reader.errors:
            reader.keep_anchors()
        error = reader.errors[0] if reader.errors else None
        reader.errors = []
        return Item(value, window.span(start, end), error)

    def _skip(self, unclosed: int) -> None:
        """Read up to the end of an item that is too much to read."""
        while unclosed:
            event = self.reader.next()
            kind = event.__class__
            if kind is SequenceStartEvent or kind is MappingStartEvent:
                unclosed += 1
            elif kind is SequenceEndEvent or kind is MappingEndEvent:
                unclosed -= 1
            if unclosed > _MAX_SKIPPED_DEPTH:
                # libyaml's time grows with the square of the depth.
                place = self.window.span(event.start_mark.index, event.end_mark.index)
                raise SpecError("nested too deeply", location=place)
            self.reader.end = event.end_mark.index

    def _read_again(self, event: Any, start: int, end: int, value: Any) -> Any:
        """The value of an item that libyaml was not fed as it is written."""
        reader, window = self.reader, self.window
        text = window.piece(start, end)
        if forbidden := self._find_forbidden(start, end):
            reader.errors = [forbidden]
            return None
        if "\\ud" not in text and "\\uD" not in text:
            return value
        before, after = self._surround(event, window.span(start, end).column)
        whole = reader.next
        reader.begin_item()
        try:
            reader.next = read_events(before + text + after, shift=start - len(before))
            for _ in range(3 if after else 2):
                reader.next()
            with suppress(StopReading):
                return reader.node(reader.next(), 1)
        except YAMLError as error:
            reader.errors.append(explain_syntax(error, window))
        finally:
            reader.next = whole
        return None

    def _surround(self, event: Any, column: int) -> tuple[str, str]:
        """What stands around an item, so that it is read by itself as it was in the list."""
        if self.flows:
            return "[", "]"
        # A block is told by its indentation; a byte order mark is one at the very beginning.
        is_block = getattr(event, "flow_style", None) is False
        return " " * (column - 1 if is_block else 1), ""

    def _finish(self) -> Item | None:
        """What stands behind the list: nothing, or what ends the file early."""
        self.ended = True
        self.reader.begin_item()
        self.reader.end_document()
        return self._end_early(self.reader.errors[0]) if self.reader.errors else None

    def _end_early(self, error: SpecError) -> Item:
        self.ended = True
        if not self.taken:
            raise SpecErrors([error])
        message = f"{error.message}; the rows behind it cannot be read"
        told = SpecError(message, location=error.location, hint=error.hint)
        return Item(None, error.location or Location(self.window.name, 1), told)

    def _explain(self, problem: SpecError | YAMLError) -> SpecError:
        if isinstance(problem, SpecError):
            return problem
        mark = getattr(problem, "problem_mark", None)
        start = self.window.item
        if mark is None:
            # Some versions of libyaml refuse a byte order mark inside a text.
            forbidden = self._find_forbidden(start, start + MAX_ITEM_CHARACTERS, bom=True)
        else:
            forbidden = self._find_forbidden(start, mark.index + 1)
        return forbidden or explain_syntax(problem, self.window)

    def _find_forbidden(self, start: int, end: int, *, bom: bool = False) -> SpecError | None:
        for found in FORBIDDEN.finditer(self.window.piece(start, end)):
            if found[0] != BOM or bom:
                place = self.window.span(start + found.start(), start + found.end())
                if ord(found[0]) in _NOT_UTF8:
                    hint = "save the file as UTF-8"
                    return SpecError("it is not UTF-8", location=place, hint=hint)
                return name_character(found[0], place)
        return None
