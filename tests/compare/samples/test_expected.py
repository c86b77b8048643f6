from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy import integrate, stats

from promptrun.compare.samples import enough_samples, false_alarm_rate, unluckiest_rate
from promptrun.compare.samples.expected import recurrence
from promptrun.compare.samples.fisher import fisher_fewer

SIZES = [(10, 10), (20, 10), (10, 50), (128, 128), (128, 4)]


@pytest.mark.parametrize(("before", "now"), SIZES)
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_the_rate_is_that_of_two_normal_looks_at_one_set(
    before: int, now: int, alpha: float
) -> None:
    rho = now / (before + now)

    def both_past(limit: float, correlation: float) -> float:
        covariance = [[1, correlation], [correlation, 1]]
        return float(stats.multivariate_normal([0, 0], covariance).cdf([-limit, -limit]))

    limit = stats.norm.ppf(1 - alpha / 2)
    expected = 2 * both_past(limit, rho) + 2 * both_past(limit, -rho)
    assert false_alarm_rate(before, now, alpha) == pytest.approx(expected, rel=1e-4)
    expected = both_past(stats.norm.ppf(1 - alpha), rho)
    found = false_alarm_rate(before, now, alpha, one_sided=True)
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("before", "now"), SIZES)
def test_the_unluckiest_sets_are_those_at_the_ends(before: int, now: int) -> None:
    def weigh(b: float) -> float:
        return float(stats.norm.pdf(b)) * recurrence(b, before, now, 0.05)

    end = float(stats.norm.ppf(0.995))
    expected = 100 * (integrate.quad(weigh, end, 9)[0] + integrate.quad(weigh, -9, -end)[0])
    assert unluckiest_rate(before, now, 0.05) == pytest.approx(expected, rel=1e-6)
    assert unluckiest_rate(before, now, 0.05) > false_alarm_rate(before, now, 0.05)


def test_ten_against_ten_have_less_than_one_percent() -> None:
    assert 0.009 < false_alarm_rate(10, 10, 0.05) < 0.0095


def test_a_larger_accepted_set_is_worth_its_price() -> None:
    rates = [false_alarm_rate(before, 10, 0.05) for before in (5, 10, 20, 100)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.05**2, rel=0.5)


@pytest.mark.parametrize("size", [5, 10, 20, 40])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_no_share_makes_fishers_test_alarm_oftener_than_stated(size: int, alpha: float) -> None:
    kept = range(size + 1)
    alarms = np.array([[fisher_fewer(k, size, b, size) <= alpha for k in kept] for b in kept])
    stated = false_alarm_rate(size, size, alpha, one_sided=True)
    for share in np.linspace(0.01, 0.99, 99):
        odds = stats.binom.pmf(kept, size, share)
        assert odds @ (alarms @ odds) ** 2 <= stated


@pytest.mark.parametrize("tests", [1, 2, 10])
@pytest.mark.parametrize("alpha", [0.05, 0.01, 1e-9])
def test_enough_is_the_smallest_number_that_can_alarm(alpha: float, tests: int) -> None:
    def least(size: int) -> float:
        return tests * 2 / comb(2 * size, size)

    enough = enough_samples(alpha, tests=tests)
    assert least(enough) <= alpha < least(enough - 1)


@pytest.mark.parametrize("alpha", [0.0, -1.0, 1.0, float("nan")])
def test_an_alpha_that_is_no_rate_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="no rate between 0 and 1"):
        enough_samples(alpha)


@pytest.mark.parametrize("sizes", [(0, 10), (10, 0)])
def test_an_empty_set_never_alarms(sizes: tuple[int, int]) -> None:
    assert false_alarm_rate(*sizes, 0.05) == 0.0
