"""A rate that the user set, as an even flow: so many units a minute, and a small store of them."""

from __future__ import annotations

_STORE = 2.0
"""Seconds' worth of units that may be used at once: it bridges pauses of the event loop."""
_LONGEST_DEBT = 120.0
"""Seconds that one answer can add, whatever use of units it claims."""


class Bucket:
    """Units of one kind. Over any 60 s no more than a minute's worth and one store are taken.

    Times are seconds of the caller's clock. What costs more than the store holds may go when the
    store is full, and what comes next waits until it is paid for.
    """

    def __init__(self, per_minute: int) -> None:
        self._unit = 60.0 / per_minute
        self._store = max(_STORE, self._unit)
        self._full_at = float("-inf")
        self._fills = 0

    def ready_at(self, cost: int) -> float:
        """When so many units may be taken."""
        return self._full_at + min(cost * self._unit, self._store) - self._store

    def take(self, cost: int, now: float) -> int:
        """Take units at the time `ready_at` or later; the mark is for `settle`."""
        self._fill(now)
        self._full_at += cost * self._unit
        return self._fills

    def settle(self, taken: int, used: int, mark: int, now: float) -> None:
        """Put right what `take` took, once the use is known."""
        if used > taken:
            self._fill(now)
            self._full_at += min((used - taken) * self._unit, _LONGEST_DEBT)
        elif mark == self._fills:
            # Had the store been full since, it would be without these units, too: they have run
            # over, and to give them back would give them twice.
            self._full_at -= (taken - used) * self._unit

    def _fill(self, now: float) -> None:
        """Note where the store is full: it holds no more than that."""
        if self._full_at <= now:
            self._full_at = now
            self._fills += 1
