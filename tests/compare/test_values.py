from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.compare import compare, forms, index
from promptrun.compare.shape import compare_shape
from promptrun.compare.values import compare_json
from promptrun.compare.walk import MAX_CHANGES, within
from promptrun.compare.write import write_json
from promptrun.files.json import canonical
from promptrun.models import CompareRules, Difference
from tests.compare.snapshots import said

UNORDERED = CompareRules(ignore_order=True)

SCALARS = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from([0.0, 1.0, 0.5, "", "a"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=12,
)


def differ(old: Any, new: Any, **rules: Any) -> Difference | None:
    return compare_json("choice 1", old, new, CompareRules(**rules))


def changes(old: Any, new: Any, **rules: Any) -> list[tuple[str, str, Any, Any]]:
    difference = differ(old, new, **rules)
    assert difference is not None
    return [(one.path, one.kind, one.old, one.new) for one in difference.changes]


def nested(depth: int, leaf: Any) -> Any:
    for _ in range(depth):
        leaf = [leaf]
    return leaf


def plain(value: Any, *, unordered: bool) -> Any:
    """What JSON equality is, written down as plainly as can be."""
    if isinstance(value, dict):
        return "object", {name: plain(item, unordered=unordered) for name, item in value.items()}
    if isinstance(value, list):
        items = [repr(plain(item, unordered=unordered)) for item in value]
        return "list", dict(sorted(Counter(items).items())) if unordered else items
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number", float(value)
    return type(value).__name__, value


@settings(max_examples=300, deadline=None)
@given(VALUES, VALUES, st.booleans())
def test_values_differ_exactly_when_their_json_does(old: Any, new: Any, unordered: bool) -> None:
    def sort(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: sort(value[name]) for name in sorted(value)}
        return [sort(item) for item in value] if isinstance(value, list) else value

    old, new = sort(old), sort(new)
    equal = plain(old, unordered=unordered) == plain(new, unordered=unordered)
    assert (differ(old, new, ignore_order=unordered) is None) is equal
    # A tolerance below every distance takes another way to the same answer.
    assert (differ(old, new, ignore_order=unordered, tolerance=0.01) is None) is equal


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="keys in another order"),
        pytest.param([1, 1e2, -0.0], [1.0, 100, 0], id="numbers spelled otherwise"),
        pytest.param(2**60, float(2**60), id="a large whole number"),
    ],
)
def test_spelling_is_no_difference(old: Any, new: Any) -> None:
    assert differ(old, new) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(1, True, id="one and true"),
        pytest.param(0, False, id="zero and false"),
        pytest.param(1, "1", id="a number and its text"),
        pytest.param(None, False, id="null and false"),
        pytest.param([], {}, id="an empty list and an empty object"),
        pytest.param({"a": None}, {}, id="null and nothing"),
        pytest.param(2**53 + 1, float(2**53), id="neighbours that a float cannot tell apart"),
        pytest.param([[1], [1, 2]], [[1, 2], [1]], id="lists in another order"),
        pytest.param("e\u0301", "é", id="two spellings of a letter"),
    ],
)
def test_another_value_is_a_difference(old: Any, new: Any) -> None:
    assert differ({"x": [old]}, {"x": [new]}) is not None


def test_every_place_is_named_by_its_path() -> None:
    old = {"people": [{"name": "김", "age": 40}, {"name": "이"}], "a b": 1, "it's": 1}
    new = {"people": [{"name": "김", "age": 41}], "a b": 2, "it's": 2, "이름": []}
    assert changes(old, new) == [
        ("$.people[0].age", "changed", 40, 41),
        ("$.people[1]", "removed", {"name": "이"}, None),
        ("$['a b']", "changed", 1, 2),
        (r"$['it\'s']", "changed", 1, 2),
        ("$.이름", "added", None, []),
    ]


def test_an_inserted_item_does_not_change_those_that_follow() -> None:
    people = [{"id": number, "tags": ["x"]} for number in range(9)]
    new = [*people[:2], {"id": 99}, *people[2:]]
    assert changes(people, new) == [("$[2]", "added", None, {"id": 99})]
    assert changes(new, people) == [("$[2]", "removed", {"id": 99}, None)]


def test_a_changed_item_is_paired_with_what_it_was() -> None:
    old = [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]
    new = [{"id": 7, "v": "z"}, {"id": 1, "v": "a"}, {"id": 2, "v": "c"}]
    assert changes(old, new) == [
        ("$[0]", "added", None, {"id": 7, "v": "z"}),
        ("$[2].v", "changed", "b", "c"),
    ]


