"""How a run stands, while it goes on: a line at the bottom of a terminal, a line now and then else.

What other text has to stand in its place is printed after `clear`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final

from promptrun.cli.progress import Speed, Standing, write_progress
from promptrun.reports.style import visible_line
from promptrun.reports.width import cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.cli.screen import Screen
    from promptrun.pipeline.confirm import CaseCount
    from promptrun.pipeline.events import Delayed, Progress

REDRAWN: Final = 0.1
"""Seconds between two drawings of the line, at least."""
COUNTED: Final = 0.5
"""Seconds between two slices of counting the cases."""
SLICE: Final = 0.01
"""Seconds of such a slice: the run waits for it."""
FIRST_LINE: Final = 10.0
"""Seconds until a log gets its first line."""
NEXT_LINE: Final = 30.0
WORTH_TELLING: Final = 5.0
"""Seconds: a shorter wait between two tries is no news to a log, and so is one soon after it."""


class RunStatus:
    """Shows how far a run is; a quiet one shows nothing but a download."""

    def __init__(
        self,
        screen: Screen,
        count: CaseCount,
        *,
        quiet: bool,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._screen = screen
        self._count = count
        self._quiet = quiet
        self._clock = clock
        self._pace = Speed()
        self._drawn = False
        self._redraw_at = self._count_at = clock()
        self._line_at = clock() + FIRST_LINE
        self._delay_line_at = clock()
        self._told_setup = self._said = False
        self._last: Progress | None = None
        self._delayed: tuple[float, int, str] | None = None
        """Until when, after how many results, and why a request waits to be sent again."""
        self.done = 0
        """Cases that have their result."""

    def show_setup(self, done: int, total: int) -> None:
        """Progress of the one download that a run may begin with."""
        if self._screen.can_redraw:
            self._draw(f"fetching the embedded model, once: {_megabytes(done, total)}")
        elif not self._told_setup:
            self._screen.talk(f"fetching the embedded model, once: {total / 1e6:.0f} MB")
        self._told_setup = True

    def add_result(self) -> None:
        """One more case has its result."""
        self.done += 1
        if (now := self._clock()) >= self._redraw_at:
            self._show(now)

    def take(self, progress: Progress, *, draw: bool) -> None:
        """What the run says of itself; not to `draw` where a reply is being shown."""
        if self._last is None:
            # What had its result before anything was sent says nothing of the pace.
            self._pace = Speed()
        self._last = progress
        if draw:
            self._show(self._clock())

    def delay(self, delayed: Delayed, *, draw: bool) -> None:
        """A request waits to be sent again."""
        now = self._clock()
        self._delayed = now + delayed.seconds, self.done, delayed.reason
        if self._screen.can_redraw:
            if draw:
                self._show(now)
        elif not self._quiet and delayed.seconds >= WORTH_TELLING and now >= self._delay_line_at:
            self._delay_line_at = now + WORTH_TELLING
            told = f"waiting {delayed.seconds:.0f} s to ask again: {visible_line(delayed.reason)}"
            self._screen.talk(f"{visible_line(delayed.id)}: {told}")

    def clear(self) -> None:
        """Take the line away, so that other text can stand in its place."""
        if self._drawn:
            self._screen.talk("\r\x1b[K", end="")
            self._drawn = False

    def say_at_once(self, begin: str) -> None:
        """Say that the run is stopping, from wherever the main thread is; `begin` goes before it.

        A signal may come in the middle of a write to the same stream, which takes no second one
        then: so this goes past the stream.
        """
        if self._said:
            return
        self._said = True
        under_way = self._last.in_flight if self._last else 0
        told = "what is under way gets"
        if under_way:
            told = f"{under_way:,} {'request' if under_way == 1 else 'requests'} under way "
            told += "gets" if under_way == 1 else "get"
        if self._drawn:
            begin += "\r\x1b[K"
            self._drawn = False
        with suppress(OSError, ValueError):
            line = f"{begin}stopping: {told} a few seconds; Ctrl-C again ends it now\n"
            os.write(self._screen.err.fileno(), line.encode())

    def total(self, seconds: float) -> int | None:
        """How many cases there are, where that is known within so many seconds more."""
        return self._count.go_on(seconds)

    def _show(self, now: float) -> None:
        if self._quiet:
            return
        self._redraw_at = now + REDRAWN
        self._pace.see(self.done, now)
        if self._screen.can_redraw:
            if now >= self._count_at:
                self._count_at = now + COUNTED
                self._count.go_on(SLICE)
            self._draw(write_progress(self._standing(now), self._screen.width - 1))
        elif now >= self._line_at:
            self._line_at = now + NEXT_LINE
            self._count.go_on(SLICE)
            self._screen.talk(write_progress(self._standing(now)))

    def _standing(self, now: float) -> Standing:
        last = self._last
        held = last.held if last else None
        delay = None
        # What waits for the rate limit would be told twice.
        if held is None and self._delayed and self._delayed[1] == self.done:
            delay = self._delayed[0] - now if self._delayed[0] > now else None
        return Standing(
            done=self.done,
            total=self._count.total,
            in_flight=last.in_flight if last else 0,
            retries=last.retries if last else 0,
            cost=last.cost if last else 0.0,
            held=held,
            delay=delay,
            reason=self._delayed[2] if self._delayed else "",
            rate=self._pace.rate,
        )

    def _draw(self, text: str) -> None:
        self._screen.talk(f"\r\x1b[K{cut(text, self._screen.width - 1)}", end="")
        self._drawn = True


def _megabytes(done: int, total: int) -> str:
    return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
