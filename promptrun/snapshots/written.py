"""The text of a snapshot as `dump` writes it → its values, in half the time that YAML takes.

It reads the plain part of that form line by line. At whatever else stands there (a comment, another
style, an escape, an alias, a mistake) it gives up, and the strict reader of YAML takes the whole
text. What it does read, that reader reads as the same values.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, Final

from promptrun.snapshots.plain_text import PLAIN, UNFIT, WORDS

MAX_LENGTH: Final = 2**20
"""Characters; in a text of this length nothing reaches the bounds of the reader of YAML."""
_MAX_INDENT: Final = 2 * 40

_ENTRY = re.compile(r"([^\W\d_]\w{0,99}):(?: (.+))?")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,20}(?:e[-+][0-9]{1,3})?")
_CONSTANTS: dict[str, Any] = {"null": None, "true": True, "false": False}
_BLOCKS = {"|": "\n", "|-": "", "|+": "\n"}


class _Other(Exception):
    """The text is not in the form that is read here."""


def read_written(text: str) -> dict[str, Any] | None:
    """The mapping that the text holds; None where the reader of YAML has to decide."""
    if len(text) > MAX_LENGTH or not text.endswith("\n"):
        return None
    # Nothing that is unfit is printable, and this is faster.
    if not text.replace("\n", "").isprintable() and UNFIT.search(text):
        return None
    reader = _Reader(text[:-1].split("\n"))
    try:
        mapping = reader.mapping(0, reader.lines[0])
    except (_Other, IndexError):
        return None
    return mapping if reader.at == len(reader.lines) else None


class _Reader:
    """`at` is the line that is read next; each method leaves it behind what it has read."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 0

    def mapping(self, indent: int, content: str) -> dict[str, Any]:
        """The mapping whose keys stand `indent` in; `content` is what the line has from there."""
        if indent > _MAX_INDENT:
            raise _Other
        entries: dict[str, Any] = {}
        pad = " " * indent
        lines = self.lines
        while True:
            found = _ENTRY.fullmatch(content)
            if found is None:
                raise _Other
            key, written = found.groups()
            if key in entries or key.lower() in WORDS:
                raise _Other
            self.at += 1
            entries[key] = (
                self.inner(indent + 2) if written is None else self.value(written, indent + 2)
            )
            if self.at == len(lines) or not lines[self.at].startswith(pad):
                return entries
            content = lines[self.at][indent:]

    def sequence(self, indent: int, content: str) -> list[Any]:
        """The list whose dashes stand `indent` in."""
        if indent > _MAX_INDENT:
            raise _Other
        items: list[Any] = []
        dash = " " * indent + "- "
        lines = self.lines
        while True:
            item = content[2:]
            if item.startswith("- "):
                items.append(self.sequence(indent + 2, item))
            elif _ENTRY.fullmatch(item):
                items.append(self.mapping(indent + 2, item))
            else:
                self.at += 1
                items.append(self.value(item, indent + 2))
            if self.at == len(lines) or not lines[self.at].startswith(dash):
                return items
            content = lines[self.at][indent:]

    def inner(self, indent: int) -> dict[str, Any] | list[Any]:
        """The collection that begins on the next line, `indent` in."""
        line = self.lines[self.at]
        content = line[indent:]
        if line[:indent].strip(" ") or not content:
            raise _Other
        return (self.sequence if content[:2] == "- " else self.mapping)(indent, content)

    def value(self, written: str, indent: int) -> Any:
        """What stands behind a key or a dash; the lines of a block are `indent` in."""
        if PLAIN.fullmatch(written):
            if written.lower() not in WORDS:
                return written
            if written in _CONSTANTS:
                return _CONSTANTS[written]
            raise _Other
        if written in _BLOCKS:
            return self.block(" " * indent, written)
        if written[0] == written[-1] == '"' and len(written) > 1:
            return _quoted(written)
        if written[0] == written[-1] == "'" and len(written) > 1:
            return _single_quoted(written)
        return _rare(written)

    def block(self, pad: str, header: str) -> str:
        """A literal text; its lines begin with `pad`, or are empty."""
        lines, start, depth = self.lines, self.at, len(pad)
        # An empty line, a space or a tab in front would move the block in.
        if not lines[start].startswith(pad) or lines[start][depth : depth + 1] in {"", " ", "\t"}:
            raise _Other
        end = start + 1
        while end < len(lines) and (not lines[end] or lines[end].startswith(pad)):
            end += 1
        if len(lines[end - 1]) <= depth and header != "|+":
            raise _Other
        self.at = end
        return "\n".join([line[depth:] for line in lines[start:end]]) + _BLOCKS[header]


def _quoted(written: str) -> str:
    text = written[1:-1]
    if '"' in text or "\\" in text or "\t" in text:
        raise _Other
    return text


def _single_quoted(written: str) -> str:
    text = written[1:-1]
    if "\t" in text or "'" in text.replace("''", ""):
        raise _Other
    return text.replace("''", "'")


def _rare(written: str) -> Any:
    if _WHOLE.fullmatch(written):
        return int(written)
    if _FLOAT.fullmatch(written) and isfinite(number := float(written)):
        return number
    if written in {"{}", "[]"}:
        return {} if written == "{}" else []
    raise _Other
