r"""The events of a YAML text, with the escapes that JSON has and libyaml refuses.

JSON writes a character beyond U+FFFF as two escapes, ``\ud83d\ude00``; YAML as one, ``\U0001f600``.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from yaml import CSafeLoader, MarkedYAMLError, YAMLError
from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_DEPTH = 100

_MAX_EVENTS = 8 * 2**20
_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*+)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
_HARMLESS = r"\1\\u0041\\u0041"
_SHORTER = 2
"""Characters that a pair loses as it is joined."""


class _Mark:
    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


def read_events(text: str, *, shift: int = 0) -> Callable[[], Any]:
    """What gives the next event of `text`; the indexes of its marks are places in `text`.

    They are moved by `shift` where the text is a piece of a longer one. It raises what libyaml
    does.
    """
    if not shift and (("\\ud" not in text and "\\uD" not in text) or not _PAIR.search(text)):
        read: Callable[[], Any] = CSafeLoader(text).get_event
        return read
    pieces: list[str] = []
    joints: list[int] = []
    place = length = 0
    for pair in _quoted_pairs(text):
        high, low = int(pair[2], 16), int(pair[3], 16)
        code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
        pieces += text[place : pair.end(1)], f"\\U{code:08X}"
        length += pair.end(1) - place
        joints.append(length)
        length += len(pieces[-1])
        place = pair.end()
    pieces.append(text[place:])
    return _placed(CSafeLoader("".join(pieces)).get_event, joints, shift)


def _placed(read: Callable[[], Any], joints: list[int], shift: int) -> Callable[[], Any]:
    def moved(mark: Any) -> Any:
        return mark and _Mark(mark.index + _SHORTER * bisect_left(joints, mark.index) + shift)

    def read_placed() -> Any:
        try:
            event = read()
        except MarkedYAMLError as error:
            error.problem_mark = moved(error.problem_mark)
            error.context_mark = moved(error.context_mark)
            raise
        event.start_mark, event.end_mark = moved(event.start_mark), moved(event.end_mark)
        return event

    return read_placed


def _quoted_pairs(text: str) -> Iterator[re.Match[str]]:
    """The pairs in double quotes: elsewhere they are text.

    Only libyaml knows what is quoted. It reads the text with other escapes of the same length.
    Behind a mistake, which libyaml tells before the values above it, every pair counts as quoted:
    no value comes of the text, and the mistake itself is to be told, not a pair above it.
    """
    depth = place = 0
    with suppress(YAMLError, UnicodeEncodeError):
        read = CSafeLoader(_PAIR.sub(_HARMLESS, text)).get_event
        for _ in range(_MAX_EVENTS):
            event: Any = read()
            kind = event.__class__
            if kind is ScalarEvent:
                place = event.end_mark.index
                if event.style == '"':
                    yield from _PAIR.finditer(text, event.start_mark.index, place)
            elif kind is SequenceStartEvent or kind is MappingStartEvent:
                depth += 1
            elif kind is SequenceEndEvent or kind is MappingEndEvent:
                depth -= 1
            if kind is StreamEndEvent or depth > MAX_DEPTH:
                break
    yield from _PAIR.finditer(text, place)
