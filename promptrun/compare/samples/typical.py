"""The replies that stand for a set when people look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN: Final = 3


def find_typical(distances: Any, counts: Sequence[int]) -> list[int]:
    """The positions of up to three distinct replies of a set, the most typical first.

    What stands more often is more typical; of those that stand as often, what is nearest to the
    rest of the set.
    """
    far = distances @ counts
    there = [position for position, count in enumerate(counts) if count]
    # Rounding must not decide between replies that are as near.
    there.sort(key=lambda position: (-counts[position], round(float(far[position]), 9)))
    return there[:SHOWN]