class TestIgnoringOrder:
    def test_another_order_is_no_difference_at_any_depth(self) -> None:
        old = {"a": [{"b": [1, 2]}, {"b": [3]}]}
        assert differ(old, {"a": [{"b": [3]}, {"b": [2, 1]}]}, ignore_order=True) is None

    def test_repeats_count(self) -> None:
        assert changes([1, 1, 2], [1, 2, 2], ignore_order=True) == [("$[1]", "changed", 1, 2)]
        assert differ([1], [1, 1], ignore_order=True) is not None

    def test_what_shares_most_is_shown_side_by_side(self) -> None:
        old = [{"id": 1, "n": "a", "v": 1}, {"id": 2, "n": "b", "v": 2}]
        new = [{"id": 2, "n": "b", "v": 9}, {"id": 1, "n": "a", "v": 8}]
        assert changes(old, new, ignore_order=True) == [
            ("$[1].v", "changed", 1, 8),
            ("$[0].v", "changed", 2, 9),
        ]


class TestTolerance:
    @pytest.mark.parametrize(
        ("old", "new", "tolerance", "equal"),
        [
            pytest.param(1.0, 1.1, 0.1, True, id="exactly at it"),
            pytest.param(1000000000.1, 1000000000, 0.1, True, id="at it for a large number"),
            pytest.param(1.0, 1.11, 0.1, False, id="past it"),
            pytest.param(10**400, 10**400 + 1, 1, True, id="beyond every float"),
            pytest.param(10**400, 1.5, 1, False, id="far beyond every float"),
            pytest.param(1e308, -1e308, 1, False, id="so far apart that it overflows"),
        ],
    )
    def test_it_is_decided_as_decimals_are_read(
        self, old: float, new: float, tolerance: float, *, equal: bool
    ) -> None:
        assert within(old, new, tolerance) is equal
        assert within(new, old, tolerance) is equal

    def test_it_holds_inside_lists_and_objects(self) -> None:
        old = {"a": [1, {"b": 0.5}]}
        assert differ(old, {"a": [1.05, {"b": 0.45}]}, tolerance=0.05) is None
        assert changes(old, {"a": [1.05, {"b": 0.4}]}, tolerance=0.05) == [
            ("$.a[1].b", "changed", 0.5, 0.4)
        ]

    def test_it_is_for_numbers_alone(self) -> None:
        assert differ([True, "1"], [False, "2"], tolerance=5) is not None
        assert differ([1], [True], tolerance=5) is not None

    def test_an_equal_number_elsewhere_does_not_hide_that_a_list_is_within_it(self) -> None:
        assert differ([1.0, 1.1], [1.1, 1.0], tolerance=0.1) is None

    def test_without_order_every_item_finds_a_partner_if_there_is_one(self) -> None:
        # 1.0 has an equal partner and must leave it to 0.9, which fits no other.
        assert differ([1.0, 0.9], [1.0, 1.1], ignore_order=True, tolerance=0.1) is None
        old = [{"id": "a", "v": [1.0, 2.0]}, {"id": "b", "v": [5]}]
        new = [{"id": "b", "v": [5.1]}, {"id": "a", "v": [2.1, 0.9]}]
        assert differ(old, new, ignore_order=True, tolerance=0.1) is None
        assert differ(old, new, ignore_order=True, tolerance=0.05) is not None


class TestPastTheIndex:
    """Values of more nodes than an index takes are still compared by the rules."""

    @pytest.fixture(autouse=True)
    def _no_index(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(index, "MAX_NODES", 0)

    @settings(max_examples=200, deadline=None)
    @given(VALUES, VALUES, st.sampled_from([{}, {"ignore_order": True}, {"tolerance": 0.5}]))
    def test_they_differ_exactly_when_others_do(
        self, old: Any, new: Any, rules: dict[str, Any]
    ) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(index, "MAX_NODES", 1_000)
            same = differ(old, new, **rules) is None
        assert (differ(old, new, **rules) is None) is same

    @settings(max_examples=200, deadline=None)
    @given(VALUES, VALUES)
    def test_they_are_of_one_shape_exactly_when_others_are(self, old: Any, new: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(index, "MAX_NODES", 1_000)
            same = compare_shape("choice 1", old, new, CompareRules()) is None
        assert (compare_shape("choice 1", old, new, CompareRules()) is None) is same

    def test_a_tolerance_is_not_applied_where_order_is_ignored(self) -> None:
        rules = {"ignore_order": True, "tolerance": 0.5}
        assert differ([1, 2], [2.0, 1], **rules) is None
        assert differ([1, 2], [2.1, 1], **rules) is not None

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            pytest.param(["a,b"], ["a", "b"], id="a comma in a text"),
            pytest.param(["1"], [1], id="a number and its text"),
            pytest.param([True], [1], id="true and one"),
            pytest.param({'a":1,"b': 1}, {"a": 1, "b": 1}, id="quotes in a name"),
            pytest.param(2**53 + 1, float(2**53), id="neighbours that a float cannot tell apart"),
        ],
    )
    def test_what_could_be_spelled_alike_is_different(self, old: Any, new: Any) -> None:
        for rules in ({}, {"ignore_order": True}, {"tolerance": 1e-9}):
            assert differ(old, new, **rules) is not None


