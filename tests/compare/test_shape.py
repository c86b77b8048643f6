from __future__ import annotations

from typing import Any

import pytest

from promptrun.compare import compare
from promptrun.compare.shape import compare_shape
from promptrun.models import CompareRules
from tests.compare.snapshots import said, snapshot

SHAPE = CompareRules(mode="shape")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({"a": "x", "b": 1}, {"b": 2.5, "a": "y"}, id="other values"),
        pytest.param(["a"], ["b", "c", "d"], id="more items of one shape"),
        pytest.param([1, "a"], ["b", "c", 2], id="a union in another order"),
        pytest.param([{"a": [1]}], [{"a": [2, 3]}, {"a": [4]}], id="shapes inside shapes"),
    ],
)
def test_values_of_one_shape_are_equal(old: Any, new: Any) -> None:
    assert compare_shape("choice 1", old, new, SHAPE) is None


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        pytest.param({"a": 1}, {"a": "1"}, ("$.a", "number", "string"), id="another type"),
        pytest.param({"a": 1}, {"a": True}, ("$.a", "number", "boolean"), id="a boolean"),
        pytest.param({"a": 1}, {"a": None}, ("$.a", "number", "null"), id="null"),
        pytest.param({"a": 1}, {"a": 1, "b": []}, ("$.b", None, []), id="another name"),
        pytest.param(
            {"p": [{"n": "a", "age": 1}, {"n": "b", "age": 2}]},
            {"p": [{"n": "c", "age": "4"}]},
            ("$.p[*].age", "number", "string"),
            id="another type in every item",
        ),
        pytest.param([1], [1, "a"], ("$[*]", None, "string"), id="a type more"),
        pytest.param([1], [], ("$[*]", "number", None), id="no item at all"),
        pytest.param({}, [], ("$", {}, []), id="a list for an object"),
    ],
)
def test_another_shape_is_a_difference_with_its_place(old: Any, new: Any, place: Any) -> None:
    difference = compare_shape("choice 1", old, new, SHAPE)
    assert difference is not None
    assert [(one.path, one.old, one.new) for one in difference.changes] == [place]


@pytest.mark.parametrize("depth", [90, 500, 100_000])
def test_a_deep_value_is_compared_to_its_end(depth: int) -> None:
    def nested(leaf: Any) -> Any:
        for _ in range(depth):
            leaf = [leaf]
        return leaf

    assert compare_shape("choice 1", nested(1), nested(2), SHAPE) is None
    assert compare_shape("choice 1", nested(1), nested("2"), SHAPE) is not None


def test_one_text_has_the_shape_of_another_however_it_ended() -> None:
    cut = snapshot({"finish_reason": "length", "content": "Something else"})
    assert compare(said("A text"), cut, SHAPE).equal


def test_what_is_ignored_has_no_shape() -> None:
    old, new = said('{"a": 1, "b": 1}'), said('{"a": 2}')
    rules = CompareRules(mode="shape", ignore=("$.b",))
    assert compare(old, new, rules).equal
