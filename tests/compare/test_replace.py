from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrun.compare import compare, replace
from promptrun.compare.content import Json, Reader
from promptrun.compare.replace import Replacer
from promptrun.compare.whole import MODES
from promptrun.matching import patterns
from promptrun.models import CompareRules, Comparison, Replacement, Snapshot
from tests.compare.snapshots import built, choice, said, snapshot

DATE = Replacement(pattern=r"\d{4}-\d{2}-\d{2}", text="DATE")
SLOW = Replacement(pattern="(a|aa)+$", text="")
SLOW_TEXT = "a" * 60 + "!"


def run(old: Snapshot, new: Snapshot, *replacements: Replacement, **rules: Any) -> Comparison:
    return compare(old, new, CompareRules(replace=replacements, **rules))


@pytest.mark.parametrize("mode", ["exact", "text", "json", "auto", "shape"])
def test_replies_that_differ_only_in_what_is_replaced_are_equal(mode: str) -> None:
    old, new = said("오늘은 2026-11-02입니다."), said("오늘은 2026-11-25입니다.")
    assert run(old, new, DATE, mode=mode).equal
    old, new = said('{"때": ["2026-11-02"]}'), said('{"때": ["2026-11-25"]}')
    assert run(old, new, DATE, mode=mode).equal


@pytest.mark.parametrize("mode", ["exact", "text", "json", "auto"])
def test_what_is_not_replaced_still_differs(mode: str) -> None:
    assert not run(said("2026-11-02 a"), said("2026-11-25 b"), DATE, mode=mode).equal
    assert not run(said("2026-11-02"), said("2026-11-02 2026-11-02"), DATE, mode=mode).equal


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(lambda day: choice(refusal=f"Not on {day}."), id="a refusal"),
        pytest.param(lambda day: choice(audio={"transcript": day}), id="what was spoken"),
        pytest.param(
            lambda day: choice(
                tool_calls=[{"function": {"name": "book", "arguments": {"days": [{"on": day}]}}}]
            ),
            id="arguments of a call",
        ),
        pytest.param(
            lambda day: choice(tool_calls=[{"function": {"name": "book", "arguments": day}}]),
            id="arguments that are no JSON",
        ),
        pytest.param(
            lambda day: choice(tool_calls=[{"custom": {"name": "sql", "input": f"x = '{day}'"}}]),
            id="the input of a custom tool",
        ),
        pytest.param(
            lambda day: choice(function_call={"name": "book", "arguments": {"on": day}}),
            id="a function call of the old kind",
        ),
    ],
)
def test_it_holds_for_every_text_that_is_compared(part: Any) -> None:
    old, new = snapshot(part("2026-11-02")), snapshot(part("2026-11-25"))
    assert not run(old, new).equal
    comparison = run(old, new, DATE)
    assert comparison.equal
    assert comparison.warnings == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(built({"2026-11-02": 1}), built({"2026-11-25": 1}), id="a key"),
        pytest.param(
            snapshot({"finish_reason": "2026-11-02"}),
            snapshot({"finish_reason": "2026-11-25"}),
            id="a finish reason",
        ),
        pytest.param(
            snapshot(choice(function_call={"name": "2026-11-02"})),
            snapshot(choice(function_call={"name": "2026-11-25"})),
            id="which function is called",
        ),
        pytest.param(built([20261102]), built([20261125]), id="a number"),
    ],
)
def test_what_is_no_text_of_the_reply_is_not_replaced(old: Snapshot, new: Snapshot) -> None:
    anything = Replacement(pattern=r"[\d-]+", text="X")
    assert not run(old, new, anything, mode="json").equal


@given(st.text("ab12", max_size=4), st.text("ab12", max_size=4))
def test_texts_are_equal_exactly_when_what_is_left_of_them_is(old: str, new: str) -> None:
    digits = Replacement(pattern=r"\d+", text="#")
    equal = re.sub(r"\d+", "#", old) == re.sub(r"\d+", "#", new)
    assert run(said(old), said(new), digits, mode="exact").equal is equal
    in_list = run(built([old, 0]), built([new, 0.0]), digits, mode="json")
    assert in_list.equal is equal


def test_one_replacement_sees_what_the_one_before_it_made() -> None:
    second = Replacement(pattern=r"on (DATE)", text=r"\1")
    assert run(said("on 2026-11-02"), said("DATE"), DATE, second).equal
    assert not run(said("on 2026-11-02"), said("DATE"), second, DATE).equal


