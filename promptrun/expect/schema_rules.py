"""JSON Schema on `jsonschema`, so that no schema and no reply can hang or fill the memory.

Every keyword is counted and timed. What the package would do by ``re``, by comparing all pairs, or
by the checks of formats that happen to be installed, is done here.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from fractions import Fraction
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import create
from referencing import Registry

from promptrun.expect.schema_formats import FORMATS
from promptrun.expect.values import quote_key, show_json
from promptrun.matching import patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]

MAX_STEPS: Final = 400_000
"""Keywords that are held against a value; as many take a second or two."""

SECONDS: Final = 2.0
"""For all of them together."""

MAX_NESTED: Final = 150
"""Keywords that are held against a value one inside of the other, some 600 frames of the stack. At
the end of the stack a library below `jsonschema` panics, and no handler of errors sees that."""

MAX_VIOLATIONS: Final = 1_000
"""That are counted."""


class GivenUpError(Exception):
    """The schema needs too many steps, or too much time or room; the message says which."""


class _Budget:
    """What is left for one reply."""

    def __init__(self) -> None:
        self.steps = MAX_STEPS
        self.nested = 0
        self.deadline = time.monotonic() + SECONDS

    def spend(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise GivenUpError(f"the schema was given up after {MAX_STEPS:,} steps")
        if time.monotonic() > self.deadline:
            raise GivenUpError(f"the schema was given up after {SECONDS:g} s")


_budget: ContextVar[_Budget] = ContextVar("_budget")


def find_violations(schema: dict[str, Any], value: Any) -> tuple[list[ValidationError], bool]:
    """The violations, those of the outermost values first, and whether these are all.

    The schema is one that `check_schema` accepts. Where not even one violation is found in time,
    raises GivenUpError or PatternError; RecursionError for a constant that is nested too deeply.
    """
    root = {name: part for name, part in schema.items() if name not in {"$schema", "$id"}}
    found: list[ValidationError] = []
    token = _budget.set(_Budget())
    try:
        # An empty registry retrieves nothing.
        for error in _Validator(root, registry=Registry()).iter_errors(value):
            found.append(error)
            if len(found) == MAX_VIOLATIONS:
                break
        counted = len(found) < MAX_VIOLATIONS
    except (GivenUpError, patterns.PatternError, RecursionError):
        if not found:
            raise
        counted = False
    finally:
        _budget.reset(token)
    return sorted(found, key=lambda error: len(error.absolute_path)), counted


def _counted(keyword: Keyword) -> Keyword:
    """A keyword of `jsonschema`, without its words: they quote whole values of a reply."""

    @wraps(keyword)
    def check(validator: Any, argument: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        budget = _budget.get()
        budget.spend()
        budget.nested += 1
        if budget.nested > MAX_NESTED:
            raise GivenUpError("the reply is nested too deeply for the schema")
        try:
            for error in keyword(validator, argument, value, schema) or ():
                budget.spend()
                if not error.message.startswith(_OWN):
                    error.message = ""
                    error.args = ()
                yield error
        finally:
            budget.nested -= 1

    return check


def _alternatives(keyword: Keyword) -> Keyword:
    """`anyOf` or `oneOf`, which gathers what it is told of each alternative before it is counted.

    Of `false` it would be told the whole value.
    """

    @wraps(keyword)
    def check(validator: Any, argument: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        spelled = [{"not": {}} if part is False else part for part in argument]
        yield from keyword(validator, spelled, value, schema)

    return check


_OWN: Final = "\0"
"""What marks words of our own."""


def _broken(words: str) -> ValidationError:
    return ValidationError(_OWN + words)


def words_of(error: ValidationError) -> str:
    """What was said of an error where it was found; empty where its keyword says all."""
    return error.message[1:] if error.message.startswith(_OWN) else ""


def _pattern(_validator: Any, pattern: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and patterns.search(pattern, value) is None:
        yield _broken(f"{show_json(value)} does not match `{pattern}`")


def _properties(
    validator: Any, argument: Any, value: Any, _schema: Any
) -> Iterator[ValidationError]:
    for name, part in argument.items() if isinstance(value, dict) else ():
        if name in value:
            yield from _member(validator, part, value, name)


def _pattern_properties(
    validator: Any, argument: Any, value: Any, _schema: Any
) -> Iterator[ValidationError]:
    for pattern, part in argument.items() if isinstance(value, dict) else ():
        for name in value:
            if _spent_search(pattern, name):
                yield from _member(validator, part, value, name)


def _member(validator: Any, part: Any, value: Any, name: str) -> Iterator[ValidationError]:
    if part is False:
        yield _broken(f"the key {quote_key(name)} may not stand here")
    else:
        yield from validator.descend(value[name], part, path=name, schema_path=name)


def _additional_properties(
    validator: Any, argument: Any, value: Any, schema: Any
) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    named, matched = schema.get("properties", {}), schema.get("patternProperties", ())
    others = [
        name
        for name in value
        if name not in named and not any(_spent_search(pattern, name) for pattern in matched)
    ]
    if argument is False and others:
        more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
        yield _broken(f"the key {quote_key(others[0])}{more} may not stand here")
    elif argument is not False:
        for name in others:
            yield from validator.descend(value[name], argument, path=name)


def _spent_search(pattern: str, text: str) -> bool:
    _budget.get().spend()
    return patterns.search(pattern, text) is not None


def _required(_validator: Any, names: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    for name in names if isinstance(value, dict) else ():
        if name not in value:
            yield _broken(f"{quote_key(name)} is missing")


def _dependent_required(
    _validator: Any, argument: Any, value: Any, _schema: Any
) -> Iterator[ValidationError]:
    for name, others in argument.items() if isinstance(value, dict) else ():
        for other in others if name in value else ():
            if other not in value:
                yield _broken(f"{quote_key(other)} is missing, which {quote_key(name)} asks for")


def _unique_items(
    _validator: Any, argument: Any, value: Any, _schema: Any
) -> Iterator[ValidationError]:
    if not argument or not isinstance(value, list):
        return
    seen: dict[Any, int] = {}
    for place, item in enumerate(value):
        first = seen.setdefault(_key(item), place)
        if first != place:
            yield _broken(f"item {place} of the list repeats item {first}")
            return


def _key(value: Any) -> Any:
    """The same for the same JSON alone: ``1`` and ``1.0``, keys in any order."""
    if isinstance(value, dict):
        return dict, frozenset((name, _key(item)) for name, item in value.items())
    if isinstance(value, list):
        return list, tuple(_key(item) for item in value)
    return isinstance(value, bool), value


def _multiple_of(_validator: Any, step: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    # As it is written, 0.3 is a multiple of 0.1; as a float it is none.
    if (Fraction(str(value)) / Fraction(str(step))).denominator != 1:
        yield _broken(f"{show_json(value)} is no multiple of {show_json(step)}")


def _format(_validator: Any, name: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and name in FORMATS and not FORMATS[name](value):
        yield _broken(f"{show_json(value)} is no `{name}`")


_OVER: Final[dict[str, Keyword]] = {
    "additionalProperties": _additional_properties,
    "anyOf": _alternatives(Draft202012Validator.VALIDATORS["anyOf"]),
    "dependentRequired": _dependent_required,
    "format": _format,
    "multipleOf": _multiple_of,
    "oneOf": _alternatives(Draft202012Validator.VALIDATORS["oneOf"]),
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "properties": _properties,
    "required": _required,
    "uniqueItems": _unique_items,
}

_KEYWORDS: Final = {**Draft202012Validator.VALIDATORS, **_OVER}

_Validator: Final[Any] = create(
    Draft202012Validator.META_SCHEMA,
    {name: _counted(keyword) for name, keyword in _KEYWORDS.items()},
    type_checker=Draft202012Validator.TYPE_CHECKER,
)
