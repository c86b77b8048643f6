"""What is wrong with a JSON Schema, when the spec that states it is loaded."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from math import isfinite
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from jsonschema import Draft202012Validator, FormatChecker

from promptrun.expect.schema_formats import FORMATS
from promptrun.expect.schema_words import explain
from promptrun.matching.patterns import check_pattern
from promptrun.protocol import Problem, did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from jsonschema import ValidationError

    from promptrun.protocol import Path

MAX_NODES: Final = 5_000
"""Values of a schema."""

MAX_DEPTH: Final = 40
"""Levels of a schema."""

MAX_CHAIN: Final = 30
"""Schemas that one value is held against, one through the other."""

MAX_PROBLEMS: Final = 20
"""Mistakes that are told."""

TYPES: Final = ("string", "number", "integer", "boolean", "object", "array", "null")

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_REST: Final = "unevaluatedProperties"

_ONE: Final = frozenset(
    {
        *("additionalProperties", "contains", "else", "if", "items", "not", "propertyNames"),
        *("then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
_LIST: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED: Final = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
_SAID: Final = frozenset(
    {
        *("$anchor", "$comment", "$id", "$schema", "default", "deprecated", "description"),
        *("example", "examples", "readOnly", "title", "writeOnly", "discriminator"),
    }
)
"""Keywords that say nothing about a reply. The last is OpenAPI's, which generators add."""

_KNOWN: Final = frozenset(
    {
        *(_ONE | _LIST | _NAMED | _SAID | Draft202012Validator.VALIDATORS.keys()),
        *("minContains", "maxContains"),
    }
) - {"$dynamicRef"}


def check_schema(schema: dict[str, Any], path: Path) -> list[Problem]:
    """Every mistake that can be told without a reply; empty where `find_violations` may use it."""
    too_large = _check_size(schema)
    if too_large:
        return [Problem(path, too_large, "say it by a smaller schema, or by several rules")]
    if schema.get("$schema", DRAFT) not in {DRAFT, f"{DRAFT}#"}:
        message = f"{shown(schema['$schema'])} is no draft that is checked here"
        return [Problem((*path, "$schema"), message, f"leave it out, or write `{DRAFT}`")]
    problems = list(_check_numbers(schema, path)) or _check_form(schema, path)
    return problems or list(_check_parts(schema, path))


def _check_size(schema: dict[str, Any]) -> str | None:
    level: list[Any] = [schema]
    nodes = depth = 0
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > MAX_NODES:
            return f"a schema may have {MAX_NODES:,} values, and this has more"
        if depth > MAX_DEPTH:
            return f"a schema may have {MAX_DEPTH} levels, and this has more"
        lists = [list(one.values()) if isinstance(one, dict) else one for one in level]
        level = [inner for one in lists if isinstance(one, list) for inner in one]
    return None


def _check_numbers(value: Any, path: Path) -> Iterator[Problem]:
    """Numbers that are none of JSON, and that nothing can be measured by."""
    if isinstance(value, float) and not isfinite(value):
        hint = "the largest number that can be checked is about 1.8e308"
        yield Problem(path, f"{shown(value)} is no finite number", hint)
    steps = value.items() if isinstance(value, dict) else ()
    for step, inner in enumerate(value) if isinstance(value, list) else steps:
        yield from _check_numbers(inner, (*path, step))


def _check_form(schema: dict[str, Any], path: Path) -> list[Problem]:
    """What the draft's own schema says."""
    formats = FormatChecker(formats=())
    formats.checks("regex")(lambda text: not isinstance(text, str) or check_pattern(text) is None)
    draft = Draft202012Validator(Draft202012Validator.META_SCHEMA, format_checker=formats)
    try:
        errors = list(draft.iter_errors(schema))
    except RecursionError:
        return [Problem(path, "the schema is nested too deeply")]
    # Several parts of the draft say the same of one place.
    return list(dict.fromkeys(_problem(error, path) for error in errors))[:MAX_PROBLEMS]


def _problem(error: ValidationError, path: Path) -> Problem:
    place = (*path, *error.absolute_path)
    if error.validator == "format":
        reason = check_pattern(str(error.instance))
        message = f"{shown(error.instance)} is no pattern that can be used: {reason}"
        return Problem(place, message, r"write `\.` for a sign that stands for itself")
    if place[-1:] == ("type",) and error.validator == "anyOf":
        hint = did_you_mean(str(error.instance), TYPES) or f"the types are {', '.join(TYPES)}"
        return Problem(place, f"{shown(error.instance)} is no type of JSON", hint)
    inner, reason = explain(error)
    return Problem((*path, *inner), f"no JSON Schema: {reason}")