def test_ignores_see_what_is_there_before_it_is_replaced() -> None:
    old, new = built([{"on": "2026-11-02", "a": 1}]), built([{"on": "2026-11-25", "a": 1}, {}])
    kept = run(old, new, DATE, mode="json", ignore=("$[?@.on == '2026-11-25']", "$[1]"))
    assert [(one.path, one.old) for one in kept.reply[0].changes] == [
        ("$[0]", {"on": "DATE", "a": 1})
    ]


def test_spacing_is_normalised_after_it() -> None:
    nothing = Replacement(pattern=r"\(\w+\)", text="")
    assert run(said("서울 (수도) 는"), said("서울 는"), nothing, mode="text").equal


def test_a_difference_is_shown_as_it_was_compared() -> None:
    (difference,) = run(said("2026-11-02 a"), said("2026-11-25 b"), DATE).reply
    assert (difference.old, difference.new) == ("DATE a", "DATE b")
    (added,) = run(snapshot(), said("2026-11-25"), DATE).reply
    assert added.new == "DATE"


def test_json_stays_json_whatever_is_written_into_its_texts() -> None:
    quote = Replacement(pattern="x", text='", "y": "')
    comparison = run(built({"a": "x"}), built({"a": "x", "y": ""}), quote, mode="json")
    assert [one.path for one in comparison.reply[0].changes] == ["$.y"]


def test_what_is_replaced_is_a_copy() -> None:
    value = {"a": ["2026-11-02", {"b": "2026-11-02"}], "n": 1}
    before = repr(value)
    assert Replacer([DATE]).json(value) == {"a": ["DATE", {"b": "DATE"}], "n": 1}
    assert repr(value) == before


def test_a_value_of_any_depth_is_replaced_in() -> None:
    value: Any = "2026-11-02"
    for _ in range(50_000):
        value = [value]
    value = Replacer([DATE]).json(value)
    while isinstance(value, list):
        (value,) = value
    assert value == "DATE"


class TestWarnings:
    def test_a_pattern_that_matches_nothing_is_one_even_where_all_is_equal(self) -> None:
        comparison = run(said("a"), said("a"), DATE)
        assert comparison.equal
        assert comparison.warnings == (
            r"`\d{4}-\d{2}-\d{2}` under `compare.replace` matches nothing",
        )

    @pytest.mark.parametrize("side", [0, 1], ids=["the accepted reply", "the new reply"])
    def test_a_match_on_one_side_is_none(self, side: int) -> None:
        texts = ["a", "a"]
        texts[side] = "2026-11-02"
        assert run(said(texts[0]), said(texts[1]), DATE).warnings == ()

    def test_a_match_that_changes_nothing_is_none(self) -> None:
        same = Replacement(pattern=" +", text=" ")
        assert run(said("a b"), said("a b"), same).warnings == ()

    def test_a_match_only_after_another_replacement_is_none(self) -> None:
        after = Replacement(pattern="DATE", text="D")
        assert run(said("2026-11-02"), said("2026-11-02"), DATE, after).warnings == ()

    @pytest.mark.parametrize(
        ("pattern", "text", "reason"),
        [
            pytest.param("(a", "b", "missing )", id="an open bracket"),
            pytest.param("a", r"\1", "group", id="a group that is not there"),
        ],
    )
    def test_one_that_cannot_be_applied_is_one_and_hides_nothing(
        self, pattern: str, text: str, reason: str
    ) -> None:
        wrong = Replacement(pattern=pattern, text=text)
        comparison = run(said("a 2026-11-02"), said("b 2026-11-25"), wrong, DATE)
        assert [(one.old, one.new) for one in comparison.reply] == [("a DATE", "b DATE")]
        (warning,) = comparison.warnings
        assert "was not applied" in warning
        assert reason in warning


