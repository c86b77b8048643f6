"""JSONPath queries (RFC 9535) from a spec.

A spec may be a stranger's, so a query must not be able to run for minutes. Each step of an
allowed query looks at a value at most once a selector, and the selectors together are few:
``..`` stands once, a filter holds a few plain paths below ``@``, comparisons and ``length()``, and
the regular expressions of ``match()`` and ``search()`` are refused. On a large reply the time and
the number of values are bounded as well.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from math import prod
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jsonpath_rfc9535 import JSONPathNode, JSONPathQuery

MAX_LENGTH: Final = 500
"""Characters of a query."""

MAX_PRODUCT: Final = 64
"""The numbers of selectors of every step, multiplied: how often one value may be selected."""

MAX_PARTS: Final = 10
"""Parts of a filter that ``&&`` and ``||`` join."""

MAX_NODES: Final = 200_000
"""That a query may select."""

SECONDS: Final = 2.0
"""That a query may take."""

_deadline: ContextVar[float] = ContextVar("_deadline")


def check_jsonpath(text: str) -> str | None:
    """Why `text` is no query that may be used; None where it is one."""
    try:
        compile_jsonpath(text)
    except ValueError as error:
        return str(error)
    return None


def select(text: str, value: Any) -> list[JSONPathNode]:
    """The nodes of `value` that a query selects.

    Raises ValueError for what `check_jsonpath` refuses, and for a value too deep or too large for
    the query: never are they only some of the nodes.
    """
    from jsonpath_rfc9535 import JSONPathRecursionError

    query = compile_jsonpath(text)
    token = _deadline.set(monotonic() + SECONDS)
    try:
        nodes = list(islice(query.finditer(value), MAX_NODES + 1))
    except (JSONPathRecursionError, RecursionError):
        raise ValueError("the reply is nested too deeply for it") from None
    finally:
        _deadline.reset(token)
    if len(nodes) > MAX_NODES:
        raise ValueError(f"it selects more than {MAX_NODES:,} values of this reply")
    return nodes


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
    _watch(query)
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
    from jsonpath_rfc9535.filter_expressions import FilterQuery, LogicalExpression, RootFilterQuery

    inner = list(_expressions(expression))
    if any(isinstance(one, RootFilterQuery) for one in inner):
        raise ValueError("a filter may not look at the root `$`, only at its value `@`")
    queries = [one.query for one in inner if isinstance(one, FilterQuery)]
    if not all(query.singular_query() for query in queries):
        raise ValueError("a filter may hold only plain paths such as `@.name`")
    if sum(isinstance(one, LogicalExpression) for one in inner) >= MAX_PARTS:
        raise ValueError(f"a filter may have {MAX_PARTS} parts, joined by `&&` and `||`")


def _expressions(expression: Any) -> Iterator[Any]:
    yield expression
    inner = [getattr(expression, name, None) for name in ("expression", "left", "right")]
    for child in (*inner, *getattr(expression, "args", ())):
        if child is not None:
            yield from _expressions(child)


def _watch(query: JSONPathQuery) -> None:
    """Let the query look at the clock wherever it looks at a value, selected or not."""
    from jsonpath_rfc9535.selectors import FilterSelector

    for segment in query.segments:
        for selector in segment.selectors:
            if isinstance(selector, FilterSelector):
                selector.expression = _Watched(selector.expression)  # type: ignore[assignment]  # all that is asked of an expression
        segment.selectors = tuple(map(_Watched, segment.selectors))  # type: ignore[arg-type]  # all that is asked of a selector


class _Watched:
    """A selector, or the expression of a filter; ValueError past the deadline of its query."""

    def __init__(self, watched: Any) -> None:
        self._watched = watched

    def resolve(self, node: JSONPathNode) -> Iterable[JSONPathNode]:
        _check_time()
        found: Iterable[JSONPathNode] = self._watched.resolve(node)
        return found

    def evaluate(self, context: Any) -> Any:
        _check_time()
        return self._watched.evaluate(context)


def _check_time() -> None:
    if monotonic() > _deadline.get():
        raise ValueError(f"it takes too long on this reply: given up after {SECONDS:g} s")


def write_name(name: str) -> str:
    """A member's name as a step of a JSONPath (RFC 9535): ``.age`` or ``['first name']``."""
    if name.isidentifier():
        return f".{name}"
    from promptrun.files.json import canonical

    inner = canonical(name)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"['{inner}']"
