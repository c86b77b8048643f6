"""When a request is sent again, and after how long."""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from promptrun.models import Failure


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """Exponential delays with full jitter, unless the server itself says how long to wait."""

    attempts: int = 5
    """How often a request is sent at most."""
    first_delay: float = 0.5
    longest_delay: float = 60.0
    """Seconds; a server that asks for more than this is not asked again."""
    draw: Callable[[], float] = random
    """A number from 0 to 1, for the jitter."""

    def delay_after(self, failure: Failure, attempts: int) -> float | None:
        """Seconds until the next try after `attempts` of them; None where there is to be none."""
        if not failure.again or attempts >= self.attempts:
            return None
        if failure.retry_after is None:
            # The exponent is bounded, so that a huge number of attempts cannot overflow.
            ceiling = self.first_delay * 2.0 ** min(attempts - 1, 60)
            return self.draw() * min(self.longest_delay, ceiling)
        if failure.retry_after > self.longest_delay:
            return None
        # Those who were told the same time must not all come back at once.
        return failure.retry_after * (1 + self.draw() / 10)
