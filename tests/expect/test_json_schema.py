from __future__ import annotations

import json
import subprocess
import sys
import time
import tracemalloc
from typing import Any

import pytest

from promptrun.expect import Finding
from promptrun.expect.schema_formats import FORMATS
from tests.expect.judging import finding, found_in, problems

PEOPLE = {
    "type": "object",
    "required": ["people"],
    "properties": {"people": {"type": "array", "items": {"type": "string"}}},
}


def deep(levels: int) -> Any:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "path", "message", "hint"),
    [
        (
            True,
            (),
            "`json_schema` must be a mapping, not `true`",
            "for example `{type: object, required: [people]}`",
        ),
        (
            {"items": {"multipleOf": float("inf")}},
            ("items", "multipleOf"),
            "`Infinity` is no finite number",
            "the largest number that can be checked is about 1.8e308",
        ),
        (
            {"enum": [1, {"a": float("nan")}]},
            ("enum", 1, "a"),
            "`NaN` is no finite number",
            "the largest number that can be checked is about 1.8e308",
        ),
        ({}, (), "`json_schema` is empty", "`is_json: true` takes any JSON"),
        ({"type": "strnig"}, ("type",), "`strnig` is no type of JSON", "did you mean `string`?"),
        (
            {"required": "people"},
            ("required",),
            'no JSON Schema: "people" where `array` is expected',
            None,
        ),
        (
            {"properties": {"이름": {"minLength": -1}}},
            ("properties", "이름", "minLength"),
            "no JSON Schema: -1 is below 0",
            None,
        ),
        (
            {"requierd": ["people"]},
            ("requierd",),
            "unknown keyword `requierd`",
            "did you mean `required`?",
        ),
        (
            {"items": {"regex": "a"}},
            ("items", "regex"),
            "unknown keyword `regex`",
            "a note of your own begins with `x-`",
        ),
        (
            {"items": {"pattern": "(a"}},
            ("items", "pattern"),
            "`(a` is no pattern that can be used: missing ) at character 3",
            r"write `\.` for a sign that stands for itself",
        ),
        (
            {"patternProperties": {"a{1000000}": {}}},
            ("patternProperties",),
            "`a{1000000}` is no pattern that can be used: its counts multiply to more than 10,000",
            r"write `\.` for a sign that stands for itself",
        ),
        (
            {"format": "date_time"},
            ("format",),
            "the format `date_time` is not checked",
            "did you mean `date-time`?",
        ),
        (
            {"$ref": "https://example.com/person.json"},
            ("$ref",),
            "`https://example.com/person.json` refers to something outside of the schema",
            "nothing is fetched: put the schema under `$defs`, and write `#/$defs/NAME`",
        ),
        (
            {"$defs": {"person": {}}, "items": {"$ref": "#/$defs/persn"}},
            ("items", "$ref"),
            "no schema stands at `#/$defs/persn`",
            "did you mean `#/$defs/person`?",
        ),
        (
            {"enum": [{"type": []}], "items": {"$ref": "#/enum/0"}},
            ("items", "$ref"),
            "no schema stands at `#/enum/0`",
            "`#/$defs/NAME` refers to a schema under `$defs`",
        ),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#"},
            ("$schema",),
            "`http://json-schema.org/draft-07/schema#` is no draft that is checked here",
            "leave it out, or write `https://json-schema.org/draft/2020-12/schema`",
        ),
        (
            {"items": {"$schema": "http://json-schema.org/draft-07/schema#"}},
            ("items", "$schema"),
            "`$schema` may stand only at the top",
            "leave it out, and refer to parts by `#/$defs/NAME`",
        ),
        (
            {"patternProperties": {"a": {}}, "unevaluatedProperties": False},
            ("unevaluatedProperties",),
            "`unevaluatedProperties` is not checked together with `patternProperties`",
            "`additionalProperties` beside `patternProperties` is",
        ),
        (
            {"$ref": "#"},
            (),
            "the schema refers to itself in a circle",
            "a schema may refer to itself below `items` or `properties`, for what is inside",
        ),
        (
            {"unevaluatedProperties": False, "items": {"not": {"$ref": "#/items"}}},
            ("items",),
            "the schema refers to itself in a circle",
            "a schema may refer to itself below `items` or `properties`, for what is inside",
        ),
        (
            {"$defs": {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(40)} | {"a40": True}},
            (),
            "more than 30 schemas refer to each other for one and the same value",
            "say it by a smaller schema, or by several rules",
        ),
        (
            deep(40),
            (),
            "a schema may have 40 levels, and this has more",
            "say it by a smaller schema, or by several rules",
        ),
        (
            {"enum": list(range(5_000))},
            (),
            "a schema may have 5,000 values, and this has more",
            "say it by a smaller schema, or by several rules",
        ),
    ],
)
def test_a_wrong_schema_is_a_mistake(
    schema: Any, path: tuple[str | int, ...], message: str, hint: str | None
) -> None:
    (problem,) = problems("json_schema", schema)
    assert (problem.path, problem.message, problem.hint) == (path, message, hint)


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "x", "type": "object"},
        {"$defs": {"a/b~c 가": {"type": "string"}}, "$ref": "#/$defs/a~1b~0c%20가"},
        {"$defs": {"a": {"$anchor": "here", "type": "string"}}, "items": {"$ref": "#here"}},
        {"properties": {"$ref": {"type": "string"}, "$schema": {}, "anything": {}}},
        {"const": {"$ref": "https://example.com"}, "x-note": 1},
        {"anyOf": [True, False], "default": None, "examples": [1]},
        {"$defs": {"all": True}, "items": {"$ref": "#/$defs/all"}},
    ],
)
def test_a_right_schema_is_no_mistake(schema: dict[str, Any]) -> None:
    assert problems("json_schema", schema) == []


