"""Snapshot → YAML for ``git diff`` and a reviewer: one value a line, texts as blocks.

An emitter of its own for this fixed shape: PyYAML's breaks paragraphs, quotes what has a trailing
space and takes 25 times as long (measured). What it writes is read back and compared before
anybody gets it.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

from promptrun.errors import SnapshotError
from promptrun.files.json import canonical
from promptrun.files.yaml import MAX_CHARACTERS
from promptrun.snapshots.escape import escape_surrogates
from promptrun.snapshots.parse import FORMAT, BrokenSnapshotError, parse_snapshot
from promptrun.snapshots.plain_text import PLAIN, UNFIT, WORDS

if TYPE_CHECKING:
    from promptrun.models import Snapshot

_ESCAPED = re.compile(UNFIT.pattern[:-1] + '"\\\\\n\t]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}

# libyaml takes a key of more than 1024 characters for no key, unless `? ` announces it.
_LONGEST_KEY = 900


def dump_snapshot(snapshot: Snapshot) -> str:
    """The text of a snapshot file, LF and UTF-8 encodable; equal snapshots give equal texts.

    Raises SnapshotError where the file would be larger than any reader takes, and where the text
    does not read back as the same values: a mistake in promptrun, so nothing is written.
    """
    document: dict[str, Any] = {
        "promptrun_snapshot": FORMAT,
        "spec": snapshot.spec,
        "case": snapshot.case,
        "digests": {
            "prompt": snapshot.digests.prompt,
            "settings": snapshot.digests.settings,
            "model": snapshot.digests.model,
        },
    }
    if snapshot.request is not None:
        document["request"] = snapshot.request
    document["reply"] = snapshot.reply
    identity = f"{snapshot.spec}::{snapshot.case}"
    # Nothing is written shorter than it is, so most that is too large need not be written out.
    if _characters(document) > MAX_CHARACTERS:
        raise _size_error(snapshot, identity)
    try:
        text = "".join(_mapping(document, ""))
        if len(text.encode()) > MAX_CHARACTERS:
            raise _size_error(snapshot, identity)
        read = parse_snapshot(text, identity, only_yaml=True)
        same = _identity(read) == _identity(snapshot)
    except (BrokenSnapshotError, ValueError, TypeError, RecursionError) as error:
        raise _internal_error(identity, str(error)) from error
    if not same:
        raise _internal_error(identity, "the values differ")
    return text


def _characters(value: Any) -> int:
    """The characters of all texts and keys in a value of any depth."""
    total = 0
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            total += len(each)
        elif isinstance(each, dict):
            waiting += each.keys()
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return total


def _size_error(snapshot: Snapshot, identity: str) -> SnapshotError:
    reply = _characters(snapshot.reply)
    if reply < min(_characters(snapshot.request), MAX_CHARACTERS):
        hint = "`snapshot: {request: digest}` in the spec leaves the request out"
    else:
        hint = "the reply is the large part: `max_tokens` in the spec makes it shorter"
    return SnapshotError(
        f"the snapshot of `{identity}` would be larger than {MAX_CHARACTERS // 2**20} MiB",
        hint=hint,
    )


def _internal_error(identity: str, reason: str) -> SnapshotError:
    return SnapshotError(
        f"internal error: the snapshot of `{identity}` does not read back as it was written: "
        f"{reason}",
        hint="nothing was written; please report this with the reply that caused it",
    )


def _identity(snapshot: Snapshot) -> str:
    digests = snapshot.digests
    return canonical(
        [
            *(snapshot.spec, snapshot.case, digests.prompt, digests.settings, digests.model),
            *(snapshot.request, snapshot.reply),
        ]
    )


def _mapping(mapping: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for key, value in mapping.items():
        written = _inline(key)
        if len(written) > _LONGEST_KEY:
            written = f"? {written}\n{indent}"
        lines += [indent, written, ":"]
        if isinstance(value, (dict, list)) and value:
            inner = _collection(value, indent + "  ")
            lines += ["\n", *inner]
        else:
            lines += [" ", _scalar(value, indent + "  "), "\n"]
    return lines


def _sequence(items: list[Any], indent: str) -> list[str]:
    lines = []
    for item in items:
        lines += [indent, "- "]
        if isinstance(item, (dict, list)) and item:
            # The first line of the inner collection shares the line of its dash.
            lines += _collection(item, indent + "  ")[1:]
        else:
            lines += [_scalar(item, indent + "  "), "\n"]
    return lines


def _collection(value: dict[str, Any] | list[Any], indent: str) -> list[str]:
    return _mapping(value, indent) if isinstance(value, dict) else _sequence(value, indent)


def _scalar(value: Any, indent: str) -> str:
    """One value behind its key or dash; `indent` is that of the lines that belong to it."""
    if isinstance(value, str):
        return _text(value, indent)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    raise TypeError(f"`{type(value).__name__}` is no JSON value")


def _float(value: float) -> str:
    if not isfinite(value):
        raise ValueError(f"`{value}` is no JSON number")
    digits, exponent, power = repr(value).partition("e")
    # YAML 1.1 takes `1e+22` for text: a float has a point there.
    return (digits if "." in digits else f"{digits}.0") + exponent + power


def _text(text: str, indent: str) -> str:
    if "\n" not in text or text.isspace():
        return _inline(text)
    if UNFIT.search(text):
        return _quoted_lines(text, indent)
    # Behind leading spaces, tabs or empty lines a reader could not tell how far a block is in.
    hint = "2" if text[0] in " \t\n" else ""
    chomp = "-" if text[-1] != "\n" else "+" if text.endswith("\n\n") else ""
    body = text.removesuffix("\n")
    lines = [f"\n{indent}{line}" if line else "\n" for line in body.split("\n")]
    return f"|{hint}{chomp}{''.join(lines)}"


def _inline(text: str) -> str:
    """A text or key on one line."""
    if PLAIN.fullmatch(text) and text.lower() not in WORDS:
        return text
    if UNFIT.search(text) or "\n" in text or "\t" in text:
        return f'"{_escaped(text)}"'
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def _quoted_lines(text: str, indent: str) -> str:
    """Double quotes with a line for each line of `text`, so that a diff shows which one moved."""
    end = "\\n" if text.endswith("\n") else ""
    first, *others = [_escaped(line) for line in text.removesuffix("\n").split("\n")]
    # The leading space of a continued line would be dropped, but for a backslash.
    lines = [f"\\{line}" if line.startswith(" ") else line for line in others]
    return '"' + f"\\n\\\n{indent}".join([first, *lines]) + end + '"'


def _escaped(text: str) -> str:
    return _ESCAPED.sub(_escape, escape_surrogates(text))


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    width = "x%02X" if code < 0x100 else "u%04X" if code < 0x10000 else "U%08X"
    return _SHORT.get(char) or "\\" + width % code
