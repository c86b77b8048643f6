"""What a comparison leaves out: values without what JSONPath queries select in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.matching.jsonpath import check_jsonpath, select

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Trie = dict[str | int, "Trie | None"]
    """Steps to what is left out; None where it begins."""


class Ignore:
    """The queries of one comparison; it remembers what came of each of them.

    One that `check_jsonpath` refuses leaves nothing out, and is a warning.
    """

    def __init__(self, queries: Sequence[str]) -> None:
        self._queries = tuple(queries)
        self._matched: set[str] = set()
        self._refused = {text: why for text in queries if (why := check_jsonpath(text))}

    def drop(self, value: Any) -> Any:
        """`value` without what the queries select in it, as it was before any was left out.

        Selecting the whole value leaves null. `value` itself is not changed.
        """
        selected: Trie = {}
        for text in self._queries:
            if text in self._refused:
                continue
            try:
                places = [node.location for node in select(text, value)]
            except ValueError as error:
                self._refused[text] = str(error)
                continue
            for place in places:
                self._matched.add(text)
                if not place:
                    return None
                _enter(selected, place)
        return _without(value, selected) if selected else value

    def warnings(self) -> Iterator[str]:
        """What the author of the queries should know, after all values went through `drop`."""
        for text, reason in self._refused.items():
            yield f"`{text}` under `compare.ignore` was not applied: {reason}"
        for text in self._queries:
            if text not in self._matched and text not in self._refused:
                yield f"`{text}` under `compare.ignore` selects nothing"


def _enter(trie: Trie, place: Sequence[str | int]) -> None:
    for step in place[:-1]:
        inner = trie.setdefault(step, {})
        if inner is None:  # a value around this one is left out already
            return
        trie = inner
    trie[place[-1]] = None


def _without(value: Any, trie: Trie) -> Any:
    def kept(step: str | int, child: Any) -> Any:
        inner = trie.get(step)
        return _without(child, inner) if inner else child

    if isinstance(value, dict):
        return {
            name: kept(name, child)
            for name, child in value.items()
            if trie.get(name, ()) is not None
        }
    return [
        kept(position, child)
        for position, child in enumerate(value)
        if trie.get(position, ()) is not None
    ]
