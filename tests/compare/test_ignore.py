from __future__ import annotations

import time
from typing import Any

import pytest

from promptrun.compare import compare
from promptrun.compare.ignore import Ignore
from promptrun.matching.jsonpath import check_jsonpath
from promptrun.models import CompareRules
from tests.compare.snapshots import built, choice, said, snapshot


@pytest.mark.parametrize(
    ("queries", "value", "left"),
    [
        pytest.param(["$.a"], {"a": 1, "b": 2}, {"b": 2}, id="a member"),
        pytest.param(["$[0]", "$[2]"], [0, 1, 2, 3], [1, 3], id="items, by their first places"),
        pytest.param(["$[1:]"], [0, 1, 2], [0], id="a slice"),
        pytest.param(["$[-1]"], [0, 1, 2], [0, 1], id="from the end"),
        pytest.param(["$..id"], {"id": 1, "video": [{"id": 2, "x": 3}]}, {"video": [{"x": 3}]},
                     id="a name at any depth, and not a part of a name"),
        pytest.param(["$.a", "$.a.b", "$..b"], {"a": {"b": 1}, "c": {"b": 2}}, {"c": {}},
                     id="selections inside each other"),
        pytest.param(["$.a.b", "$.a"], {"a": {"b": 1}}, {}, id="the inner one first"),
        pytest.param(["$[?@.n > 1]"], [{"n": 1}, {"n": 2}, {"n": 3}], [{"n": 1}], id="a filter"),
        pytest.param(["$.사람[*].나이"], {"사람": [{"나이": 1, "x": 2}]}, {"사람": [{"x": 2}]},
                     id="Korean names"),
        pytest.param(["$"], {"a": 1}, None, id="everything"),
        pytest.param(["$.x"], "text", "text", id="nothing in a scalar"),
    ],
)  # fmt: skip
def test_what_is_selected_is_left_out(queries: list[str], value: Any, left: Any) -> None:
    before = repr(value)
    assert Ignore(queries).drop(value) == left
    assert repr(value) == before


def test_it_is_left_out_on_both_sides() -> None:
    old, new = built({"a": 1, "t": 5}), built({"a": 1, "t": 6})
    rules = CompareRules(mode="json", ignore=("$.t",))
    assert compare(old, new, rules).equal
    assert compare(built({"a": 1}), new, rules).equal
    assert not compare(old, built({"a": 2, "t": 5}), rules).equal


def test_a_query_that_selects_nothing_anywhere_is_a_warning_even_where_all_is_equal() -> None:
    rules = CompareRules(mode="json", ignore=("$.nope", "$.t"))
    comparison = compare(built({"t": 1}), built({"t": 1}), rules)
    assert comparison.equal
    assert comparison.warnings == ("`$.nope` under `compare.ignore` selects nothing",)


@pytest.mark.parametrize("side", [0, 1], ids=["the accepted reply", "the second choice"])
def test_a_query_that_selects_something_in_one_place_is_no_warning(side: int) -> None:
    values: list[dict[str, int]] = [{}, {}]
    values[side] = {"t": 1}
    old = snapshot(choice(json=values[0]), choice(json={}))
    new = snapshot(choice(json={}), choice(json=values[1]))
    assert compare(old, new, CompareRules(mode="json", ignore=("$.t",))).warnings == ()


def test_a_text_is_nothing_to_select_from() -> None:
    rules = CompareRules(mode="text", ignore=("$.t",))
    assert compare(said("a"), said("a"), rules).warnings != ()


@pytest.mark.parametrize(
    "query", ["$", "$.a", "$..a", "$['a b'][0]", "$[?@.a == 'x' && !@.b]", "$.이름", "$..이름.나이"]
)
def test_a_query_of_the_rfc_is_taken(query: str) -> None:
    assert check_jsonpath(query) is None


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        pytest.param("a.b", "expected '$'", id="no root"),
        pytest.param("", "expected '$'", id="nothing"),
        pytest.param("$.a[", "unbalanced brackets at character 5", id="an open bracket"),
        pytest.param("$.a b", "at character 5", id="two words"),
        pytest.param("$[?" + "(" * 490 + "]", "", id="hundreds of brackets"),
        pytest.param("$[?@.a == 1e999]", "", id="a number beyond all"),
        pytest.param("$." + "a" * 500, "500 characters", id="too long"),
        pytest.param("$..a..b", "only once", id="descending twice"),
        pytest.param("$[?search(@.a, '(a+)+$')]", "search", id="a regular expression"),
        pytest.param("$[?@..a]", "plain paths", id="descending in a filter"),
        pytest.param("$[?@[?@.a]]", "plain paths", id="a filter in a filter"),
        pytest.param("$[?@.a == $.a]", "the root `$`", id="the root in a filter"),
        pytest.param("$[?length($.a) > 1]", "the root `$`", id="the root in a function"),
        pytest.param(f"$[?{' || '.join(['@.a'] * 11)}]", "10 parts", id="a filter of many parts"),
        pytest.param("$" + "[*,*]" * 7, "too many", id="doubling at every step"),
    ],
)
def test_a_query_that_cannot_be_taken_says_why(query: str, reason: str) -> None:
    found = check_jsonpath(query)
    assert found is not None
    assert reason in found


def test_a_refused_query_hides_nothing() -> None:
    rules = CompareRules(mode="json", ignore=("$..a..b",))
    comparison = compare(built({"a": {"b": 1}}), built({"a": {"b": 2}}), rules)
    assert not comparison.equal
    assert "was not applied" in comparison.warnings[0]


def test_a_reply_that_is_too_deep_for_a_query_is_a_difference_with_a_warning() -> None:
    value: Any = {"t": 1}
    other: Any = {"t": 2}
    for _ in range(100_000):
        value, other = [value], [other]
    comparison = compare(built(value), built(other), CompareRules(mode="json", ignore=("$..t",)))
    assert not comparison.equal
    assert "too deeply" in comparison.warnings[0]


LARGE = [{"나이": number} for number in range(20_000)]


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("$[?@.나이 < 0]", id="a filter that selects nothing"),
        pytest.param("$..이름", id="a name that is nowhere"),
        pytest.param("$[*][*]", id="every value"),
    ],
)
def test_a_query_that_takes_too_long_is_a_difference_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr("promptrun.matching.jsonpath.SECONDS", 0.001)
    comparison = compare(
        built(LARGE), built([*LARGE, {"나이": 0}]), CompareRules(mode="json", ignore=(query,))
    )
    assert not comparison.equal
    reason = "it takes too long on this reply: given up after 0.001 s"
    warning = f"`{query}` under `compare.ignore` was not applied: {reason}"
    assert comparison.warnings == (warning,)


def test_a_query_that_selects_too_much_leaves_nothing_out() -> None:
    ignore, value = Ignore(["$[*,*,*]"]), [0] * 100_000
    assert ignore.drop(value) == value
    (warning,) = ignore.warnings()
    assert warning.endswith("was not applied: it selects more than 200,000 values of this reply")


def test_the_costliest_queries_end_soon() -> None:
    value = [{"a": [{"b": n, "c": [n]}]} for n in range(5_000)]
    start = time.perf_counter()
    for query in ("$" + "[*,*]" * 6, "$..[?@.a[0].b > @.a[0].c[0]]", "$..*"):
        assert check_jsonpath(query) is None
        Ignore([query]).drop(value)
    assert time.perf_counter() - start < 20
