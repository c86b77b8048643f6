"""Two sets of replies as two samples: a permutation test on their energy distance.

The energy distance 2·E|X-Y| - E|X-X'| - E|Y-Y'| needs nothing but distances between replies. How
large it is by chance is told by the replies themselves: all of them are dealt out anew into two
sets of the same sizes, and p is the share of deals that lie at least as far apart.

Equal replies are one point with a count. So a split is a vector of counts, and what repeats much
has few different splits, each standing for many.
"""

from __future__ import annotations

from itertools import accumulate
from math import comb
from typing import TYPE_CHECKING, Final, NamedTuple

from promptrun.compare.samples.expected import least_split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_VECTORS: Final = 1_000_000
"""Different splits that are all counted: eleven replies against eleven have 705,432."""
MAX_CELLS: Final = 20_000_000
"""Counts inside all those vectors together."""
DRAWN: Final = 9_999
"""Splits that are drawn where there are more."""
_SEED: Final = 20_240_229
_CHUNK: Final = 1_000_000
"""Replies that are dealt out at once: 8 MB each array of them."""
_ROUNDING: Final = 1e-9
"""Energies that differ by less are equal. Replies repeat, so ties decide about p."""


class EnergyTest(NamedTuple):
    """What came of one test."""

    p: float
    least_p: float
    """The smallest p that sets of these sizes could give, counted in the same way."""
    effect: float
    """The energy distance over twice the mean distance between the sets; 0 where all are equal."""
    exact: bool
    splits: int


def compare_by_energy(distances: Floats, before: Sequence[int], now: Sequence[int]) -> EnergyTest:
    """Test whether two sets come from one source.

    `distances` holds those between the distinct replies (symmetric, 0 on the diagonal), `before`
    and `now` how often each of them stands in each set. The same sets give the same result, as
    long as the distinct replies keep their order.
    """
    import numpy as np

    # What stands often comes first: that keeps the lists of vectors short while they are made.
    order = np.argsort(-np.add(before, now), kind="stable")
    pool = _Pool(distances[np.ix_(order, order)], np.add(before, now)[order].tolist(), sum(now))
    seen, mean = pool.weigh(*pool.sum_up(np.array([now], np.float64)[:, order]))
    reached = float(seen[0]) - _ROUNDING
    least = least_split(sum(before), sum(now))
    if _is_countable(pool.counts, pool.size):
        exact, splits = True, comb(sum(pool.counts), pool.size)
        hits = sum(
            float(ways[pool.weigh(inside, to_all)[0] >= reached].sum())
            for inside, to_all, ways in _count_splits(pool)
        )
        p = min(hits / splits, 1.0)
    else:
        exact, splits = False, DRAWN
        drawn = sum(
            int((pool.weigh(*pool.sum_up(rows))[0] >= reached).sum()) for rows in _draw_splits(pool)
        )
        p, least = (drawn + 1) / (DRAWN + 1), max(least, 1 / (DRAWN + 1))
    effect = max(float(seen[0] / (2 * mean[0])), 0.0) if mean[0] > 0 else 0.0
    return EnergyTest(p=p, least_p=least, effect=effect, exact=exact, splits=splits)


class _Pool:
    """All replies of both sets, from which `size` are dealt out.

    A split's energy needs two sums of distances alone: over the pairs inside what was dealt out,
    and from that to the whole pool.
    """

    def __init__(self, distances: Floats, counts: list[int], size: int) -> None:
        self.distances = distances
        self.counts = counts
        self.size = size
        self.to_all: Floats = distances @ counts
        self._all = float(self.to_all @ counts)

    def sum_up(self, rows: Floats) -> tuple[Floats, Floats]:
        """Both sums for each row of counts."""
        import numpy as np

        return np.einsum("ij,ij->i", rows @ self.distances, rows), rows @ self.to_all

    def weigh(self, inside: Floats, to_all: Floats) -> tuple[Floats, Floats]:
        """The energy distance, and E|X-Y|, from both sums; 0 where a set is empty."""
        size, rest = self.size, sum(self.counts) - self.size
        if not size or not rest:
            return 0 * inside, 0 * inside
        between = to_all - inside
        others = self._all - to_all - between
        mean = between / (size * rest)
        return 2 * mean - inside / size**2 - others / rest**2, mean


