"""How far a run is, in one line of text; nothing here looks at a clock or a terminal."""

from __future__ import annotations

from math import ceil, exp
from typing import Final

from msgspec import Struct

from promptrun.reports.money import write_dollars
from promptrun.reports.style import visible_line
from promptrun.reports.width import cut, display_width

SHORTEST_MEMORY: Final = 15.0
"""Seconds for which an ended case counts towards the pace; longer in a run that is older."""
GROWN_UP: Final = 60.0
"""Seconds of a run after which its plain mean says nothing any more."""
TOO_EARLY: Final = 2.0
"""Seconds of a run that say nothing of its pace yet."""
LEAST_REASON: Final = 20
"""Columns below which a reason is not begun."""
GAP: Final = "  "


class Standing(Struct, frozen=True, kw_only=True):
    """What there is to tell of a run; what is None or 0 is not told."""

    done: int
    total: int | None = None
    in_flight: int = 0
    retries: int = 0
    cost: float = 0.0
    """US dollars."""
    held: float | None = None
    """Seconds that nothing is sent for, by the rate limit."""
    delay: float | None = None
    """Seconds until a request that failed is sent again, where nothing else goes on."""
    reason: str = ""
    """Why it failed; a server's words."""
    rate: float | None = None
    """Cases a second."""

    @property
    def left(self) -> float | None:
        """Seconds until the last case has its result, at this rate."""
        if self.total is None or not self.rate or self.done >= self.total:
            return None
        return (self.total - self.done) / self.rate


def write_progress(standing: Standing, width: int | None = None) -> str:
    """The standing of a run within `width` columns; None for as many as it takes.

    How many cases are done, and what is waited for, stand first; what finds no room is left out
    from the end. No colour, and no control characters.
    """
    total = f" of {standing.total:,}" if standing.total is not None else ""
    line = f"{standing.done:,}{total}"
    if standing.held is not None:
        time = write_time(standing.held)
        whole = f"{line} done{GAP}waiting for the rate limit ({time})"
        line = whole if _fits(whole, width) else f"{line}{GAP}rate limit ({time})"
    else:
        line += " done"
    if standing.delay is not None:
        line = _add_reason(line, standing.delay, standing.reason, width)
    for part in _parts(standing):
        longer = f"{line}{GAP}{part}"
        if not _fits(longer, width):
            break
        line = longer
    return line if width is None else cut(line, width)


def _parts(standing: Standing) -> list[str]:
    """What stands behind the first, the most useful to whoever waits in front."""
    parts = []
    if standing.left is not None:
        parts.append(f"{write_time(_steadied(standing.left))} left")
    if standing.cost >= 0.00005:
        parts.append(write_dollars(standing.cost))
    if standing.rate:
        parts.append(_write_rate(standing.rate))
    if standing.in_flight:
        parts.append(f"{standing.in_flight:,} in flight")
    if standing.retries:
        parts.append("1 retry" if standing.retries == 1 else f"{standing.retries:,} retries")
    return parts


def _add_reason(line: str, delay: float, reason: str, width: int | None) -> str:
    """The line with why a request is sent again, cut to the room that there is."""
    told = f"{line}{GAP}asking again in {write_time(delay)}"
    if not _fits(told, width):
        return line
    if not reason:
        return told
    reason = visible_line(reason)
    if width is None:
        return f"{told}: {reason}"
    room = width - display_width(told) - 2
    return f"{told}: {cut(reason, room)}" if room >= LEAST_REASON else told


def _fits(text: str, width: int | None) -> bool:
    return width is None or display_width(text) <= width


def write_time(seconds: float) -> str:
    """A time to come, rounded up: ``12 s``, ``3 min``, ``1 h 20 min``."""
    whole = max(1, ceil(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes = ceil(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours < 24 and minutes else f"{hours:,} h"


def _steadied(seconds: float) -> float:
    """An estimate in steps as coarse as it is uncertain."""
    return ceil(seconds / 5) * 5 if seconds > 10 else seconds


def _write_rate(rate: float) -> str:
    if rate >= 10:
        return f"{rate:,.0f}/s"
    if rate >= 1:
        return f"{rate:.1f}/s"
    return f"{rate * 60:.0f}/min" if rate * 60 >= 1 else f"{rate * 3600:.0f}/h"


class Speed:
    """How fast cases end, of late: newer ones count more, by weights that fall exponentially.

    Smoothed twice, since replies that were asked for together come together. The memory grows with
    the run, so that one that is old does not jump about. Of a young run it is more and more of
    that, and less and less of the plain mean.
    """

    def __init__(self) -> None:
        self._began: float | None = None
        self._had = self._done = 0
        self._at = 0.0
        self._once = self._twice = 0.0
        self._weight = 0.0
        """What the past weighs in both, so that the zero they began with counts for nothing."""

    def see(self, done: int, now: float) -> None:
        """Note how many cases are done at a time, in seconds; the first time only begins."""
        if self._began is None:
            self._began = self._at = now
            self._had = self._done = done
            return
        passed = now - self._at
        if passed < 0.1:
            return
        keep = exp(-passed / max(SHORTEST_MEMORY, (now - self._began) / 3))
        self._weight = self._weight * keep + 1 - keep
        self._once = self._once * keep + (done - self._done) / passed * (1 - keep)
        self._twice = self._twice * keep + self._once / self._weight * (1 - keep)
        self._at, self._done = now, done

    @property
    def rate(self) -> float | None:
        """Cases a second; None while nothing can be said of it."""
        passed = 0.0 if self._began is None else self._at - self._began
        if passed < TOO_EARLY:
            return None
        mean, share = (self._done - self._had) / passed, min(1.0, passed / GROWN_UP)
        return mean * (1 - share) + self._twice / self._weight * share
