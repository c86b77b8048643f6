"""Wilson's interval of a share, which holds for few replies and for shares of 0 and 1, too."""

from __future__ import annotations

from math import sqrt
from typing import Final

from promptrun.models import Rate

Z: Final = 1.959963984540054
"""The normal quantile of 97.5 %, for an interval of 95 %."""


def wilson_interval(kept: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share of which `kept` of `total` were seen; all of it for none."""
    if total == 0:
        return 0.0, 1.0
    share = kept / total
    scale = 1 + Z * Z / total
    middle = (share + Z * Z / (2 * total)) / scale
    half = Z * sqrt(share * (1 - share) / total + Z * Z / (4 * total * total)) / scale
    # At both ends the bound is exact, and rounding must not push it past them.
    return (0.0 if kept == 0 else middle - half), (1.0 if kept == total else middle + half)


def make_rate(kept: int, total: int) -> Rate:
    """The share with its interval."""
    return Rate(kept=kept, total=total, interval=wilson_interval(kept, total))
