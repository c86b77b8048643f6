"""Two recorded replies, choice by choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from promptrun.compare.calls import compare_calls
from promptrun.compare.content import Json, Reader, as_text
from promptrun.compare.exact import compare_exact
from promptrun.compare.write import write_json
from promptrun.models import CompareRules, Difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from promptrun.compare.mode import CompareText, Mode

    Choice = dict[str, Any]

_APART = {"finish_reason", "content", "json", "refusal", "tool_calls", "function_call"}
"""The keys that are compared each in its own way; all others are JSON."""


class Comparer(NamedTuple):
    """How the parts of a reply are compared."""

    mode: Mode
    rules: CompareRules
    reader: Reader

    def json(self, where: str, old: Any, new: Any) -> Difference | None:
        """Two values of the reply, as they are read."""
        return self.mode.json(where, self.reader.json(old), self.reader.json(new), self.rules)

    def text(self, where: str, old: str | None, new: str | None) -> Difference | None:
        """Two texts of the reply, as they are read; None is no text."""
        old = None if old is None else self.reader.text(old)
        new = None if new is None else self.reader.text(new)
        return _compare_texts(where, old, new, self.mode.text)

    def content(self, where: str, old: Choice, new: Choice) -> Difference | None:
        """What two choices say."""
        old_content, new_content = self.reader.content(old), self.reader.content(new)
        if isinstance(old_content, Json) and isinstance(new_content, Json):
            return self.mode.json(where, old_content.value, new_content.value, self.rules)
        if isinstance(old_content, Json) or isinstance(new_content, Json):
            # JSON on one side alone, so even equal texts would be another kind of reply.
            return Difference(where=where, old=as_text(old_content), new=as_text(new_content))
        return _compare_texts(where, old_content, new_content, self.mode.text)


def compare_choices(
    old: Sequence[Choice], new: Sequence[Choice], comparer: Comparer
) -> Iterator[Difference]:
    """What differs between choices of one index; a choice of one side alone is a difference."""
    for index in range(max(len(old), len(new))):
        where = f"choice {index + 1}"
        if index >= len(old):
            yield Difference(where=where, new=_write_choice(new[index], comparer.reader))
        elif index >= len(new):
            yield Difference(where=where, old=_write_choice(old[index], comparer.reader))
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
    found.append(comparer.content(where, old, new))
    refusals = old.get("refusal") or None, new.get("refusal") or None
    found.append(comparer.text(f"{where}, refusal", *refusals))
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


def _write_choice(choice: Choice, reader: Reader) -> str:
    content = as_text(reader.content(choice))
    return write_json(choice) if content is None else content
