from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.compare import compare
from promptrun.compare.content import Reader
from promptrun.compare.samples import distance
from promptrun.compare.samples.distance import LEAST, Distances, measure_distances
from promptrun.compare.samples.features import count_shared, number_features
from promptrun.compare.samples.reading import read_choice
from promptrun.compare.whole import MODES
from promptrun.models import CompareRules
from tests.compare.snapshots import built, choice, snapshot

Choice = dict[str, Any]

JSON = CompareRules(mode="json")
UNORDERED = CompareRules(mode="json", ignore_order=True)
SHAPE = CompareRules(mode="shape")


def measure(replies: list[list[Choice]], rules: CompareRules | None = None) -> Distances:
    rules = rules or CompareRules()
    mode = MODES[rules.mode]
    reader = Reader(mode, rules)
    return measure_distances(
        [tuple(read_choice(one, mode, rules.mode, reader) for one in reply) for reply in replies],
        rules,
    )


def apart(one: Choice, other: Choice, rules: CompareRules | None = None) -> float:
    found = measure([[one], [other]], rules)
    assert not found.bounded
    return float(found.matrix[0, 1])


def values_apart(one: Any, other: Any, rules: CompareRules = JSON) -> float:
    return apart(choice(json=one), choice(json=other), rules)


class TestTexts:
    OLD = "할머니는 떡을 좋아했습니다."
    NEW = "할머니는 떡을 무척 좋아했습니다."

    def test_the_less_alike_their_words_are_the_further_apart(self) -> None:
        found = apart(choice(content=self.OLD), choice(content=self.NEW))
        # All that the old text is made of but one pair of words stands in the new one.
        assert 0 < found < 0.25
        assert found < apart(choice(content=self.OLD), choice(content=f"{self.NEW} 정말로."))

    @pytest.mark.parametrize(
        ("mode", "distance"),
        [("auto", 0.0), ("text", 0.0), ("exact", 1.0), ("json", LEAST), ("shape", 0.0)],
    )
    def test_spacing_counts_where_the_mode_counts_it(self, mode: Any, distance: float) -> None:
        rules = CompareRules(mode=mode)
        assert apart(choice(content="a  b"), choice(content="a b"), rules) == distance

    def test_a_line_break_alone_is_seen(self) -> None:
        assert apart(choice(content="a b"), choice(content="a\nb")) == LEAST

    @pytest.mark.parametrize(("mode", "distance"), [("exact", 1.0), ("shape", 0.0)])
    def test_other_modes_know_no_degrees(self, mode: Any, distance: float) -> None:
        rules = CompareRules(mode=mode)
        assert apart(choice(content=self.OLD), choice(content=self.NEW), rules) == distance

    def test_the_order_of_words_counts(self) -> None:
        assert 0 < apart(choice(content="Kim asks Lee"), choice(content="Lee asks Kim")) < 0.5

    def test_another_ending_of_a_word_is_half_the_same(self) -> None:
        near = apart(choice(content="할머니가"), choice(content="할머니는"))
        assert near < apart(choice(content="할머니가"), choice(content="강아지는"))

    def test_past_the_bound_pairs_of_words_tell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        texts = ["a b c d e", "a b c d f", "v w x y z", "a b c d e"]
        monkeypatch.setattr(distance, "MAX_LETTERS", 10)
        found = measure([[choice(content=text)] for text in texts])
        assert found.bounded
        # Of six pairs, ends included, two are others.
        assert found.matrix[0].tolist() == pytest.approx([0, 1 / 3, 1, 0])

    def test_past_every_bound_texts_are_equal_or_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(distance, "MAX_FEATURES", 5)
        found = measure([[choice(content=text)] for text in ("a b c", "a b d", "a b c")])
        assert found.bounded
        assert found.matrix[0].tolist() == [0, 1, 0]


