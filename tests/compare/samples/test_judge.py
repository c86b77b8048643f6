from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from promptrun.compare.samples import (
    MAX_SAMPLES,
    Kept,
    Sample,
    compare_sets,
    distance,
    enough_samples,
    false_alarm_rate,
    require_numpy,
    with_second,
)
from promptrun.errors import UsageError
from promptrun.matching import patterns
from promptrun.models import CompareRules, Replacement, SetComparison
from tests.compare.snapshots import choice

NONE = CompareRules(mode="none")
SHORT = ["네.", "네, 그렇습니다.", "네."]
LONG = ["아니요. 할머니는 집에 없습니다.", "아니요. 할머니는 시장에 갔습니다."]


def said(*texts: str) -> list[Sample]:
    return [Sample(choices=[choice(content=text)]) for text in texts]


def kept(now: int, before: int | None, total: int = 10) -> Kept:
    rule, old = "contains `할머니`", None if before is None else total
    return Kept(rule=rule, now=now, total=total, before=before, total_before=old)


def judge(
    before: list[Sample],
    now: list[Sample],
    *expectations: Kept,
    rules: CompareRules | None = None,
    alpha: float = 0.05,
) -> SetComparison:
    return compare_sets(before, now, rules or CompareRules(), expectations, alpha=alpha)


def test_another_kind_of_replies_is_an_alarm() -> None:
    found = judge(said(*SHORT * 3), said(*LONG * 5))
    assert found.replies is not None
    assert found.replies.alarm
    assert found.alarm
    assert found.replies.effect > 0.7
    assert (found.before, found.now) == (9, 10)


def test_the_same_replies_are_none() -> None:
    found = judge(said(*LONG * 5), said(*LONG * 5))
    assert found.replies is not None
    assert found.replies.p == 1
    assert not found.alarm


def test_the_order_of_the_replies_does_not_matter() -> None:
    old, new = [*SHORT * 2, *LONG], [*SHORT, *LONG * 2]
    assert judge(said(*old), said(*new)) == judge(said(*old[::-1]), said(*sorted(new)))


def test_a_count_is_as_many_replies() -> None:
    counted = [Sample(choices=[choice(content=SHORT[0])], count=3), *said(LONG[0])]
    listed = said(SHORT[0], LONG[0], SHORT[0], SHORT[0])
    assert judge(counted, said(*LONG)) == judge(listed, said(*LONG))


def test_a_hundred_equal_replies_are_one() -> None:
    many = [Sample(choices=[choice(content=SHORT[0])], count=100)]
    found = judge(many, many)
    assert found.replies is not None
    assert found.replies.exact
    assert found.before == 100


class TestExpectations:
    def test_fewer_that_keep_one_are_an_alarm(self) -> None:
        found = judge(said("a"), said("a"), kept(2, 10), rules=NONE)
        (rate,) = found.rates
        assert found.replies is None
        assert rate.alarm
        assert rate.p == rate.corrected
        assert rate.before is not None
        assert (rate.before.kept, rate.now.kept, rate.now.total) == (10, 2, 10)
        low, high = rate.now.interval
        assert low < 0.2 < high

    def test_more_that_keep_one_are_none(self) -> None:
        assert not judge(said("a"), said("a"), kept(10, 2), rules=NONE).alarm

    def test_one_that_the_accepted_set_does_not_tell_of_is_not_tested(self) -> None:
        found = judge(said("a"), said("a"), kept(0, None), rules=NONE)
        (rate,) = found.rates
        assert (rate.before, rate.p, rate.corrected, rate.least_p) == (None, None, None, None)
        assert not rate.alarm
        assert found.least_p == 1.0
        assert found.enough is None

    def test_one_that_hardly_any_reply_kept_can_never_alarm_and_says_so(self) -> None:
        found = judge(said(*["a"] * 10), said(*["a"] * 10), kept(0, 2), rules=NONE)
        assert found.rates[0].least_p == found.rates[0].p
        assert found.least_p > found.alpha
        # More replies of so low a share are what it takes, not more than there are now.
        assert found.enough is None


