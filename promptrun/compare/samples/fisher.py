"""Fisher's exact test, one-sided: whether a smaller share of the replies keeps an expectation."""

from __future__ import annotations

from math import comb


def fisher_fewer(now: int, total: int, before: int, total_before: int) -> float:
    """How likely `now` of `total` replies or fewer would keep it, if nothing had changed.

    That is the probability under the hypergeometric distribution: `now + before` replies are known
    to keep it, and chance alone decides in which set each of them stands. Exact up to the last
    rounding; 1 where a set is empty.
    """
    kept = now + before
    fewest = max(0, kept - total_before)
    ways = sum(comb(total, k) * comb(total_before, kept - k) for k in range(fewest, now + 1))
    return ways / comb(total + total_before, kept)


def least_fisher(total: int, before: int, total_before: int) -> float:
    """The smallest `fisher_fewer` that any replies now could give: none of them keeps it."""
    return fisher_fewer(0, total, before, total_before)