def _check_parts(schema: dict[str, Any], path: Path) -> Iterator[Problem]:
    """What the draft leaves open, and cannot be checked here."""
    every = list(_parts(schema))
    targets = {"#" + "".join(map(_escape, place)): place for place, _ in every}
    parts = [(place, part) for place, part in every if isinstance(part, dict)]
    targets |= {f"#{part['$anchor']}": place for place, part in parts if "$anchor" in part}
    for place, part in parts:
        yield from _check_keywords(part, (*path, *place), top=not place)
        if "$ref" in part:
            yield from _check_ref(part["$ref"], (*path, *place, "$ref"), targets)
    yield from _check_chains(parts, targets, path)
    unevaluated = [(*place, _REST) for place, part in parts if _REST in part]
    if unevaluated and any("patternProperties" in part for _, part in parts):
        message = f"`{_REST}` is not checked together with `patternProperties`"
        hint = "`additionalProperties` beside `patternProperties` is"
        yield Problem((*path, *unevaluated[0]), message, hint, key=True)


def _check_keywords(part: dict[str, Any], path: Path, *, top: bool) -> Iterator[Problem]:
    for name in part:
        if name not in _KNOWN and not name.startswith("x-"):
            hint = did_you_mean(name, _KNOWN) or "a note of your own begins with `x-`"
            yield Problem((*path, name), f"unknown keyword `{name}`", hint, key=True)
        elif name in {"$schema", "$id"} and not top:
            hint = "leave it out, and refer to parts by `#/$defs/NAME`"
            yield Problem((*path, name), f"`{name}` may stand only at the top", hint, key=True)
    form = part.get("format")
    if form is not None and form not in FORMATS:
        hint = did_you_mean(form, FORMATS) or f"checked are {', '.join(FORMATS)}; or use `pattern`"
        yield Problem((*path, "format"), f"the format {shown(form)} is not checked", hint)


def _check_chains(
    parts: list[tuple[Path, dict[str, Any]]], targets: dict[str, Path], path: Path
) -> Iterator[Problem]:
    """Whether it ends what one value is held against, one schema through the other."""
    chains = {place: list(_same_value(place, part, targets)) for place, part in parts}
    lengths: dict[Path, int] = {}
    try:
        for place in TopologicalSorter(chains).static_order():
            inner = (lengths[one] for one in chains.get(place, ()))
            lengths[place] = 1 + max(inner, default=0)
    except CycleError as error:
        circle: list[Path] = error.args[1]
        hint = "a schema may refer to itself below `items` or `properties`, for what is inside"
        yield Problem(
            (*path, *min(circle, key=len)), "the schema refers to itself in a circle", hint
        )
        return
    if max(lengths.values()) > MAX_CHAIN:
        message = f"more than {MAX_CHAIN} schemas refer to each other for one and the same value"
        yield Problem(path, message, "say it by a smaller schema, or by several rules")


def _same_value(place: Path, part: dict[str, Any], targets: dict[str, Path]) -> Iterator[Path]:
    """The schemas that a value is held against because it is held against this one."""
    if unquote(part.get("$ref", "")) in targets:
        yield targets[unquote(part["$ref"])]
    for name in ("else", "if", "not", "then"):
        if name in part:
            yield (*place, name)
    for name in ("allOf", "anyOf", "oneOf"):
        yield from ((*place, name, number) for number in range(len(part.get(name, ()))))
    yield from ((*place, "dependentSchemas", key) for key in part.get("dependentSchemas", ()))


def _check_ref(ref: str, path: Path, targets: Collection[str]) -> Iterator[Problem]:
    if not ref.startswith("#"):
        hint = "nothing is fetched: put the schema under `$defs`, and write `#/$defs/NAME`"
        yield Problem(path, f"{shown(ref)} refers to something outside of the schema", hint)
    elif unquote(ref) not in targets:
        hint = did_you_mean(ref, targets) or "`#/$defs/NAME` refers to a schema under `$defs`"
        yield Problem(path, f"no schema stands at {shown(ref)}", hint)


def _parts(schema: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Every schema that stands in the schema, itself first, with its path; some are booleans."""
    waiting: list[tuple[Path, Any]] = [((), schema)]
    while waiting:
        path, part = waiting.pop()
        yield path, part
        for name, value in part.items() if isinstance(part, dict) else ():
            if name in _ONE:
                waiting.append(((*path, name), value))
            elif name in _LIST:
                waiting += [((*path, name, place), one) for place, one in enumerate(value)]
            elif name in _NAMED:
                waiting += [((*path, name, key), one) for key, one in value.items()]


def _escape(step: str | int) -> str:
    """A step of a JSON pointer (RFC 6901)."""
    return "/" + str(step).replace("~", "~0").replace("/", "~1")
