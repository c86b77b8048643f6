"""What a run adds up to, in bounded memory."""

from __future__ import annotations

from collections import Counter

import pytest

from promptrun.models import Verdict
from promptrun.reports.history import find_pass_rate
from promptrun.reports.html.facts import write_cost
from promptrun.reports.html.tally import MAX_NAMES, Names, Spread, rank_specs


def test_a_share_is_found_within_a_bucket() -> None:
    spread = Spread()
    for amount in range(1, 1_001):
        spread.add(amount / 100)

    assert spread.find_share(0.5) == pytest.approx(5.0, rel=0.06)
    assert spread.find_share(0.95) == pytest.approx(9.5, rel=0.06)


def test_wider_buckets_hold_what_the_narrow_ones_hold() -> None:
    spread = Spread()
    for amount in (0.2, 0.21, 0.9, 30.0):
        spread.add(amount)
    buckets = list(spread.group(4))

    assert sum(count for _, _, count in buckets) == 4
    assert buckets[0][0] <= 0.2 < buckets[0][1]
    assert buckets[-1][0] <= 30.0 < buckets[-1][1]
    assert all(low < high for low, high, _ in buckets)


@pytest.mark.parametrize("amount", [0.0, -1.0, float("nan"), float("inf"), 1e300])
def test_what_is_no_amount_has_no_place(amount: float) -> None:
    spread = Spread()
    spread.add(amount)

    assert not spread.total


def test_no_more_names_are_told_apart_than_fit() -> None:
    names = Names()
    for number in range(MAX_NAMES + 50):
        names.add(f"specs/{number}.yaml", Verdict.PASSED)
    names.add("specs/0.yaml", Verdict.FAILED)

    assert len(names.counts) == MAX_NAMES
    assert names.others == {Verdict.PASSED: 50}
    assert names.counts["specs/0.yaml"] == {Verdict.PASSED: 1, Verdict.FAILED: 1}


def test_the_specs_with_most_to_look_at_lead() -> None:
    counts = {
        "b": Counter({Verdict.PASSED: 9}),
        "a": Counter({Verdict.PASSED: 9}),
        "d": Counter({Verdict.CHANGED: 1}),
        "c": Counter({Verdict.FAILED: 2}),
    }

    assert [name for name, _ in rank_specs(counts, 3)] == ["c", "d", "a"]


def test_what_was_skipped_lowers_no_pass_rate() -> None:
    verdicts = {Verdict.PASSED: 2, Verdict.NEW: 1, Verdict.FAILED: 1, Verdict.SKIPPED: 9}

    assert find_pass_rate(verdicts) == 0.75
    assert find_pass_rate({Verdict.SKIPPED: 9}) is None


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (0.0, "$0.00"),
        (12.345, "$12.35"),
        (0.0132, "$0.013"),
        (0.0000132, "$0.000013"),
        (1e-300, "$0.0000"),
    ],
)
def test_little_money_keeps_two_digits(dollars: float, text: str) -> None:
    assert write_cost(dollars) == text
