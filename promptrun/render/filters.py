"""The filters and tests that templates have: Jinja's own, each behind the budget.

Left out for good: `format`, `urlize`, `wordwrap`, `pprint`, `xmlattr` (they grow or search without
a bound), `attr` (it reads attributes), `random` (a prompt has to stay the same), and the filters
about HTML, which a prompt is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from jinja2 import Undefined
from jinja2.exceptions import TemplateRuntimeError
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.tests import TESTS
from jinja2.utils import pass_environment

from promptrun.protocol.problem import shown
from promptrun.render.budget import MAX_ITEMS, BudgetError, current_budget
from promptrun.render.methods import (
    add,
    count_lines,
    expect_case,
    join_texts,
    replace_text,
    require_quick,
)
from promptrun.render.missing import Missing
from promptrun.render.text import json_of, plain, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# They take any value for its text.
_OF_TEXT = _words("capitalize center indent lower replace string title trim truncate upper")
# They go through every element, and through a text letter by letter.
_OF_ELEMENTS = _words(
    "batch dictsort groupby items join list map max min reject rejectattr reverse select "
    "selectattr slice sort sum unique"
)
_OF_NUMBERS = _words("abs round")
_OF_ANYTHING = _words("count d default first float int last length tojson")
# Their numbers say how much is made.
_SIZED = _words("batch center indent round slice truncate")
_TAKE_MISSING = _words("d default")

_TESTS = (
    "boolean defined divisibleby eq equalto even false float ge gt greaterthan in integer iterable "
    "le lessthan lt mapping ne none number odd sameas sequence string true undefined "
    "== != > >= < <="
)
_TESTS_OF_NUMBERS = _words("divisibleby even odd")


_SLOT_OF_LINE = 20


def _indent(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    lines = count_lines(text)
    added = len(width) if isinstance(width, str) else width
    # Jinja works on a list of the lines, and a line that is a text of its own has a header.
    current_budget().expect(len(text) + lines * (added + _SLOT_OF_LINE))
    return str(FILTERS["indent"](text, width, first, blank))


def _trim(text: str, chars: str | None = None) -> str:
    require_quick(text, chars or "")
    return text.strip(chars)


def _join(environment: Environment, value: Any, d: Any = "", attribute: Any = None) -> str:
    if attribute is not None:
        value = map(make_attrgetter(environment, attribute), value)
    return join_texts(text_of(d), value)


def _sum(environment: Environment, value: Any, attribute: Any = None, start: Any = 0) -> Any:
    if attribute is not None:
        value = map(make_attrgetter(environment, attribute), value)
    budget = current_budget()
    total = start
    for item in value:
        total = budget.weigh(add(total, item))
    return total


class NoNumberError(TemplateRuntimeError):
    """A value that is no number where one is made of it, and no default is given."""


_NO_DEFAULT: Any = object()
_PLAIN = (str, int, float, type(None))


def _int(value: Any, default: Any = _NO_DEFAULT, base: int = 10) -> Any:
    # Jinja's own gives 0 for what is no number: a bad cell would become a limit of 0.
    return _number_or("int", value, FILTERS["int"](value, None, base), default)


def _float(value: Any, default: Any = _NO_DEFAULT) -> Any:
    result = FILTERS["float"](value, None)
    ends = result is not None and isfinite(result)
    return _number_or("float", value, result if ends else None, default)


def _number_or(name: str, value: Any, result: Any, default: Any) -> Any:
    if result is not None:
        return result
    if default is not _NO_DEFAULT:
        return default
    told = shown(value) if isinstance(value, _PLAIN) else f"a {type(value).__name__}"
    if isinstance(value, str) and not value.strip():
        told = "an empty text"
    raise NoNumberError(f"`{name}` finds no number in {told}")


_OWN: dict[str, Callable[..., Any]] = {
    "float": _float,
    "indent": _indent,
    "int": _int,
    "join": pass_environment(_join),
    "replace": lambda text, old, new, count=-1: replace_text(
        text, text_of(old), text_of(new), -1 if count is None else count
    ),
    "string": text_of,
    "sum": pass_environment(_sum),
    "title": str.title,
    "tojson": json_of,
    "trim": _trim,
}


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as a filter that counts what it takes in and what it makes."""
    position = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        budget = current_budget()
        budget.tick()
        value = args[position]
        if isinstance(value, Missing) and name not in _TAKE_MISSING:
            value.note()
            return value
        _require_small(name, (*args[position + 1 :], *kwargs.values()))
        value = _prepared(name, value)
        result = function(*args[:position], value, *args[position + 1 :], **kwargs)
        if isinstance(result, Iterator):
            result = _listed(result)
        return budget.weigh(result)

    return run


def _prepared(name: str, value: Any) -> Any:
    if name in _OF_TEXT:
        text = text_of(value)
        expect_case(text)
        return text
    if name in _OF_ELEMENTS and not isinstance(value, Undefined):
        if isinstance(value, str) and len(value) > MAX_ITEMS:
            raise BudgetError(f"`{name}` takes a text of up to {MAX_ITEMS} letters")
        current_budget().spend(len(value))
    if name in _OF_NUMBERS:
        _require_number(name, value)
    return value


def _require_small(name: str, arguments: tuple[Any, ...]) -> None:
    most = 300 if name == "round" else MAX_ITEMS
    for argument in arguments:
        if name in _SIZED and isinstance(argument, int) and abs(argument) > most:
            raise BudgetError(f"`{name}` takes numbers up to {most}")
        # Paths of attributes are split at their dots.
        if name in _OF_ELEMENTS and isinstance(argument, str) and len(argument) > MAX_ITEMS:
            raise BudgetError(f"`{name}` takes texts of up to {MAX_ITEMS} letters")


def _require_number(name: str, value: Any) -> None:
    if not isinstance(value, (int, float)):
        raise TemplateRuntimeError(f"`{name}` takes a number, not a {type(value).__name__}")


def _listed(values: Iterator[Any]) -> list[Any]:
    budget = current_budget()
    result = []
    for value in values:
        budget.tick()
        result.append(value)
    return result


def _bounded_test(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        current_budget().spend(1)
        if name in _TESTS_OF_NUMBERS:
            # On a text their `%` would be formatting.
            _require_number(name, args[0])
        return function(*args, **kwargs)

    return run


def concat_of(values: list[Any]) -> str:
    """``a ~ b``."""
    return current_budget().weigh(join_texts("", values))


def tick_of(value: bool) -> bool:
    """One turn of a loop."""
    current_budget().tick()
    return value


def weighed(value: Any) -> Any:
    """A list, a slice or a comparison that a template makes."""
    return current_budget().weigh(value)


def value_of(value: Any) -> Any:
    """The value of a string that is one expression, as plain JSON."""
    return plain(value)


def make_filters() -> dict[str, Callable[..., Any]]:
    """All filters by name; those with a blank before it can be written in no template."""
    names = _OF_TEXT | _OF_ELEMENTS | _OF_NUMBERS | _OF_ANYTHING
    return {
        **{name: _bounded(name, _OWN.get(name) or FILTERS[name]) for name in sorted(names)},
        " concat": concat_of,
        " tick": tick_of,
        " value": value_of,
        " weighed": weighed,
    }


def make_tests() -> dict[str, Callable[..., Any]]:
    """All tests by name."""
    return {
        name: _bounded_test(name, cast("Callable[..., Any]", TESTS[name]))
        for name in _TESTS.split()
    }