class TestCorrection:
    def test_every_test_that_could_alarm_counts_and_no_other(self) -> None:
        found = judge(said(*SHORT * 3), said(*SHORT * 3), kept(5, 10), kept(9, 9), kept(0, None))
        assert [rate.p for rate in found.rates][2] is None
        first = found.rates[0]
        assert first.p == pytest.approx(0.01625, abs=1e-4)
        assert first.corrected == pytest.approx(2 * 0.01625, abs=3e-4)
        assert first.alarm
        assert found.replies is not None
        assert found.replies.corrected == 1.0

    def test_what_would_alarm_alone_may_not_among_others(self) -> None:
        alone = judge(said("a"), said("a"), kept(6, 10), rules=NONE)
        many = judge(said("a"), said("a"), kept(6, 10), kept(6, 9), rules=NONE)
        assert alone.alarm
        assert not many.rates[0].alarm

    def test_rules_that_are_always_kept_take_nothing_from_the_others(self) -> None:
        many = judge(said("a"), said("a"), kept(6, 10), *[kept(10, 10)] * 5, rules=NONE)
        assert many.rates[0].alarm
        assert [rate.corrected for rate in many.rates[1:]] == [1.0] * 5
        # Still each of them would alarm if fewer kept it.
        assert many.least_p <= many.alpha

    def test_alpha_is_what_the_spec_says(self) -> None:
        sets = said(*SHORT * 3), said(*LONG * 2)
        assert judge(*sets, alpha=0.05).alarm
        assert not judge(*sets, alpha=0.0001).alarm


class TestTooFew:
    def test_sets_that_can_never_alarm_say_so_and_how_many_would_do(self) -> None:
        found = judge(said("a", "b"), said("c", "d"))
        assert found.least_p == pytest.approx(2 / 6)
        assert found.least_p > found.alpha
        assert found.enough == enough_samples(0.05) == 4
        assert not found.alarm

    def test_with_as_many_as_it_says_the_clearest_change_is_an_alarm(self) -> None:
        enough = enough_samples(0.05, tests=2)
        short = judge(said(*["a"] * 3), said(*["b"] * 3), kept(0, 3, 3))
        assert short.enough == enough
        done = judge(said(*["a"] * enough), said(*["b"] * enough), kept(enough, enough, enough))
        assert done.enough is None
        assert done.replies is not None
        assert done.replies.alarm

    def test_an_empty_accepted_set_is_no_pass(self) -> None:
        found = judge([], said(*LONG))
        assert found.least_p == 1.0
        assert found.enough == 4


def test_the_rate_of_false_alarms_is_stated_for_the_kind_of_test() -> None:
    sets = said(*SHORT * 4), said(*SHORT * 4)
    assert judge(*sets).false_alarms == false_alarm_rate(12, 12, 0.05)
    one_sided = false_alarm_rate(12, 12, 0.05, one_sided=True)
    assert judge(*sets, kept(5, 5)).false_alarms == one_sided
    assert judge(*sets, kept(9, 9)).false_alarms == false_alarm_rate(12, 12, 0.05)
    assert judge(*sets, kept(9, None)).false_alarms == false_alarm_rate(12, 12, 0.05)


def test_an_alarm_counts_when_fresh_replies_confirm_it() -> None:
    first = judge(said(*SHORT * 3), said(*LONG * 4))
    calm = judge(said(*SHORT * 3), said(*SHORT * 3))
    assert not first.confirmed
    assert with_second(first, first).confirmed
    assert not with_second(first, calm).confirmed
    assert not with_second(calm, first).confirmed


