"""The fast reader of JSON and the strict one are one reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from promptrun.files.json import parse, parse_fast

_NUMBERS = st.from_regex(r"-?[0-9]{1,25}(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
_TEXTS = st.text(st.characters(), max_size=8)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=12,
)
_JSON = st.builds(
    lambda value, escaped, indent: json.dumps(value, ensure_ascii=escaped, indent=indent),
    _VALUES,
    st.booleans(),
    st.sampled_from([None, 1]),
)
_TOKENS = st.sampled_from([*'{}[]:,"0123456789.eE+-\\u/ \n\t\x00\x0b', "true", "null", "NaN", "안"])
_NEARLY_JSON = st.lists(_TOKENS | _NUMBERS | _JSON, max_size=8).map("".join)


def read(parser: Any, text: str) -> tuple[str, str]:
    """What a reader makes of a text, types and the order of keys included."""
    try:
        return "value", repr(parser(text))
    except ValueError as error:
        return "refused", str(error)


@given(_JSON | _NUMBERS | _NEARLY_JSON)
@example('{"a": 1, "b": 2, "a": 3}')
@example('"\\ud83d" ')
@example('"\\ud83c\\udf89"')
@example("1e400")
@example("-0")
@example("123456789012345678901234567890")
@example("18446744073709551616")
@example("1" * 5_000)
@example("[" * 100_000)
@example('"\x01"')
@example("\ufeff1")
@example("[Infinity]")
def test_both_readers_give_the_same_or_refuse_the_same(text: str) -> None:
    assert read(parse_fast, text) == read(parse, text)


@pytest.mark.parametrize("depth", [100, 500])
def test_depth_that_one_reader_follows_the_other_follows(depth: int) -> None:
    text = '{"a":' * depth + "1" + "}" * depth
    assert parse_fast(text) == parse(text)
