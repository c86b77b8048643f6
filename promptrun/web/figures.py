"""Numbers of a run as a page tells them; what is not known is a dash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from promptrun.models import WORST_FIRST, Verdict
from promptrun.reports import history
from promptrun.reports.money import write_dollars

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN: Final = "–"


def write_verdicts(verdicts: Mapping[Verdict, int]) -> list[tuple[str, str]]:
    """How many cases have each verdict, the worst first."""
    return [(f"{verdicts[one]:,}", str(one)) for one in WORST_FIRST if verdicts.get(one)]


def write_moment(text: str | None) -> str:
    """Local time to the minute."""
    return UNKNOWN if text is None else history.write_moment(text)


def write_seconds(seconds: float | None) -> str:
    """``0.8 s``, ``12 min 5 s``, ``3 h 20 min``."""
    return UNKNOWN if seconds is None else history.write_seconds(seconds)


def write_count(count: int | None) -> str:
    """A number with commas."""
    return UNKNOWN if count is None else f"{count:,}"


def write_money(cost: float | None) -> str:
    """US dollars."""
    return UNKNOWN if cost is None else write_dollars(cost)
