"""A JSON list is read as a stream, and gives what the whole text would give."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.spec import json_array
from promptrun.spec.json_array import read_array

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def items_of(text: str) -> list[Any] | None:
    items = read_array(io.StringIO(text), 2**20)
    return None if items is None else [json.loads(item) for item in items]


@settings(deadline=None)
@given(
    rows=st.lists(VALUES, max_size=5),
    indent=st.none() | st.integers(0, 3),
    size=st.sampled_from([1, 3, 1024]),
    cut=st.none() | st.integers(0, 200),
)
def test_the_items_are_those_of_the_whole_text(
    rows: list[Any], indent: int | None, size: int, cut: int | None
) -> None:
    text = f" \n{json.dumps(rows, indent=indent, ensure_ascii=False)}\r\n"[:cut]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "_CHUNK", size)
        if text.rstrip().endswith("]") and _is_json(text):
            assert items_of(text) == json.loads(text)
        elif text.strip():
            with pytest.raises(ValueError, match=r"."):
                items_of(text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("text", ["", " ", "{}", "3", "x", '"["'])
def test_another_value_is_no_list(text: str) -> None:
    assert items_of(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "Expecting value"),
        ("[1", "a `,` or the `]` is missing"),
        ("[1 2]", "a `,` or the `]` is missing"),
        ("[1,]", "Expecting value"),
        ("[1] 2", "more stands behind the list"),
        ('["' + "x" * 2**21, "an item is longer than 1 MiB"),
        ("[" * 100_000, "nested too deeply"),
    ],
    ids=["open", "cut", "no comma", "one comma more", "more", "long", "deep"],
)
def test_what_is_no_list_any_more_ends_it(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        items_of(text)


def test_a_long_list_takes_the_memory_of_a_few_items() -> None:
    file = io.StringIO("[" + ", ".join(['{"q": "' + "x" * 500 + '"}'] * 10_000) + "]")
    tracemalloc.start()
    items = read_array(file, 2**20)
    assert items is not None
    assert sum(1 for _ in items) == 10_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000
