"""A rate that the server tells in the headers of its answers: how much is left, and until when."""

from __future__ import annotations

_NEVER = float("-inf")


class Quota:
    """What is left of one kind of units, as the newest answer has it.

    Times are seconds of the caller's clock. `sent` is the count of all units that were ever sent,
    so that what left after the request that is answered is taken off: the answer cannot know of it.
    """

    def __init__(self) -> None:
        self._left = 0
        self._sent = 0
        self.until = _NEVER
        """When what was told ceases to count."""

    def tell(self, left: int, until: float, sent: int, now: float) -> None:
        """Note what an answer says; `sent` is the count up to and with its request.

        Answers come out of order: an older one counts only where no newer one does any more.
        """
        if sent >= self._sent or now >= self.until:
            self._left = left
            self._sent = sent
            self.until = until

    def ready_at(self, cost: int, *, sent: int, crowd: int, last: float) -> float:
        """When the next request may be sent, which costs so much.

        At once while there is enough for half of the `crowd`. Less is spread evenly from the `last`
        sending to the end of the quota, and where there is none that end is waited for.
        """
        fits = (self._left - (sent - self._sent)) // max(1, cost)
        if fits > 0 and 2 * fits >= crowd:
            return _NEVER
        if fits <= 0:
            return self.until
        return last + (self.until - last) / (fits + 1)
