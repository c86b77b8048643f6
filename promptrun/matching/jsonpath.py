"""JSONPath queries (RFC 9535) from a spec.

A spec may be a stranger's, so a query must not be able to run for minutes. Each step of an
allowed query looks at a value at most once a selector, and the selectors together are few:
``..`` stands once, a filter holds plain paths, comparisons and ``length()``, and the regular
expressions of ``match()`` and ``search()`` are refused.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from jsonpath_rfc9535 import JSONPathNode, JSONPathQuery

MAX_LENGTH: Final = 500
"""Characters of a query."""

MAX_PRODUCT: Final = 64
"""The numbers of selectors of every step, multiplied: how often one value may be selected."""


def check_jsonpath(text: str) -> str | None:
    """Why `text` is no query that may be used; None where it is one."""
    try:
        compile_jsonpath(text)
    except ValueError as error:
        return str(error)
    return None


def select(text: str, value: Any) -> list[JSONPathNode]:
    """The nodes of `value` that a query selects.

    Raises ValueError for what `check_jsonpath` refuses, and for a value too deep for the query.
    """
    from jsonpath_rfc9535 import JSONPathRecursionError

    query = compile_jsonpath(text)
    try:
        return list(query.finditer(value))
    except (JSONPathRecursionError, RecursionError):
        raise ValueError("the reply is nested too deeply for it") from None


@lru_cache(maxsize=256)
def compile_jsonpath(text: str) -> JSONPathQuery:
    """The query that `text` spells; ValueError with the reason where it may not be used."""
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