class TestBounds:
    @pytest.mark.parametrize("depth", [100, 101, 500, 2_000, 100_000])
    @pytest.mark.parametrize("rules", [{}, {"ignore_order": True}, {"tolerance": 0.5}])
    def test_a_deep_value_is_compared_without_a_crash(
        self, depth: int, rules: dict[str, Any]
    ) -> None:
        assert differ(nested(depth, 1), nested(depth, 1), **rules) is None
        difference = differ(nested(depth, 1), nested(depth, "x"), **rules)
        assert difference is not None
        assert difference.bounded is (depth > 100)

    def test_more_changes_than_anyone_reads_become_two_texts(self) -> None:
        difference = differ([0] * (MAX_CHANGES + 1), [1] * (MAX_CHANGES + 1))
        assert difference is not None
        assert difference.bounded
        assert difference.old == write_json([0] * (MAX_CHANGES + 1))

    def test_a_bound_that_is_hit_is_never_a_pass(self) -> None:
        old, new = [1.0] * 20_000, [5.0] * 20_000
        difference = differ(old, new, ignore_order=True, tolerance=1)
        assert difference is not None
        assert difference.bounded

    @pytest.mark.parametrize("rules", [{}, {"ignore_order": True}, {"tolerance": 0.5}])
    def test_a_value_too_large_for_every_pass_is_equal_only_as_it_is_spelled(
        self, rules: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(index, "MAX_NODES", 10)
        monkeypatch.setattr(forms, "MAX_FORMED", 20)
        assert differ([1] * 9, [1.0] * 9, **rules) is None
        assert differ([1] * 11, [1] * 11, **rules) is None
        difference = differ([1] * 11, [1.0] * 11, **rules)
        assert difference is not None
        assert difference.bounded

    @pytest.mark.parametrize("rules", [{}, {"ignore_order": True}, {"tolerance": 0.5}])
    def test_a_value_too_large_and_too_deep_is_different(
        self, rules: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(index, "MAX_NODES", 10)
        difference = differ(nested(5_000, 1), nested(5_000, 1.0), **rules)
        assert difference is not None
        assert difference.bounded

    def test_without_order_the_bounded_texts_are_sorted_alike(self) -> None:
        old = [{"i": number} for number in range(3_000)]
        difference = differ(old, [{"i": -number} for number in range(3_000)], ignore_order=True)
        assert difference is not None
        assert difference.bounded
        assert difference.old == write_json(list(reversed(old)), sort_lists=True)

    def test_what_takes_deepdiff_a_minute_takes_less_than_a_second(self) -> None:
        def large() -> list[dict[str, Any]]:
            return [{"id": n, "name": f"n{n}", "tags": ["a", "b"]} for n in range(18_400)]

        one_change = large()
        one_change[9_000]["name"] = "x"
        shuffled = [{"id": n, "v": n * 2 + n % 2} for n in reversed(range(400))]
        start = time.perf_counter()
        assert len(changes(large(), one_change)) == 1
        middle = time.perf_counter()
        old = [{"id": n, "v": n * 2} for n in range(400)]
        assert len(changes(old, shuffled, ignore_order=True)) == 200
        end = time.perf_counter()
        assert middle - start < 2  # a fifth of a second where nothing else runs
        assert end - middle < 2


@given(VALUES)
def test_written_json_is_the_same_json(value: Any) -> None:
    import json

    assert canonical(json.loads(write_json(value))) == canonical(value)


@pytest.mark.parametrize("mode", ["auto", "json"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('{"a":1e400}', '{"a":1e999}', id="numbers beyond a float"),
        pytest.param('{"a":1,"a":2}', '{"a":3,"a":2}', id="a key that stands twice"),
        pytest.param('{"a":1,"a":2}', '{"a":2}', id="a key that stands twice on one side"),
    ],
)
def test_texts_that_one_value_would_stand_for_are_different(old: str, new: str, mode: Any) -> None:
    (difference,) = compare(said(old), said(new), CompareRules(mode=mode)).reply
    assert difference.old is not None
    assert "Infinity" not in repr(difference)
    assert compare(said(old), said(old), CompareRules(mode=mode)).equal
