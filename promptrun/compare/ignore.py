"""What a comparison leaves out: JSONPath queries (RFC 9535), and values without what they select.

A spec may be a stranger's, so a query must not be able to run for minutes. Each step of an
allowed query looks at a value at most once a selector, and the selectors together are few:
``..`` stands once, a filter holds plain paths, comparisons and ``length()``, and the regular
expressions of ``match()`` and ``search()`` are refused.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jsonpath_rfc9535 import JSONPathQuery

    Trie = dict[str | int, "Trie | None"]
    """Steps to what is left out; None where it begins."""

MAX_LENGTH: Final = 500
"""Characters of a query."""

MAX_PRODUCT: Final = 64
"""The numbers of selectors of every step, multiplied: how often one value may be selected."""


def check_jsonpath(text: str) -> str | None:
    """Why `text` is no query that `ignore:` can take; None where it is one."""
    try:
        _compile(text)
    except ValueError as error:
        return str(error)
    return None


class Ignore:
    """The queries of one comparison; it remembers what came of each of them.

    One that `check_jsonpath` refuses leaves nothing out, and is a warning.
    """

    def __init__(self, queries: Sequence[str]) -> None:
        self._queries: dict[str, JSONPathQuery] = {}
        self._matched: set[str] = set()
        self._refused: dict[str, str] = {}
        for text in queries:
            try:
                self._queries[text] = _compile(text)
            except ValueError as error:
                self._refused[text] = str(error)

    def drop(self, value: Any) -> Any:
        """`value` without what the queries select in it, as it was before any was left out.

        Selecting the whole value leaves null. `value` itself is not changed.
        """
        from jsonpath_rfc9535 import JSONPathRecursionError

        selected: Trie = {}
        for text, query in self._queries.items():
            try:
                places = [node.location for node in query.finditer(value)]
            except (JSONPathRecursionError, RecursionError):
                self._refused[text] = "the reply is nested too deeply for it"
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


def _compile(text: str) -> JSONPathQuery:
    from jsonpath_rfc9535 import JSONPathEnvironment, JSONPathError

    if len(text) > MAX_LENGTH:
        raise ValueError(f"a query may have {MAX_LENGTH} characters, and this has {len(text)}")
    environment = JSONPathEnvironment()
    for name in ("count", "match", "search", "value"):
        del environment.function_extensions[name]
    try:
        query = environment.compile(_bracketed(text))
    except JSONPathError as error:
        # The first argument is the reason alone; `str` would add a line that is always 1.
        place = f" at character {error.token.index + 1}" if error.token else ""
        raise ValueError(f"{error.args[0] if error.args else 'not JSONPath'}{place}") from None
    except (RecursionError, ValueError, ArithmeticError, LookupError):
        raise ValueError("it is not JSONPath, or nested too deeply") from None
    _check_cost(query)
    return query


def _bracketed(text: str) -> str:
    """The query with `.이름` spelled `['이름']`, which the RFC makes the same.

    jsonpath-rfc9535 1.0.1 takes only the first letter of a name that is not ASCII.
    """
    if text.isascii():
        return text
    import re

    def spell(step: re.Match[str]) -> str:
        dots, name = step.group(1, 2)
        if name is None or name.isascii():
            return step.group()
        return f"{'..' if dots == '..' else ''}['{name}']"

    strings = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|"""
    return re.sub(strings + r"(\.\.?)([^\W\d]\w*)", spell, text)


def _check_cost(query: JSONPathQuery) -> None:
    from jsonpath_rfc9535.segments import JSONPathRecursiveDescentSegment
    from jsonpath_rfc9535.selectors import FilterSelector

    segments = query.segments
    if sum(isinstance(segment, JSONPathRecursiveDescentSegment) for segment in segments) > 1:
        raise ValueError("`..` may stand only once")
    if prod(len(segment.selectors) for segment in segments) > MAX_PRODUCT:
        raise ValueError("it has too many selectors")
    for segment in segments:
        for selector in segment.selectors:
            if isinstance(selector, FilterSelector):
                _check_filter(selector.expression)


def _check_filter(expression: Any) -> None:
    from jsonpath_rfc9535.filter_expressions import FilterQuery

    if isinstance(expression, FilterQuery) and not expression.query.singular_query():
        raise ValueError("a filter may hold only plain paths such as `@.name`")
    inner = [getattr(expression, name, None) for name in ("expression", "left", "right")]
    for child in (*inner, *getattr(expression, "args", ())):
        if child is not None:
            _check_filter(child)
