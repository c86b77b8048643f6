from __future__ import annotations

import time
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from promptrun.compare.samples import energy
from promptrun.compare.samples.energy import DRAWN, compare_by_energy


def on_a_line(values: Any) -> Any:
    return np.abs(np.subtract.outer(values, values)).astype(np.float64)


def spread(counts: list[int]) -> list[int]:
    return [point for point, count in enumerate(counts) for _ in range(count)]


def energy_of(distances: Any, one: list[int], other: list[int]) -> float:
    """The definition, written down as plainly as can be."""
    between = distances[np.ix_(one, other)].mean()
    inside = distances[np.ix_(one, one)].mean(), distances[np.ix_(other, other)].mean()
    return float(2 * between - inside[0] - inside[1])


def count_all(distances: Any, before: list[int], now: list[int]) -> float:
    """The p over all splits, each looked at for itself."""
    pool = spread(before) + spread(now)
    seen = energy_of(distances, spread(before), spread(now))
    everyone = range(len(pool))
    reached = 0
    for chosen in combinations(everyone, sum(now)):
        rest = [pool[k] for k in everyone if k not in chosen]
        reached += energy_of(distances, rest, [pool[k] for k in chosen]) >= seen - 1e-9
    return reached / comb(len(pool), sum(now))


COUNTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.integers(0, 1_000))
def test_counting_by_vectors_is_counting_every_split(
    counts: list[tuple[int, int]], seed: int
) -> None:
    before, now = [one[0] for one in counts], [one[1] for one in counts]
    if not 0 < sum(before) <= 6 or not 0 < sum(now) <= 6:
        return
    random = np.random.default_rng(seed)
    # Few different distances, so that ties are the rule.
    distances = random.integers(0, 4, (len(counts), len(counts))) / 4
    distances = np.triu(distances, 1) + np.triu(distances, 1).T
    found = compare_by_energy(distances, before, now)
    assert found.exact
    assert found.splits == comb(sum(before) + sum(now), sum(now))
    assert found.p == pytest.approx(count_all(distances, before, now), abs=1e-12)
    assert found.p >= found.least_p - 1e-12


def test_the_p_is_that_of_scipy() -> None:
    random = np.random.default_rng(3)
    old, new = random.normal(0, 1, 8), random.normal(0.9, 1, 7)

    expected = stats.permutation_test(
        (old, new),
        stats.energy_distance,
        n_resamples=np.inf,
        alternative="greater",
        vectorized=False,
    )
    both = np.concatenate([old, new])
    found = compare_by_energy(on_a_line(both), [1] * 8 + [0] * 7, [0] * 8 + [1] * 7)
    assert found.p == pytest.approx(expected.pvalue)


def test_the_effect_is_the_energy_over_its_largest_value() -> None:
    random = np.random.default_rng(4)
    old, new = random.normal(0, 1, 9), random.normal(1, 2, 6)
    distances = on_a_line(np.concatenate([old, new]))
    found = compare_by_energy(distances, [1] * 9 + [0] * 6, [0] * 9 + [1] * 6)
    between = distances[:9, 9:].mean()
    assert found.effect == pytest.approx(stats.energy_distance(old, new) ** 2 / (2 * between))


@pytest.mark.parametrize(
    ("before", "now", "p", "effect"),
    [
        pytest.param([5, 0], [0, 5], 2 / comb(10, 5), 1.0, id="nothing in common"),
        pytest.param([5, 0], [0, 4], 1 / comb(9, 4), 1.0, id="no mirror image in other sizes"),
        pytest.param([3, 2], [3, 2], 1.0, 0.0, id="the same replies as often"),
        pytest.param([5, 0], [4, 1], 1.0, 0.2, id="one reply that either side could have had"),
        pytest.param([100, 0], [100, 0], 1.0, 0.0, id="one reply all over"),
        pytest.param([0, 0], [3, 2], 1.0, 0.0, id="an empty set"),
    ],
)
def test_repeats_decide_by_their_counts(
    before: list[int], now: list[int], p: float, effect: float
) -> None:
    found = compare_by_energy(np.array([[0.0, 1.0], [1.0, 0.0]]), before, now)
    assert (found.p, found.effect) == pytest.approx((p, effect))


@pytest.mark.parametrize("distance", [0.0, 1.0])
def test_replies_all_as_far_from_each_other_say_nothing(distance: float) -> None:
    distances = distance * (1 - np.eye(20))
    assert compare_by_energy(distances, [1, 0] * 10, [0, 1] * 10).p == 1.0


class TestWhereThereAreTooManySplits:
    def test_so_many_are_drawn_the_same_each_time(self) -> None:
        distances = on_a_line(np.random.default_rng(5).normal(0, 1, 80))
        sets = [1, 0] * 40, [0, 1] * 40
        found = compare_by_energy(distances, *sets)
        assert not found.exact
        assert found.splits == DRAWN
        assert found == compare_by_energy(distances, *sets)

    def test_none_of_them_may_be_reached_and_p_is_still_not_zero(self) -> None:
        values = np.concatenate([np.arange(40), np.arange(40) + 1_000])
        found = compare_by_energy(on_a_line(values), [1] * 40 + [0] * 40, [0] * 40 + [1] * 40)
        assert found.p == found.least_p == 1 / (DRAWN + 1)

    def test_the_drawn_p_is_near_the_counted_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        random = np.random.default_rng(6)
        distances = on_a_line(random.normal(0, 1, 20) + np.repeat([0, 0.9], 10))
        sets = [1] * 10 + [0] * 10, [0] * 10 + [1] * 10
        counted = compare_by_energy(distances, *sets)
        monkeypatch.setattr(energy, "MAX_VECTORS", 1_000)
        drawn = compare_by_energy(distances, *sets)
        assert counted.exact
        assert not drawn.exact
        assert 0.01 < counted.p < 0.5
        # Four standard deviations of the binomial draw.
        assert drawn.p == pytest.approx(counted.p, abs=4 * (counted.p / DRAWN) ** 0.5)

    def test_many_repeats_are_still_counted(self) -> None:
        found = compare_by_energy(on_a_line([0, 1, 5]), [90, 8, 2], [60, 30, 10])
        assert found.exact
        assert found.splits == comb(200, 100)
        assert 0 < found.p < 1e-4

    @pytest.mark.parametrize(
        ("before", "now"),
        [
            pytest.param([1] * 500 + [0] * 500, [0] * 500 + [1] * 500, id="all distinct"),
            pytest.param([1] * 500 + [0] * 2, [0] * 500 + [1] * 2, id="two against many"),
            pytest.param([100, 90, 10] * 5, [10, 90, 100] * 5, id="repeats"),
        ],
    )
    def test_the_largest_sets_end_within_seconds(self, before: list[int], now: list[int]) -> None:
        distances = on_a_line(np.random.default_rng(7).random(len(before)))
        begun = time.perf_counter()
        assert 0 < compare_by_energy(distances, before, now).p <= 1
        assert time.perf_counter() - begun < 30