@pytest.mark.parametrize(
    ("schema", "text", "where", "found"),
    [
        (PEOPLE, '{"people": ["할머니", 3]}', "$.people[1]", "3 where `string` is expected"),
        (PEOPLE, "{}", "$", "`people` is missing"),
        (PEOPLE, "[]", "$", "[] where `object` is expected"),
        ({"type": ["string", "null"]}, "1", "$", "1 where `string` or `null` is expected"),
        ({"type": "integer"}, "1.5", "$", "1.5 where `integer` is expected"),
        ({"type": "number"}, "true", "$", "true where `number` is expected"),
        ({"enum": ["가", "나"]}, '"다"', "$", '"다" is none of ["가","나"]'),
        ({"const": 1}, "2", "$", "2 is not 1"),
        ({"minimum": 1}, "0", "$", "0 is below 1"),
        ({"maximum": 1}, "2", "$", "2 is above 1"),
        ({"exclusiveMinimum": 1}, "1", "$", "1 is not above 1"),
        ({"exclusiveMaximum": 1}, "1", "$", "1 is not below 1"),
        ({"multipleOf": 0.1}, "0.35", "$", "0.35 is no multiple of 0.1"),
        ({"minLength": 3}, '"할머"', "$", "2 characters, fewer than 3"),
        ({"maxItems": 0}, "[1]", "$", "1 item, more than 0"),
        ({"minProperties": 2}, '{"a": 1}', "$", "1 key, fewer than 2"),
        ({"pattern": "^할"}, '"아"', "$", '"아" does not match `^할`'),
        ({"format": "date"}, '"2026-02-30"', "$", '"2026-02-30" is no `date`'),
        ({"uniqueItems": True}, "[1, 2, 1.0]", "$", "item 2 of the list repeats item 0"),
        ({"contains": {"const": 1}}, "[2]", "$", "no item of the list is as `contains` says"),
        (
            {"contains": {"const": 1}, "minContains": 2},
            "[1, 2]",
            "$",
            "fewer than 2 items are as `contains` says",
        ),
        (
            {"contains": {"const": 1}, "maxContains": 1},
            "[1, 1]",
            "$",
            "more than 1 items are as `contains` says",
        ),
        ({"not": {"type": "string"}}, '"가"', "$", '"가" is what `not` rules out'),
        ({"properties": {"a": False}}, '{"a": 1}', "$", "the key `a` may not stand here"),
        ({"prefixItems": [False]}, "[1]", "$", "nothing may stand here"),
        ({"anyOf": [False, {"minimum": 2}]}, "1", "$", "1 is below 2"),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            '{"나이": 1}',
            "$",
            "the key `나이` may not stand here",
        ),
        (
            {"additionalProperties": {"type": "string"}},
            '{"first name": 1}',
            "$['first name']",
            "1 where `string` is expected",
        ),
        ({"patternProperties": {"^n": {"const": 1}}}, '{"n": 2}', "$.n", "2 is not 1"),
        ({"propertyNames": {"maxLength": 1}}, '{"ab": 2}', "$", "2 characters, more than 1"),
        (
            {"dependentRequired": {"a": ["b"]}},
            '{"a": 2}',
            "$",
            "`b` is missing, which `a` asks for",
        ),
        ({"prefixItems": [{}], "items": False}, "[1, 2]", "$", "more items than the schema names"),
        (
            {"properties": {"a": {}}, "unevaluatedProperties": False},
            '{"b": 1}',
            "$",
            "a key that the schema does not name",
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "1",
            "$",
            "none of the 2 alternatives of `anyOf` fits",
        ),
        (
            {"oneOf": [{"minimum": 0}, {"maximum": 9}]},
            "5",
            "$",
            "not exactly one of the 2 of `oneOf` fits",
        ),
        (
            {"oneOf": [{"type": "null"}, PEOPLE]},
            '{"people": 1}',
            "$.people",
            "1 where `array` is expected",
        ),
        (
            {"if": {"type": "string"}, "then": {"minLength": 2}},
            '"가"',
            "$",
            "1 character, fewer than 2",
        ),
    ],
)
def test_a_violation_is_told_with_its_place(
    schema: dict[str, Any], text: str, where: str, found: str
) -> None:
    told = finding("json_schema", schema, text)
    assert (told.kept, told.where, told.found) == (False, where, found)


