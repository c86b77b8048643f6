"""YAML from anywhere becomes plain values, or errors with their places."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from promptrun.errors import SpecError, SpecErrors
from promptrun.files.source import Source
from promptrun.files.yaml import MAX_CHARACTERS, parse_yaml
from promptrun.files.yaml_events import MAX_DEPTH


def read(text: str) -> Any:
    return parse_yaml(Source("a.yaml", text))


def errors_of(text: str) -> tuple[SpecError, ...]:
    with pytest.raises(SpecErrors) as caught:
        read(text)
    return caught.value.errors


def pointed_at(error: SpecError) -> str:
    place = error.location
    assert place is not None
    return place.source[place.column - 1 :][: place.width]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("--- 3\n...\n", 3),
        ("~", None),
        ("[null, Null, NULL, ~, ]", [None] * 4),
        ("[true, True, TRUE, false, False, FALSE]", [True] * 3 + [False] * 3),
        ("[0, -1, +5, 0x1F, 0o17]", [0, -1, 5, 31, 15]),
        ("[0.5, .5, 1., -1e3, 1E-2]", [0.5, 0.5, 1.0, -1000.0, 0.01]),
        ("'한글 😀'", "한글 😀"),
        ('"\\x1b\\0"', "\x1b\0"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    assert read(text) == value
    assert repr(read(text)) == repr(value)


LOOKALIKES = [
    *("no", "yes", "on", "Off", "y", "2024-05-01", "12:30:00", "1_000", "01234", "0b1", "1.2.3"),
    *("nullx", "tRue", "+", ".", "e5", "=", "0x", "00.5", ".5."),
]


@pytest.mark.parametrize("text", LOOKALIKES)
def test_what_only_looks_like_a_value_stays_text(text: str) -> None:
    assert read(f"a: {text}") == {"a": text}


def test_a_quoted_scalar_is_always_text() -> None:
    assert read("[\"1\", 'true', \"\", '~']") == ["1", "true", "", "~"]


# YAML takes these for line ends, and what dumps them may fold them.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"))
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
# PyYAML writes what YAML 1.1 takes for text and the core schema for a number without quotes.
DIFFERS = re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]+\.?|0o[0-7]+|[-+]?\.?[0-9]+\.?[0-9]*[eE][0-9]+")


def core_text(value: Any) -> bool:
    if isinstance(value, dict):
        return all(core_text(key) and core_text(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(core_text, value))
    return not (isinstance(value, str) and DIFFERS.fullmatch(value))


@settings(max_examples=150, deadline=None)
@given(JSON_VALUES.filter(core_text))
def test_what_safe_dump_writes_is_read_back(value: Any) -> None:
    assert read(yaml.safe_dump(value, allow_unicode=True)) == value
    assert read(yaml.safe_dump(value, default_flow_style=True)) == value


@settings(max_examples=150, deadline=None)
@given(JSON_VALUES)
def test_json_is_yaml(value: Any) -> None:
    # YAML bounds a key that no `?` announces to 1,024 characters, escapes counted.
    assume(all(len(json.dumps(key)) <= 1000 for key in keys_in(value)))
    assert read(json.dumps(value)) == value


def keys_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    children = value.values() if isinstance(value, dict) else value
    for child in children if isinstance(value, dict | list) else ():
        yield from keys_in(child)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param('"\\ud83d\\ude00"', "😀", id="a pair"),
        pytest.param('"\\uD83D\\uDE00x\\ud83d\\ude01"', "😀x😁", id="pairs of either case"),
        pytest.param('"\\\\\\ud83d\\ude00"', "\\😀", id="behind a backslash"),
        pytest.param('"\\\\ud83d\\\\ude00"', "\\ud83d\\ude00", id="backslashes of their own"),
        pytest.param("'\\ud83d\\ude00'", "\\ud83d\\ude00", id="single quotes"),
        pytest.param("\\ud83d\\ude00", "\\ud83d\\ude00", id="no quotes"),
        pytest.param('|-\n  "\\ud83d\\ude00"', '"\\ud83d\\ude00"', id="a block"),
        pytest.param('&a "\\ud83d\\ude00" # "\\ud83d\\ude00', "😀", id="before a comment"),
        pytest.param('"\\ud83d\\ude00\n  b"', "😀 b", id="over two lines"),
    ],
)
def test_a_pair_of_escapes_is_one_character_in_double_quotes_alone(text: str, value: str) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param('["\\ud83d\\ude00", "\\ud83d"]', "1:21", id="the first half"),
        pytest.param('["\\ud83d\\ude00", "\\ude00"]', "1:21", id="the second half"),
        pytest.param('"\\ud83d\\ud83d\\ude00"', "1:4", id="before a pair"),
        pytest.param('"\\\\ud83d\\ude00"', "1:11", id="the first one is no escape"),
    ],
)
def test_half_a_pair_of_escapes_is_an_error(text: str, place: str) -> None:
    [error] = errors_of(text)
    assert error.message == "an escape that names no whole character"
    assert str(error.location) == f"a.yaml:{place}"


def test_a_mistake_behind_a_pair_of_escapes_is_the_one_that_is_told() -> None:
    [error] = errors_of('a: "\\ud83d\\ude00" b')
    assert error.message == "expected a key here"


def test_places_behind_pairs_of_escapes_are_those_of_the_file() -> None:
    text = '{"a": "\\ud83d\\ude00 \\ud83d\\ude01 {{ x }}", "b": 1, "b": 2}'
    [error] = errors_of(text)
    assert error.location is not None
    assert error.location.column == text.rindex('"b"') + 1
    source = Source("a.yaml", text)
    assert source.at(("a",), word="x").column == text.index("x") + 1
    assert source.at(("b",)).column == text.index("1,") + 1


def test_many_pairs_of_escapes_are_read_in_linear_time() -> None:
    start = perf_counter()
    assert read(json.dumps(["😀" * 20] * 5_000)) == ["😀" * 20] * 5_000
    assert perf_counter() - start < 5


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:- \n\t[]{},&*!|>'\"#?%@<{}~1.\x00\ud800é", max_size=60))
def test_any_text_is_a_value_or_errors_with_places(text: str) -> None:
    errors: tuple[SpecError, ...] | None = None
    try:
        read(text)
    except SpecErrors as caught:
        errors = caught.errors
    assert errors != ()
    for error in errors or ():
        assert error.location is not None
        assert 1 <= error.location.line <= text.count("\n") + 1


def test_merges_give_way_to_own_keys_and_to_earlier_merges() -> None:
    text = (
        "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\n"
        "c:\n  <<: [*a, *b]\n  z: 3\nd:\n  <<: *a\n'e':\n  '<<': 4\n"
    )
    value = read(text)
    assert value["c"] == {"x": 1, "y": 1, "z": 3}
    assert value["d"] == {"x": 1, "y": 1}
    assert value["e"] == {"<<": 4}


def test_every_mistake_is_told_at_once_with_its_place() -> None:
    errors = errors_of("a: 1\na: 2\nb: !!python/object x\n1: x\nc: *none\nd: .inf\n---\nmore")
    assert [(str(error.location), pointed_at(error)) for error in errors] == [
        ("a.yaml:2:1", "a"),
        ("a.yaml:3:4", "!!python/object x"),
        ("a.yaml:4:1", "1"),
        ("a.yaml:5:4", "*none"),
        ("a.yaml:6:4", ".inf"),
        ("a.yaml:7:1", "---"),
    ]


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: &a [*a]", "the alias `*a` stands inside the value that it names", "1:8"),
        ("content: {{ story }}", "a template that is not quoted", "1:10"),
        ("null: x", "the key `null` is no text", "1:1"),
        ("? [a]\n: b", "a key must be text", "1:3"),
        ("<<: 3", "`<<` merges mappings only", "1:1"),
        ("<<: {a: 1}\n<<: {b: 1}", "the key `<<` stands twice", "2:1"),
        ("a: 1e999", "`1e999` is no finite number of a sensible length", "1:4"),
        ("%TAG ! x\n--- a", "tags are not allowed", "1:1"),
        ("a:\n\tb: 1", "a tab cannot indent", "2:1"),
        ("a: @x", "a text that is not quoted cannot begin with `@`", "1:4"),
        ("a: b: c", "a `key: value` cannot stand here", "1:5"),
        ('a: 1\nb: "x\n\n', "the quote that opens here is never closed", "2:4"),
        ("x: \x1b[0m", "the control character U+001B cannot stand here", "1:4"),
        ("x: \ud800", "the half character U+D800 cannot stand here", "1:4"),
        ("a: [1, 2", "a list that `[` opened is not closed", "1:9"),
        ('"\\ud83d"', "an escape that names no whole character", "1:4"),
    ],
)
def test_an_error_says_what_and_where(text: str, message: str, place: str) -> None:
    error = errors_of(text)[0]
    assert error.message == message
    assert str(error.location) == f"a.yaml:{place}"


def test_a_template_that_is_not_quoted_is_recognised_in_a_syntax_error() -> None:
    hints = [error.hint or "" for error in errors_of("a: {{ x }} and more")]
    assert any("{{" in hint for hint in hints)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 30_000,
        "{a: " * 30_000,
        "- " * 30_000 + "x",
        "? " * 30_000,
        "\n".join("  " * depth + "a:" for depth in range(300)),
        "%TAG !a! x\n" * 100_000 + "--- a",
        "a: " + "9" * 100_000,
        "\n".join(f"{number}: a" for number in range(100_000)),
        "x" * (MAX_CHARACTERS + 1),
        "[" * 30_000 + '"\\ud83d\\ude00"',
        '"' + "\\" * 1_000_001 + "ud83d\\ude00",
        "a: &a [" + "'" + "x" * 1_000_000 + "'" + "]\nb: [" + "*a," * 100_000 + "]",
    ],
    ids=[
        "open lists",
        "open mappings",
        "nested items",
        "nested keys",
        "nested blocks",
        "tag directives",
        "a long number",
        "numbers as keys",
        "a long text",
        "a pair of escapes in open lists",
        "many backslashes",
        "a long text again and again",
    ],
)
def test_hostile_texts_end_as_errors_within_a_second(text: str) -> None:
    start = perf_counter()
    assert errors_of(text)
    assert perf_counter() - start < 5  # a busy machine; alone it is far below one second


def test_an_alias_bomb_is_an_error() -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    [error] = errors_of("\n".join(lines))
    assert error.message == "the file is too large: its aliases make too many values"


def test_nesting_is_allowed_up_to_the_bound() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert errors_of("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_a_long_line_is_not_copied_into_errors() -> None:
    [error] = errors_of("'" + "x" * 5_000 + "': 1: 2")
    assert error.location is not None
    assert error.location.source == ""
