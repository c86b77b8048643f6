"""Two recorded replies, choice by choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from promptrun.compare.calls import compare_calls
from promptrun.compare.exact import compare_exact
from promptrun.compare.write import write_json
from promptrun.files.json import parse_faithfully
from promptrun.models import CompareRules, Difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from promptrun.compare.ignore import Ignore
    from promptrun.compare.mode import CompareText, Mode

    Choice = dict[str, Any]

_APART = {"finish_reason", "content", "json", "refusal", "tool_calls", "function_call"}
"""The keys that are compared each in its own way; all others are JSON."""


class Comparer(NamedTuple):
    """How the parts of a reply are compared."""

    mode: Mode
    rules: CompareRules
    ignore: Ignore | None

    def json(self, where: str, old: Any, new: Any) -> Difference | None:
        """Two values of the reply, without what is ignored in them."""
        if self.ignore:
            old, new = self.ignore.drop(old), self.ignore.drop(new)
        return self.mode.json(where, old, new, self.rules)


def compare_choices(
    old: Sequence[Choice], new: Sequence[Choice], comparer: Comparer
) -> Iterator[Difference]:
    """What differs between choices of one index; a choice of one side alone is a difference."""
    for index in range(max(len(old), len(new))):
        where = f"choice {index + 1}"
        if index >= len(old):
            yield Difference(where=where, new=_write_choice(new[index]))
        elif index >= len(new):
            yield Difference(where=where, old=_write_choice(old[index]))
        else:
            yield from _compare_choice(where, old[index], new[index], comparer)


def _compare_choice(
    where: str, old: Choice, new: Choice, comparer: Comparer
) -> Iterator[Difference]:
    mode = comparer.mode
    found: list[Difference | None] = []
    if mode.finish_reason:
        reasons = old.get("finish_reason"), new.get("finish_reason")
        found.append(_compare_texts(f"{where}, finish_reason", *reasons, compare_exact))
    found.append(_compare_content(where, old, new, comparer))
    refusals = old.get("refusal") or None, new.get("refusal") or None
    found.append(_compare_texts(f"{where}, refusal", *refusals, mode.text))
    found += compare_calls(where, old, new, comparer.json)
    found += [
        comparer.json(f"{where}, {name}", old.get(name), new.get(name))
        for name in sorted((old.keys() | new.keys()) - _APART)
    ]
    yield from filter(None, found)


def _compare_texts(
    where: str, old: str | None, new: str | None, compare: CompareText
) -> Difference | None:
    if old is None or new is None:
        return None if old is new else Difference(where=where, old=old, new=new)
    return compare(where, old, new)


def _compare_content(where: str, old: Choice, new: Choice, comparer: Comparer) -> Difference | None:
    text = old.get("content")
    if text is not None and text == new.get("content") and not comparer.ignore:
        return None
    reads = comparer.mode.reads
    old_content, new_content = _read(old, reads), _read(new, reads)
    if isinstance(old_content, _Json) and isinstance(new_content, _Json):
        return comparer.json(where, old_content.value, new_content.value)
    if isinstance(old_content, _Json) or isinstance(new_content, _Json):
        # JSON on one side alone, so even equal texts would be another kind of reply.
        return Difference(where=where, old=_text_of(old_content), new=_text_of(new_content))
    return _compare_texts(where, old_content, new_content, comparer.mode.text)


class _Json(NamedTuple):
    value: Any


def _read(choice: Choice, reads: str) -> _Json | str | None:
    """Content as the mode reads it. An empty text is none: servers write either for a tool call.

    A reply that was accepted in a mode of JSON and is read as text now is its canonical text.
    """
    text: str | None = choice.get("content") or None
    if "json" in choice:
        value = choice["json"]
        if reads == "json" or (reads == "structures" and isinstance(value, (dict, list))):
            return _Json(value)
        return write_json(value)
    if text is None or reads == "text":
        return text
    if reads == "structures" and not text.lstrip(" \t\r\n").startswith(("{", "[")):
        return text
    try:
        return _Json(parse_faithfully(text))
    except ValueError:
        return text


def _text_of(content: _Json | str | None) -> str | None:
    return write_json(content.value) if isinstance(content, _Json) else content


def _write_choice(choice: Choice) -> str:
    content = _text_of(_read(choice, "json"))
    return write_json(choice) if content is None else content