def test_the_outermost_violation_is_told_and_the_others_are_counted() -> None:
    schema = {"properties": {"a": {"items": {"type": "string"}}}, "required": ["b"]}
    told = finding("json_schema", schema, '{"a": [1, 2]}')
    assert (told.where, told.found) == ("$", "`b` is missing (and 2 more)")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (PEOPLE, '{"people": ["할머니"], "more": 1}'),
        ({"multipleOf": 0.1}, "0.3"),
        ({"multipleOf": 0.1}, "9" * 4_000),
        ({"type": "integer"}, "1.0"),
        ({"$defs": {"a%41": {"const": 1}}, "$ref": "#/$defs/a%2541"}, "1"),
        ({"definitions": {"a": {"$anchor": "here", "const": 1}}, "$ref": "#here"}, "1"),
        ({"prefixItems": [{"const": 1}], "items": {"$ref": "#/prefixItems/0"}}, "[1, 1]"),
        ({"$id": "https://example.com/a", "$defs": {"b": {}}, "$ref": "#/$defs/b"}, "1"),
        ({"enum": [1]}, "1.0"),
        ({"uniqueItems": True}, '[1, true, "1", [1], [true], {"a": 1}, {"a": true}]'),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "[[[]]]"),
        ({"pattern": r"^\p{Hangul}+$"}, '"할머니"'),
    ],
)
def test_what_fits_is_kept(schema: dict[str, Any], text: str) -> None:
    assert finding("json_schema", schema, text).kept


EXAMPLES = {
    "date": ("2026-11-25", "2026-13-25"),
    "date-time": ("2026-11-25T10:00:00.123456789z", "2026-11-25T10:00:00"),
    "time": ("23:59:59+09:00", "25:00:00Z"),
    "email": ("할머니@example.com", "example.com"),
    "ipv4": ("127.0.0.1", "127.0.0.256"),
    "ipv6": ("::1", ":::1"),
    "uri": ("https://example.com/가", "example.com"),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000", "123e4567"),
    "regex": ("a+", "(a"),
}
"""Of each format a text that has it, and one that has not."""


@pytest.mark.parametrize("schema", [{"format": "regex"}, {"not": {"format": "regex"}}])
def test_a_large_pattern_of_a_reply_is_an_error_and_never_kept(schema: dict[str, Any]) -> None:
    found = finding("json_schema", schema, '"(?:a{1000}){9}"')
    reason = "a pattern whose counts multiply to more than 1,000 is not checked"
    assert (found.kept, found.error) == (False, reason)


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_checked(name: str) -> None:
    good, bad = EXAMPLES[name]
    assert finding("json_schema", {"format": name}, json.dumps(good)).kept
    assert not finding("json_schema", {"format": name}, json.dumps(bad)).kept
    assert finding("json_schema", {"format": name}, "1").kept


