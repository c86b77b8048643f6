"""Holm's correction: many tests of one case, and still one stated rate of false alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def correct(ps: Sequence[float]) -> list[float]:
    """Every p as it counts among all of them, in the order given.

    Rejecting where the result is at most alpha rejects any true hypothesis with a probability of
    at most alpha, however the tests depend on each other.
    """
    corrected = [1.0] * len(ps)
    largest = 0.0
    ranked = sorted(range(len(ps)), key=ps.__getitem__)
    for rank, position in enumerate(ranked):
        largest = max(largest, ps[position] * (len(ps) - rank))
        corrected[position] = min(largest, 1.0)
    return corrected
