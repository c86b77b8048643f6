"""How often an unchanged case is taken for a changed one, by the sizes of the sets alone.

Both looks are held against one accepted set, so they are not independent: a set that came out
unlike the model alarms again and again. In the model of this module a test's statistic is a normal
mean difference, Z = (b·√n + e·√m) / √(m + n) with the accepted set's own deviation b, which both
looks share, and the deviation e of the fresh replies. So the correlation of two looks is
n / (n + m). Tests on discrete values, as all of ours are, alarm more seldom than it says.
"""

from __future__ import annotations

from functools import lru_cache
from math import comb, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_NORMAL: Final = NormalDist()
_FAR: Final = 9.0
"""Standard deviations past which nothing lies that a float would show."""
_STEPS: Final = 2_000

UNLUCKIEST: Final = 0.01
"""The share of accepted sets that `unluckiest_rate` is about."""


def false_alarm_rate(before: int, now: int, alpha: float, *, one_sided: bool = False) -> float:
    """The share of unchanged cases in which both looks alarm.

    `before` replies were accepted, and each look asks for `now` fresh ones. A one-sided test
    (that of an expectation) has all of its alpha on one side, where both looks meet more often.
    """
    return _mean_recurrence(before, now, alpha, one_sided, 1.0)


def unluckiest_rate(before: int, now: int, alpha: float, *, one_sided: bool = False) -> float:
    """The same share over the unluckiest 1 % of accepted sets: those that are least like the model.

    What freezes a sample freezes its luck: this is why a larger accepted set is worth its price.
    """
    return _mean_recurrence(before, now, alpha, one_sided, UNLUCKIEST)


def enough_samples(alpha: float, *, tests: int = 1) -> int:
    """The smallest N with which each of so many tests can alarm, whatever the others say.

    Both sets have N replies. It is the test on the replies themselves that decides: it has two
    sides, so its smallest p is twice that of an expectation. Raises ValueError for an alpha that is
    no probability.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"`{alpha}` is no rate between 0 and 1")
    count = 1
    while tests * least_split(count, count) > alpha:
        count += 1
    return count


def least_split(before: int, now: int) -> float:
    """The smallest p of a permutation test on two sets: of all splits only the true one stands out.

    Between two sets of one size, its mirror image stands out as much.
    """
    mirrored = 2 if before == now else 1
    return min(1.0, mirrored / comb(before + now, now))


def recurrence(
    deviation: float, before: int, now: int, alpha: float, *, one_sided: bool = False
) -> float:
    """How likely two looks both alarm, for an accepted set that is unlike the model by so much.

    The deviation is in standard deviations of such sets.
    """
    if not before or not now:
        return 0.0
    shared = sqrt(now / (before + now)) * deviation
    own = sqrt(before / (before + now))
    limit = _NORMAL.inv_cdf(1 - alpha / (1 if one_sided else 2))
    alarm = _NORMAL.cdf((shared - limit) / own)
    if not one_sided:
        alarm += _NORMAL.cdf((-shared - limit) / own)
    return alarm * alarm


@lru_cache(maxsize=256)
def _mean_recurrence(
    before: int, now: int, alpha: float, one_sided: bool, unluckiest: float
) -> float:
    """The mean of `recurrence` over the `unluckiest` share of deviations."""

    def weigh(deviation: float) -> float:
        rate = recurrence(deviation, before, now, alpha, one_sided=one_sided)
        return _NORMAL.pdf(deviation) * rate

    # With two sides both tails are unlucky; they are alike, so one of them is integrated.
    tail = unluckiest / (1 if one_sided else 2)
    start = _NORMAL.inv_cdf(1 - tail) if tail < 1 else -_FAR
    return _integrate(weigh, start, _FAR) / tail


def _integrate(weigh: Callable[[float], float], start: float, end: float) -> float:
    """By Simpson's rule."""
    step = (end - start) / _STEPS
    inner = sum((4 if k % 2 else 2) * weigh(start + k * step) for k in range(1, _STEPS))
    return (weigh(start) + inner + weigh(end)) * step / 3
