"""A violation of a JSON Schema in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.expect.schema_rules import words_of
from promptrun.expect.values import show_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from jsonschema import ValidationError


def explain(error: ValidationError) -> tuple[list[str | int], str]:
    """The path of a violation in the value, and what is wrong there."""
    error = _narrow(error)
    words = words_of(error) or _write(error)
    return list(error.absolute_path), words


def _narrow(error: ValidationError) -> ValidationError:
    """Where only one of the alternatives was meant, what is wrong with that one.

    An alternative was not meant where the value is of another type, not its constant, or what
    `not` rules out.
    """
    while error.context:
        ruled_out = {
            inner.schema_path[0]
            for inner in error.context
            if not inner.path and inner.validator in {"type", "const", "enum", "not"}
        }
        meant = [inner for inner in error.context if inner.schema_path[0] not in ruled_out]
        if len({inner.schema_path[0] for inner in meant}) != 1:
            return error
        error = min(meant, key=lambda inner: len(inner.path))
    return error


def _write(error: ValidationError) -> str:
    keyword = str(error.validator)
    if error.validator is None:
        return "nothing may stand here"
    write = _WORDS.get(keyword)
    return write(error.validator_value, error.instance) if write else f"`{keyword}` is not kept"


def _size(value: Any) -> str:
    unit = "character" if isinstance(value, str) else "item" if isinstance(value, list) else "key"
    return f"{len(value):,} {unit}{'' if len(value) == 1 else 's'}"


def _types(wanted: Any) -> str:
    return " or ".join(f"`{one}`" for one in ([wanted] if isinstance(wanted, str) else wanted))


def _fewer(least: Any, value: Any) -> str:
    return f"{_size(value)}, fewer than {least:,}"


def _more(most: Any, value: Any) -> str:
    return f"{_size(value)}, more than {most:,}"


_WORDS: Final[dict[str, Callable[[Any, Any], str]]] = {
    "type": lambda wanted, value: f"{show_json(value)} where {_types(wanted)} is expected",
    "enum": lambda wanted, value: f"{show_json(value)} is none of {show_json(wanted)}",
    "const": lambda wanted, value: f"{show_json(value)} is not {show_json(wanted)}",
    "minimum": lambda least, value: f"{show_json(value)} is below {least}",
    "maximum": lambda most, value: f"{show_json(value)} is above {most}",
    "exclusiveMinimum": lambda least, value: f"{show_json(value)} is not above {least}",
    "exclusiveMaximum": lambda most, value: f"{show_json(value)} is not below {most}",
    "minLength": _fewer,
    "minItems": _fewer,
    "minProperties": _fewer,
    "maxLength": _more,
    "maxItems": _more,
    "maxProperties": _more,
    "contains": lambda _, _value: "no item of the list is as `contains` says",
    "minContains": lambda least, _: f"fewer than {least:,} items are as `contains` says",
    "maxContains": lambda most, _: f"more than {most:,} items are as `contains` says",
    "anyOf": lambda schemas, _: f"none of the {len(schemas)} alternatives of `anyOf` fits",
    "oneOf": lambda schemas, _: f"not exactly one of the {len(schemas)} of `oneOf` fits",
    "not": lambda _, value: f"{show_json(value)} is what `not` rules out",
    "unevaluatedProperties": lambda _, _value: "a key that the schema does not name",
    "items": lambda _, _value: "more items than the schema names",
    "unevaluatedItems": lambda _, _value: "an item that the schema does not name",
}
