"""The samples of two recorded runs, as two sets."""

from __future__ import annotations

from typing import Any

import pytest

from promptrun.compare.samples.wilson import make_rate
from promptrun.models import (
    CaseResult,
    CompareRules,
    Rate,
    RateTest,
    SetComparison,
    Verdict,
)
from promptrun.pipeline.compare_replies import compare_samples, gained_rates
from promptrun.reports.replies import replies_of
from tests.runs.examples import reply

RULE = "contains `색`"


def looked(*rates: RateTest, alpha: float = 0.01, **fields: Any) -> SetComparison:
    known: dict[str, Any] = {
        "before": 10,
        "now": 10,
        "rates": rates,
        "least_p": 0.0,
        "false_alarms": 0.0,
    }
    return SetComparison(alpha=alpha, **known | fields)


def kept(kept: int, total: int = 10) -> RateTest:
    return RateTest(rule=RULE, now=make_rate(kept, total))


def result(*texts: str, sets: SetComparison | None = None) -> CaseResult:
    replies = tuple(map(reply, texts))
    return CaseResult(
        spec="specs/색.yaml",
        case="하나",
        verdict=Verdict.PASSED,
        provider="openai",
        reply=replies[0],
        replies=replies if len(replies) > 1 else (),
        sets=sets,
    )


def test_one_reply_is_a_set_of_one() -> None:
    one, ten = result("빨강"), result(*["빨강"] * 10)

    found = compare_samples(one, ten, CompareRules())

    assert (len(replies_of(one)), len(replies_of(ten))) == (1, 10)
    assert found is not None
    assert (found.before, found.now, found.can_alarm) == (1, 10, False)


def test_the_case_says_how_often_chance_may_alarm() -> None:
    before = result(*["빨강"] * 10, sets=looked(alpha=0.2))
    now = result(*["빨강"] * 10, sets=looked(alpha=0.001))

    for one, other, alpha in ((before, now, 0.001), (before, result("빨강"), 0.2)):
        found = compare_samples(one, other, CompareRules())
        assert found is not None
        assert found.alpha == alpha


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_not_believed(alpha: float) -> None:
    one = result(*["빨강"] * 10, sets=looked(alpha=alpha))

    found = compare_samples(one, one, CompareRules())

    assert found is not None
    assert found.alpha == 0.05


def test_what_the_fresh_replies_kept_counts_where_they_confirmed_an_alarm() -> None:
    alarm = RateTest(rule=RULE, now=make_rate(0, 10), p=0.0, corrected=0.0, alarm=True)
    fresh = RateTest(rule=RULE, now=make_rate(1, 10), p=0.0, corrected=0.0, alarm=True)
    before = result(*["빨간색"] * 10, sets=looked(kept(10)))
    now = result(*["빨강"] * 10, sets=looked(alarm, second=looked(fresh)))

    found = compare_samples(before, now, CompareRules(mode="none"))

    assert found is not None
    [rate] = found.rates
    assert (rate.now.kept, rate.before and rate.before.kept, rate.alarm) == (1, 10, True)


def test_a_rule_that_more_replies_keep_is_gained() -> None:
    few, all_of_them = (
        result(*["빨강"] * 10, sets=looked(kept(2))),
        result(*["빨간색"] * 10, sets=looked(kept(10))),
    )

    [gained] = gained_rates(few, all_of_them)

    assert (gained.now.kept, gained.before and gained.before.kept) == (10, 2)
    assert gained_rates(all_of_them, few) == ()
    assert gained_rates(result("빨강"), all_of_them) == ()


@pytest.mark.parametrize(
    ("count", "total"), [(11, 10), (-1, 10), (0, -1), (10**9, 10**9), (0, 10**12)]
)
def test_a_count_that_is_none_is_not_believed(count: int, total: int) -> None:
    odd = RateTest(rule=RULE, now=Rate(kept=count, total=total, interval=(0.0, 1.0)))
    one = result(*["빨강"] * 10, sets=looked(odd))

    found = compare_samples(one, one, CompareRules(mode="none"))

    assert found is not None
    assert found.rates == ()
    assert gained_rates(one, one) == ()


def test_too_many_samples_are_not_compared() -> None:
    one = result(*["빨강"] * 1001)

    assert compare_samples(one, one, CompareRules()) is None