def growing(keyword: str) -> dict[str, Any]:
    parts: dict[str, Any] = {
        f"a{n}": {keyword: [{"$ref": f"#/$defs/a{n + 1}"}] * 8} for n in range(12)
    }
    return {"$defs": parts | {"a12": {"type": "string"}}, "$ref": "#/$defs/a0"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param(growing("allOf"), "x", id="allOf that grows"),
        pytest.param(growing("anyOf"), [1] * 100_000, id="anyOf that grows"),
        pytest.param(
            {"unevaluatedProperties": False, "x-first": 1} | growing("oneOf"),
            {"a": 1},
            id="grows twice",
        ),
        pytest.param({"pattern": "^(a|aa)+$"}, "a" * 60 + "b", id="a slow pattern"),
        pytest.param(
            {"patternProperties": {"^(a|aa)+$": {}}}, {"a" * 60 + "b": 1}, id="slow for keys"
        ),
        pytest.param(
            {"patternProperties": {"^(a|aa)+$": {}}, "additionalProperties": False},
            {"a" * 60 + "b": 1},
            id="slow for other keys",
        ),
        pytest.param(
            {"items": {"anyOf": [{"enum": list(range(4_000))}, {"type": "null"}, {}]}},
            [-1] * 50_000,
            id="a long enum for many",
        ),
    ],
)
def test_a_bomb_ends_as_an_error(schema: dict[str, Any], value: Any) -> None:
    begun = time.monotonic()
    assert problems("json_schema", schema) == []
    found = found_in("json_schema", schema, {"json": value})
    assert found.error
    assert not found.kept
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("frames", [0, 100, 200])
@pytest.mark.parametrize("keyword", ["items", "properties", "unevaluatedItems"])
def test_a_reply_that_is_nested_deeply_is_judged_or_an_error(keyword: str, frames: int) -> None:
    inner: dict[str, Any] = {"$ref": "#"}
    schema = {keyword: {"a": inner} if keyword == "properties" else inner, "maxProperties": 1}
    wrap = '{"a":%s}' if keyword == "properties" else "[%s]"
    texts = {}
    for levels in (60, 400):
        texts[levels] = "1"
        for _ in range(levels):
            texts[levels] = wrap % texts[levels]

    def call(frames: int, levels: int) -> Finding:
        return call(frames - 1, levels) if frames else finding("json_schema", schema, texts[levels])

    assert call(frames, 60).kept
    assert call(frames, 400).error == "the reply is nested too deeply for the schema"


def test_items_that_cannot_be_sorted_are_told_apart_at_once() -> None:
    begun = time.monotonic()
    value = [[n, None, "a", {"b": n}] for n in range(20_000)]
    assert found_in("json_schema", {"uniqueItems": True}, {"json": value}).kept
    assert time.monotonic() - begun < 5


def test_what_was_found_before_the_time_ran_out_counts() -> None:
    schema = {"items": {"type": "string", "pattern": "^(a|aa)+$"}}
    found = found_in("json_schema", schema, {"json": [1, 2, "a" * 60 + "b"]})
    assert (found.kept, found.error) == (False, None)
    assert (found.where, found.found) == (
        "$[0]",
        "1 where `string` is expected (and at least 1 more)",
    )


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_large_values_are_not_gathered_in_memory(keyword: str) -> None:
    value = [{"a": ["y" * 1_000_000]}] * 1_000
    parts = [False, {"type": "string"}, {"maxItems": 0}, {"not": {}}] * 20
    schema = {"items": {"properties": {"a": {keyword: parts}}}}

    tracemalloc.start()
    found = found_in("json_schema", schema, {"json": value})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert not found.kept
    assert peak < 20_000_000


@pytest.mark.parametrize("keyword", ["pattern", "patternProperties", "additionalProperties"])
def test_no_pattern_of_a_schema_reaches_re(keyword: str) -> None:
    # A possessive count after a lookbehind of any length is what only `regex` knows.
    pattern = r"(?<=a+)\p{Hangul}++"
    if keyword == "pattern":
        assert finding("json_schema", {"pattern": pattern}, '"a할머니"').kept
        return
    schema: dict[str, Any] = {"patternProperties": {pattern: {"const": 1}}}
    if keyword == "additionalProperties":
        schema["additionalProperties"] = False
    assert finding("json_schema", schema, '{"a할": 1}').kept
    assert not finding("json_schema", schema, '{"a할": 2}').kept


def test_recorded_json_and_its_text_are_judged_alike() -> None:
    value = {"people": ["할머니", 3]}
    recorded = found_in("json_schema", PEOPLE, {"json": value})
    assert recorded == finding("json_schema", PEOPLE, json.dumps(value))


def test_only_a_spec_with_a_schema_loads_the_package() -> None:
    program = """
import sys
from promptrun.expect import KINDS
KINDS["is_json"](True, ())
KINDS["contains"]("a", ())
slow = {"jsonschema", "referencing", "rapidfuzz", "regex", "jsonpath_rfc9535", "numpy"}
assert not slow & set(sys.modules)
KINDS["json_schema"]({"type": "object"}, ())
assert "jsonschema" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
