from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from promptrun.compare.samples.fisher import fisher_fewer, least_fisher
from promptrun.compare.samples.holm import correct
from promptrun.compare.samples.wilson import wilson_interval

SIZES = [(1, 1), (3, 5), (10, 10), (7, 4), (128, 100)]


@pytest.mark.parametrize(("total", "total_before"), SIZES)
def test_fishers_p_is_that_of_scipy(total: int, total_before: int) -> None:
    for now in range(0, total + 1, max(1, total // 12)):
        for before in range(0, total_before + 1, max(1, total_before // 12)):
            table = [[now, total - now], [before, total_before - before]]
            expected = stats.fisher_exact(table, alternative="less").pvalue
            found = fisher_fewer(now, total, before, total_before)
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("total", "total_before"), [(1, 1), (3, 5), (10, 10)])
def test_no_replies_give_less_than_the_least_p(total: int, total_before: int) -> None:
    for before in range(total_before + 1):
        ps = [fisher_fewer(now, total, before, total_before) for now in range(total + 1)]
        assert least_fisher(total, before, total_before) == min(ps)


@pytest.mark.parametrize("sizes", [(0, 0), (0, 5), (5, 0)])
def test_a_set_without_replies_says_nothing(sizes: tuple[int, int]) -> None:
    assert fisher_fewer(0, sizes[0], sizes[1], sizes[1]) == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("total", [1, 2, 10, 37, 1_000])
def test_the_interval_is_wilsons(total: int) -> None:
    for kept in {0, 1, total // 3, total // 2, total - 1, total}:
        expected = stats.binomtest(kept, total).proportion_ci(0.95, method="wilson")
        low, high = wilson_interval(kept, total)
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert 0 <= low <= kept / total <= high <= 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_the_correction_is_closed_testing_by_bonferroni(ps: list[float]) -> None:
    tests = range(len(ps))
    families = [set(one) for size in tests for one in combinations(tests, size + 1)]
    for test, corrected in enumerate(correct(ps)):
        worst = max(len(one) * min(ps[k] for k in one) for one in families if test in one)
        assert corrected == pytest.approx(min(worst, 1.0))


def test_the_correction_keeps_the_order_of_the_tests() -> None:
    assert correct([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert correct([]) == []