class TestValues:
    @pytest.mark.parametrize(
        ("one", "other", "share"),
        [
            pytest.param({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, 0, id="the same, spelled otherwise"),
            pytest.param({"a": 1, "b": 2}, {"a": 1, "b": 3}, 1 / 2, id="one leaf of two"),
            pytest.param({"a": 1}, {"a": True}, 1, id="one and true"),
            pytest.param({"a": 1}, {"a": "1"}, 1, id="a number and its text"),
            pytest.param({"a": 1, "b": {"c": 1, "d": 2}}, {"a": 1}, 2 / 3, id="no subtree"),
            pytest.param({"a": 1, "b": []}, {"a": 1}, 1 / 2, id="no empty list"),
            pytest.param({"a": []}, {"a": {}}, 1, id="an empty list and an empty object"),
            pytest.param(["a", "b", "c"], ["a", "x", "c"], 1 / 3, id="by position"),
            pytest.param(["a", "b", "c"], ["a", "b"], 1 / 3, id="an item less"),
            pytest.param({"이름": "김", "나이": 3}, {"이름": "이", "나이": 3}, 1 / 2, id="Korean"),
            pytest.param({"[0]": 1}, [1], 1, id="a name that looks like a position"),
            pytest.param({"a": {"b": 1}}, {"a.b": 1}, 1, id="a name that looks like a path"),
        ],
    )
    def test_the_share_of_leaves_that_differ(self, one: Any, other: Any, share: float) -> None:
        assert values_apart(one, other) == pytest.approx(share)
        assert values_apart(other, one) == pytest.approx(share)

    @pytest.mark.parametrize(
        ("one", "other", "share"),
        [
            pytest.param([1, 2, 3], [3, 1, 2], 0, id="another order"),
            pytest.param([1, 1, 2], [1, 2, 2], 1 / 3, id="repeats count"),
            # Two leaves of each item, and each item as a whole.
            pytest.param(
                [{"a": 1, "b": 2}, {"a": 3, "b": 4}],
                [{"a": 3, "b": 2}, {"a": 1, "b": 4}],
                2 / 6,
                id="the same leaves in other company",
            ),
            pytest.param(
                [{"a": [1, 2]}, {"a": [3]}], [{"a": [3]}, {"a": [2, 1]}], 0, id="inside others"
            ),
        ],
    )
    def test_lists_in_no_order_are_held_together_by_their_items(
        self, one: Any, other: Any, share: float
    ) -> None:
        assert values_apart(one, other, UNORDERED) == pytest.approx(share)

    @pytest.mark.parametrize(
        ("one", "other", "share"),
        [
            pytest.param({"a": "x", "b": [1]}, {"a": "y", "b": [2, 3]}, 0, id="other values"),
            pytest.param({"a": 1, "b": 1}, {"a": "1", "b": 1}, 1 / 2, id="another type"),
            pytest.param({"a": 1, "b": 1}, {"a": 1}, 1 / 2, id="no name"),
            pytest.param([1], [], 1, id="no items"),
            pytest.param([1], [1, "x"], 1 / 2, id="a type more"),
        ],
    )
    def test_of_shapes_the_share_of_places_whose_types_differ(
        self, one: Any, other: Any, share: float
    ) -> None:
        assert values_apart(one, other, SHAPE) == pytest.approx(share)

    @pytest.mark.parametrize("ignore_order", [False, True])
    def test_a_tolerance_makes_near_numbers_equal(self, ignore_order: bool) -> None:
        rules = CompareRules(mode="json", tolerance=0.1, ignore_order=ignore_order)
        assert values_apart({"a": [1.0, 5], "b": "x"}, {"a": [1.1, 5], "b": "x"}, rules) == 0
        found = values_apart({"a": [1.0, 5], "b": "x"}, {"a": [1.2, 5], "b": "x"}, rules)
        assert found == pytest.approx(1 / 3)

    def test_near_numbers_find_as_many_partners_as_there_are(self) -> None:
        rules = CompareRules(mode="json", tolerance=1, ignore_order=True)
        assert values_apart([1, 2, 3], [2, 3, 4], rules) == 0
        assert values_apart([1, 2, 3], [3.5, 3.6, 3.7], rules) == pytest.approx(2 / 3)

    def test_past_its_bound_a_tolerance_does_not_count(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(distance, "MAX_NUMBERS", 1)
        rules = CompareRules(mode="json", tolerance=1)
        found = measure([[choice(json=[1, 2])], [choice(json=[1.0, 2.5])]], rules)
        assert found.bounded
        assert found.matrix[0, 1] == pytest.approx(1 / 2)

    def test_past_every_bound_values_are_equal_or_not(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(distance, "MAX_FEATURES", 6)
        replies = [[choice(json=value)] for value in ([1, 2], [1, 3], [1, 2])]
        found = measure(replies, JSON)
        assert found.bounded
        assert found.matrix[0].tolist() == [0, 1, 0]

    @pytest.mark.parametrize("rules", [JSON, UNORDERED, SHAPE])
    def test_a_deep_value_is_read_to_its_end(self, rules: CompareRules) -> None:
        def nested(leaf: Any) -> Any:
            for _ in range(5_000):
                leaf = [leaf]
            return leaf

        assert values_apart(nested(1), nested("1"), rules) > 0
        assert values_apart(nested(1), nested(1), rules) == 0


SCALARS = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from([0.0, 1.0, 0.5, "", "a"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(
    VALUES,
    VALUES,
    st.sampled_from([JSON, UNORDERED, SHAPE, CompareRules(mode="json", tolerance=0.5)]),
)
def test_replies_are_apart_exactly_when_comparing_finds_a_difference(
    one: Any, other: Any, rules: CompareRules
) -> None:
    found = values_apart(one, other, rules)
    assert (found == 0) is compare(built(one), built(other), rules).equal
    assert 0 <= found <= 1


def called(name: str = "weather", city: str = "서울", number: int = 1) -> Choice:
    function = {"name": name, "arguments": {"city": city, "days": 2}}
    call = {"id": f"call_{number}", "type": "function", "function": function}
    return {"finish_reason": "tool_calls", "tool_calls": [call]}


class TestParts:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            pytest.param(choice(content="a"), choice(refusal="a"), id="a refusal"),
            pytest.param(choice(content='{"a": 1}'), choice(content="a: 1"), id="JSON and a text"),
            pytest.param(choice(content="a"), choice(content=None), id="nothing"),
            pytest.param(
                choice(content="a"), {"finish_reason": "length", "content": "a"}, id="a cut reply"
            ),
        ],
    )
    def test_another_kind_of_answer_is_as_far_as_can_be(self, one: Choice, other: Choice) -> None:
        assert apart(one, other) == 1

    def test_the_part_that_is_furthest_apart_decides(self) -> None:
        one = choice(content="a b c d", annotations=[{"url": "x", "title": "t"}])
        assert 0 < apart(one, one | {"content": "a b c e"}) < 0.5
        other = one | {"content": "a b c e", "annotations": [{"url": "y", "title": "t"}]}
        assert apart(one, other) == 0.5

    def test_a_call_is_its_arguments_whatever_its_id(self) -> None:
        assert apart(called(), called(number=2)) == 0
        assert apart(called(), called(city="부산")) == 0.5
        assert apart(called(), called(city="부산"), SHAPE) == 0

    @pytest.mark.parametrize("rules", [None, SHAPE])
    def test_another_tool_is_as_far_as_can_be(self, rules: CompareRules | None) -> None:
        assert apart(called(), called(name="time"), rules) == 1

    def test_a_distance_is_the_mean_over_the_choices(self) -> None:
        said = [choice(content=text) for text in ("a", "b", "c")]
        found = measure([said, said[:1], [said[0], said[2], said[2]], []])
        assert found.matrix[0].tolist() == pytest.approx([0, 2 / 3, 1 / 3, 1])
        assert found.matrix[3, 3] == 0

    def test_what_is_ignored_is_not_measured(self) -> None:
        one, other = {"a": 1, "at": 1}, {"a": 1, "at": 2}
        assert values_apart(one, other, CompareRules(mode="json", ignore=("$.at",))) == 0

    def test_it_agrees_with_comparing_that_all_of_it_is_equal(self) -> None:
        one = [choice(content="같은 말", refusal=None), choice(json={"a": [1]})]
        assert compare(snapshot(*one), snapshot(*one), CompareRules()).equal
        assert measure([one, one]).matrix.max() == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(-4, 4), max_size=8), min_size=1, max_size=5))
def test_shared_features_are_those_of_two_multisets(found: list[list[int]]) -> None:
    shared = count_shared([number_features(one) for one in found])
    for i, one in enumerate(found):
        for j, other in enumerate(found):
            assert shared[i, j] == sum(min(one.count(k), other.count(k)) for k in set(one))


def test_the_largest_sets_of_large_replies_end_within_seconds() -> None:
    random = np.random.default_rng(8)
    words = np.array([f"word{number}" for number in range(500)])
    texts = [" ".join(random.choice(words, 15_000)) for _ in range(24)]
    begun = time.perf_counter()
    found = measure([[choice(content=text)] for text in texts])
    assert found.bounded
    values = [
        [{"id": int(number), "name": "김"} for number in random.integers(0, 9, 4_000)]
        for _ in range(24)
    ]
    assert not measure([[choice(json=value)] for value in values], JSON).bounded
    assert time.perf_counter() - begun < 30
