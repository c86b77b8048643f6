"""When a request is sent again, and after how long."""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from promptrun.models import Failure


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """Exponential delays with full jitter, unless the server itself says how long to wait.

    A request that the server's rate limit turned away has not failed: how long it waits is for the
    `Pace` of its server to say, and it may be turned away more often than it may fail.
    """

    attempts: int = 5
    """How often a request may fail; the last failure is its answer."""
    turns: int = 30
    """How often it may be turned away by the rate limit."""
    first_delay: float = 0.5
    longest_delay: float = 60.0
    """Seconds; a server that asks for more than this is not asked again."""
    draw: Callable[[], float] = random
    """A number from 0 to 1, for the jitter."""

    def delay_after(self, failure: Failure, failed: int, limited: int = 0) -> float | None:
        """Seconds until the next try; None where there is to be none.

        `failed` and `limited` count the tries so far, this one included.
        """
        told = failure.retry_after
        if not failure.again or (told is not None and told > self.longest_delay):
            return None
        if failure.kind == "rate_limit":
            return 0.0 if limited < self.turns else None
        if failed >= self.attempts:
            return None
        if not told:
            # The exponent is bounded, so that a huge number of attempts cannot overflow.
            ceiling = self.first_delay * 2.0 ** min(failed - 1, 60)
            return self.draw() * min(self.longest_delay, ceiling)
        # Those who were told the same time must not all come back at once.
        return told * (1 + self.draw() / 10)

    def is_final(self, failure: Failure, *, worked: bool = False) -> bool:
        """Whether every other request of the run would meet the same failure.

        `worked` is whether this server has replied before: a key that may ask something is not
        wrong, so a 403 is then about the one request.
        """
        if worked and failure.status == 403:
            return False
        if failure.kind == "rate_limit":
            return failure.again and (failure.retry_after or 0.0) > self.longest_delay
        return failure.kind in {"auth", "quota", "setup"}