def _is_countable(counts: Sequence[int], size: int) -> bool:
    """Whether the vectors that take `size` out of the pool are few enough."""
    if comb(sum(counts), size) > 1e300:  # the ways are floats
        return False
    most = min(MAX_VECTORS, MAX_CELLS // max(1, len(counts)))
    # How many vectors there are of the replies so far, by how many they take.
    vectors = [1] + [0] * size
    later = sum(counts)
    for count in counts:
        later -= count
        sums = [0, *accumulate(vectors)]
        vectors = [sums[k + 1] - sums[max(0, k - count)] for k in range(size + 1)]
        # Each that can still be filled up to `size` leads to one vector or more.
        if sum(vectors[max(0, size - later) :]) > most:
            return False
    return True


def _count_splits(pool: _Pool) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Both sums of every vector, and the number of splits that it stands for.

    A vector is one of half the replies beside one of the other half. What each half adds is
    computed once, and a product of matrices adds what lies between them.
    """
    import numpy as np

    left, right = slice(0, None, 2), slice(1, None, 2)
    halves = [_Half(pool, left, right), _Half(pool, right, left)]
    across = 2 * pool.distances[left, right]
    for taken in range(pool.size + 1):
        one, other = halves[0].taking(taken), halves[1].taking(pool.size - taken)
        inside = np.add.outer(one.inside, other.inside) + one.rows @ across @ other.rows.T
        yield inside, np.add.outer(one.to_all, other.to_all), np.outer(one.ways, other.ways)


class _Part(NamedTuple):
    """Vectors of half the replies, and what each adds to its split."""

    rows: Floats
    inside: Floats
    to_all: Floats
    ways: Floats


class _Half:
    """Half the replies of a pool."""

    def __init__(self, pool: _Pool, own: slice, others: slice) -> None:
        import numpy as np

        counts = pool.counts[own]
        rows = _list_vectors(counts, max(0, pool.size - sum(pool.counts[others])), pool.size)
        ways = np.ones(len(rows))
        for column, count in enumerate(counts):
            if count > 1:
                ways *= np.array([float(comb(count, k)) for k in range(count + 1)])[rows[:, column]]
        self._taken = rows.sum(axis=1)
        floats = rows.astype(np.float64)
        inside = np.einsum("ij,ij->i", floats @ pool.distances[own, own], floats)
        self._all = _Part(floats, inside, floats @ pool.to_all[own], ways)

    def taking(self, size: int) -> _Part:
        """The vectors that take so many replies."""
        wanted = self._taken == size
        return _Part(*(part[wanted] for part in self._all))


def _list_vectors(counts: Sequence[int], least: int, most: int) -> NDArray[np.int16]:
    """Every way to take from `least` to `most` replies, a row a way, a column a reply."""
    import numpy as np

    rows = np.zeros((1, 0), np.int16)
    sums = np.zeros(1, np.int16)
    later = sum(counts)
    for count in counts:
        later -= count
        taken = np.arange(count + 1, dtype=np.int16)
        after = np.add.outer(sums, taken)
        row, column = np.nonzero((after <= most) & (after >= least - later))
        rows = np.column_stack([rows[row], taken[column]])
        sums = after[row, column]
    return rows


def _draw_splits(pool: _Pool) -> Iterator[Floats]:
    """`DRAWN` random splits as vectors of counts, the same ones every time.

    The bits of PCG64 never change between versions of numpy, while what its distributions make of
    them may.
    """
    import numpy as np

    total, kinds = sum(pool.counts), len(pool.counts)
    owners = np.repeat(np.arange(kinds), pool.counts)
    bits = np.random.PCG64(_SEED)
    step = max(1, _CHUNK // total)
    for start in range(0, DRAWN, step):
        deals = min(step, DRAWN - start)
        ranks = bits.random_raw(deals * total).reshape(deals, total)
        chosen = owners[np.argpartition(ranks, pool.size - 1, axis=1)[:, : pool.size]]
        cells = (chosen + kinds * np.arange(deals)[:, None]).ravel()
        counted = np.bincount(cells, minlength=deals * kinds)
        yield counted.reshape(deals, kinds).astype(np.float64)