class TestPastItsBounds:
    """A replacement that cannot be made counts for neither side, and is never a pass."""

    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(patterns, "SECONDS", 0.05)

    @pytest.mark.parametrize("mode", ["exact", "text", "json", "auto"])
    @pytest.mark.parametrize("slow", ["old", "new", "both"])
    def test_replies_whose_texts_differ_are_different(self, mode: str, slow: str) -> None:
        old = said(f"2026-11-02 {SLOW_TEXT if slow != 'new' else ''}")
        new = said(f"2026-11-25 {SLOW_TEXT if slow != 'old' else ''}")
        comparison = run(old, new, DATE, SLOW, mode=mode)
        (difference,) = comparison.reply
        assert "2026-11-02" in str(difference.old)
        assert "2026-11-25" in str(difference.new)
        assert comparison.warnings == (
            "nothing was replaced under `compare.replace`: `(a|aa)+$` was given up after 0.05 s",
        )

    def test_equal_replies_are_still_equal(self) -> None:
        comparison = run(said(SLOW_TEXT), said(SLOW_TEXT), SLOW)
        assert comparison.equal
        assert "given up" in comparison.warnings[0]

    def test_one_side_as_it_came_never_equals_the_other_replaced(self) -> None:
        # Replaced, the first reply would be the second, which cannot be replaced.
        become = Replacement(pattern="^Z$", text=SLOW_TEXT)
        assert not run(said("Z"), said(SLOW_TEXT), SLOW, become).equal
        assert not run(said(SLOW_TEXT), said("Z"), SLOW, become).equal

    def test_what_was_replaced_before_is_read_anew(self) -> None:
        old = snapshot(choice(content="2026-11-02"), choice(content=SLOW_TEXT))
        new = snapshot(choice(content="2026-11-25"), choice(content=SLOW_TEXT))
        comparison = run(old, new, DATE, SLOW)
        assert [(one.where, one.old) for one in comparison.reply] == [("choice 1", "2026-11-02")]

    def test_ignores_still_count(self) -> None:
        old, new = built({"t": 1, "a": SLOW_TEXT}), built({"t": 2, "a": SLOW_TEXT})
        comparison = run(old, new, SLOW, mode="json", ignore=("$.t", "$.x"))
        assert comparison.equal
        assert [re.sub(": .*", "", one) for one in comparison.warnings] == [
            "`$.x` under `compare.ignore` selects nothing",
            "nothing was replaced under `compare.replace`",
        ]

    def test_a_reply_that_would_grow_without_end_is_given_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Its size has to stop it, and not the time that a slow machine takes.
        monkeypatch.setattr(patterns, "SECONDS", 20.0)
        grow = Replacement(pattern="", text="가" * 1_000)
        old, new = said("a" * 20_000), said("b" * 20_000)
        comparison = run(old, new, grow)
        assert not comparison.equal
        assert "characters" in comparison.warnings[0]

    def test_many_texts_that_grow_are_bounded_together(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replace, "MAX_GROWTH", 100)
        replacer = Replacer([Replacement(pattern="x", text="y" * 30)])
        assert replacer.json(["xa", "xb", "xc"])[2] == "y" * 30 + "c"
        values = ["xd", "xe"]
        assert replacer.json(values) is values
        assert replacer.gave_up

    def test_many_texts_are_given_up_after_some_seconds_together(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replace, "SECONDS", 0.05)
        numbers = [f"{number} 2026-11-02" for number in range(100_000)]
        comparison = run(built(numbers), built([*numbers, "x"]), DATE, mode="json")
        assert not comparison.equal
        assert "together take more than" in comparison.warnings[0]


class TestReader:
    """What a choice says, as every kind of judging reads it."""

    @pytest.mark.parametrize(
        ("mode", "recorded", "content"),
        [
            ("exact", {"content": '{"a": 1}'}, '{"a": 1}'),
            ("text", {"json": [1]}, "[\n  1\n]"),
            ("json", {"content": "1"}, Json(1)),
            ("auto", {"content": "1"}, "1"),
            ("auto", {"content": ' {"a": "2026-11-02"}'}, Json({"a": "DATE"})),
            ("auto", {"content": "{2026-11-02"}, "{DATE"),
            ("shape", {"json": None}, Json(None)),
            ("json", {"content": ""}, None),
            ("text", {"refusal": "No."}, None),
        ],
    )
    def test_content_is_read_as_the_mode_says(
        self, mode: str, recorded: dict[str, Any], content: Any
    ) -> None:
        reader = Reader(MODES[mode], CompareRules(replace=(DATE,)))
        assert reader.content(choice(**recorded)) == content

    def test_what_is_ignored_and_replaced_is_gone_from_it(self) -> None:
        rules = CompareRules(ignore=("$.id",), replace=(DATE,))
        reader = Reader(MODES["json"], rules)
        assert reader.content(choice(json={"id": 1, "on": "2026-11-02"})) == Json({"on": "DATE"})
        assert list(reader.warnings()) == []
