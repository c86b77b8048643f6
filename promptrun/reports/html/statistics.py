"""Two sets of replies against each other: the looks in words, the rules in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import structs

from promptrun.reports.html.look import fill
from promptrun.reports.sets import write_rate, write_set
from promptrun.reports.style import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from promptrun.models import RateTest, SetComparison

MAX_RATES: Final = 100
"""Rules of one set that are shown; the rest is counted."""


def write_statistics(sets: SetComparison) -> Markup:
    """The looks at a set, and how many replies kept each rule, by the look that decides."""
    shown = sets.second if sets.second is not None and sets.second.alarm else sets
    second = structs.replace(sets.second, rates=()) if sets.second else None
    looks = structs.replace(sets, rates=(), second=second)
    return fill(
        "statistics.html",
        lines=list(write_set(looks, Style())),
        rows=[_describe_rate(one) for one in shown.rates[:MAX_RATES]],
        more=len(shown.rates) - MAX_RATES,
    )


def _describe_rate(test: RateTest) -> Sequence[str]:
    """The cells of a rule: its words, now, before, how likely, and what that comes to."""
    return (
        test.rule,
        write_rate(test.now),
        write_rate(test.before) if test.before else "",
        "" if test.p is None else f"{test.p:.2g}",
        "fewer than before" if test.alarm else "",
    )