class TestTypicalReplies:
    def test_the_most_frequent_come_first_and_then_what_is_nearest_to_the_rest(self) -> None:
        texts = ["a b c d", "a b c e", "a b c f", "x y z w", "often", "often"]
        found = judge(said(*texts), said(*LONG))
        assert found.replies is not None
        assert found.replies.before == ("often", "a b c d", "a b c e")
        assert found.replies.now == tuple(sorted(LONG))

    def test_equal_replies_are_shown_as_most_of_them_are_spelled(self) -> None:
        found = judge(said("a  b", "a b", "a b\n", "a b"), said("c"))
        assert found.replies is not None
        assert found.replies.before == ("a b",)

    @pytest.mark.parametrize(
        ("one", "text"),
        [
            pytest.param(choice(json={"이름": "김"}), '{"이름":"김"}', id="JSON"),
            pytest.param(choice(refusal="안 됩니다."), "안 됩니다.", id="a refusal"),
            pytest.param(choice(content=None), "", id="nothing"),
            pytest.param(
                choice(content="보자", tool_calls=[{"function": {"name": "날씨"}}]),
                '보자\n{\n  "tool_calls": [\n    {\n      "function": {\n        "name": "날씨"'
                "\n      }\n    }\n  ]\n}",
                id="a call behind a text",
            ),
        ],
    )
    def test_a_reply_is_shown_as_people_read_it(self, one: dict[str, Any], text: str) -> None:
        found = judge([Sample(choices=[one])], said("b"))
        assert found.replies is not None
        assert found.replies.before == (text,)

    def test_choices_are_set_apart(self) -> None:
        found = judge([Sample(choices=[choice(content="a"), choice(content="b")])], said("c"))
        assert found.replies is not None
        assert found.replies.before == ("a\n\nb",)


class TestRules:
    def test_what_is_replaced_is_equal(self) -> None:
        rules = CompareRules(replace=(Replacement(pattern=r"\d+", text="N"),))
        old, new = said(*(f"{n}시" for n in range(5))), said(*(f"{n}시" for n in range(50, 55)))
        found = judge(old, new, rules=rules)
        assert found.replies is not None
        assert found.replies.p == 1
        assert judge(old, new).alarm
        assert found.warnings == ()

    def test_what_matches_nothing_is_a_warning(self) -> None:
        rules = CompareRules(ignore=("$.nowhere",))
        found = judge(said('{"a": 1}'), said('{"a": 1}'), rules=rules)
        assert found.warnings == ("`$.nowhere` under `compare.ignore` selects nothing",)

    def test_a_replacement_that_ran_out_of_time_is_made_on_neither_side(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(patterns, "SECONDS", 0.05)
        # Its counts are within the bounds; on this text it takes minutes.
        rules = CompareRules(replace=(Replacement(pattern=r"(a|a|aa)+$", text="x"),))
        sets = said("a", "b"), said("a" * 60 + "!", "b")
        found = judge(*sets, rules=rules)
        assert any("nothing was replaced" in warning for warning in found.warnings)
        assert found.replies == judge(*sets).replies

    def test_coarser_measures_are_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(distance, "MAX_FEATURES", 50)
        texts = [f"{number} " * 35 for number in range(12)]
        found = judge(said(*texts[:6]), said(*texts[6:]))
        assert found.replies is not None
        assert found.replies.bounded

    def test_a_measure_that_sees_nothing_is_no_pass(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(distance, "MAX_FEATURES", 5)
        found = judge(said(*"abcdef"), said(*"ghijkl"))
        assert found.replies is not None
        assert (found.replies.p, found.replies.bounded) == (1.0, True)
        assert found.least_p == found.replies.least_p == 1.0
        assert found.enough is None
        repeated = judge(said(*"abcdef"), said(*"gggggg"))
        assert repeated.least_p < repeated.alpha
        assert repeated.alarm


def test_more_replies_than_can_be_judged_are_refused() -> None:
    many = [Sample(choices=[choice(content="a")], count=MAX_SAMPLES + 1)]
    with pytest.raises(ValueError, match="a set may have 1,000 replies, and this has 1,001"):
        judge(many, said("a"))


def test_without_numpy_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require_numpy()
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(UsageError) as caught:
        require_numpy()
    assert caught.value.message == "`samples` needs numpy, which is not installed"
    assert caught.value.hint == "pip install 'promptrun[samples]'"
    assert not judge(said("a"), said("b"), kept(9, 9), rules=NONE).alarm


def test_numpy_is_imported_by_the_test_on_replies_alone() -> None:
    program = "import sys, promptrun.compare.samples; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == "False\n"


def test_a_p_that_no_float_can_hold_is_an_alarm() -> None:
    old, new = said(*["a"] * MAX_SAMPLES), said(*["b"] * MAX_SAMPLES)
    rule = Kept(rule="contains `a`", now=0, total=1000, before=1000, total_before=1000)
    found = compare_sets(old, new, CompareRules(), [rule], alpha=0.05)
    assert found.rates[0].p == 0.0
    assert found.rates[0].alarm
    assert found.replies is not None
    assert found.replies.alarm
