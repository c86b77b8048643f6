"""What a server's refusals teach: how many requests it takes at once, and when to ask again."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 60.0
"""Seconds of the delay after a 429 that names none: it doubles from the first to the longest."""
_PATIENCE = 10.0
"""Seconds after which a request without an answer is taken as let in: a 429 comes sooner."""
_LONGEST_GAP = 1.0
"""Seconds between two requests to a server that has refused some."""


class Throttle:
    """The number that may be in flight, and the pause after a 429.

    A 429 halves the number, and it grows by one with each round of answers that are none. After
    the pause one request goes ahead, and the others follow once it was let in: not as one, but over
    half of the time that an answer takes, since many servers refuse whatever comes at once. A
    generation is the time between two halvings; its number goes with each request. Times are
    seconds of the caller's clock.
    """

    def __init__(self, most: int, draw: Callable[[], float]) -> None:
        self.allowed = most
        self.generation = 0
        self.closed_until = -inf
        """Until when a 429 holds everything."""
        self._most = most
        self._draw = draw
        self._shut = False
        """Whether one has to go ahead: there was a 429, and nothing has been let in since."""
        self._ahead: object = None
        """The request that went ahead."""
        self._last = -inf
        """When the last request was sent."""
        self._latency = 0.0
        """Seconds that an answer takes about."""
        self._refused = 0
        """Generations in a row of which nothing was let in."""
        self._streak = 0
        """Answers in a row that were no 429."""

    def ready_at(self) -> float:
        """When the next request may be sent, if no answer comes before."""
        if self.generation == 0:
            return -inf
        if self._ahead is not None:
            gap = _PATIENCE
        else:
            gap = min(_LONGEST_GAP, self._latency / (2 * self.allowed))
        return max(self.closed_until, self._last + gap)

    def sent(self, request: object, now: float) -> None:
        """A request was sent, at the time `ready_at` or later."""
        self._last = now
        if not self._shut:
            return
        if self._ahead is None:
            self._ahead = request
        else:  # the one ahead has been out for so long that it must have been let in
            self._open()

    def refused(self, generation: int, wait: float | None, now: float) -> None:
        """A request of that generation met a 429, which orders so many seconds to wait or none."""
        # What was sent before the last halving was sent too fast, and tells nothing of this pace.
        is_news = generation == self.generation
        if is_news:
            self.generation += 1
            self.allowed = max(1, self.allowed // 2)
            self._streak = 0
            self._refused += 1
        elif wait is None:
            return
        if wait is None:
            # The exponent is bounded, so that a huge number of refusals cannot overflow.
            ceiling = _FIRST_DELAY * 2.0 ** min(self._refused - 1, 60)
            wait = self._draw() * min(_LONGEST_DELAY, ceiling)
        self.closed_until = max(self.closed_until, now + wait)
        self._shut = True
        self._ahead = None

    def let_in(self, request: object, generation: int, seconds: float) -> None:
        """A request of that generation came back after so many seconds, and not with a 429."""
        # One that hung for minutes must not slow down all that come after it.
        typical = self._latency or seconds
        self._latency = typical + (min(seconds, 2 * typical) - typical) / 8
        if request is self._ahead:
            self._open()
        if generation != self.generation:
            return
        self._refused = 0
        if self.allowed < self._most:
            self._streak += 1
            if self._streak >= self.allowed:
                self.allowed += 1
                self._streak = 0

    def lost(self, request: object) -> None:
        """A request will never come back."""
        if request is self._ahead:
            self.lost_all()

    def lost_all(self) -> None:
        """None of those that were sent will come back; another has to go ahead."""
        self._ahead = None

    def _open(self) -> None:
        self._shut = False
        self._ahead = None
