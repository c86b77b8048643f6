"""On what terms requests are sent."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

from promptrun.execute.meter import Meter
from promptrun.execute.pace import Pace
from promptrun.execute.policy import RetryPolicy
from promptrun.execute.stop import Stop


def _always() -> bool:
    return True


class Terms(Struct, kw_only=True):
    """What one executor is given; a run shares `stop`, `meter` and `may_send` among all of its own.

    `pace` belongs to one server, and outlives the executors that ask it.
    """

    jobs: int = 16
    """The most requests under way at once."""
    ahead: bool = True
    """Whether a worker finds its next call ready; else it waits until the consumer has looked at
    the answer to its last one, and may have stopped the run."""
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    pace: Pace | None = None
    """None: the server's own answers alone say how fast it may be asked."""
    stop: Stop = field(default_factory=Stop)
    meter: Meter = field(default_factory=Meter)
    may_send: Callable[[], bool | None] = _always
    """Asked before each request, retries included. False lets the call go without an answer, None
    lets it wait and ask again."""
    commit: Callable[[], None] | None = None
    """Makes durable what `keep` was told. It is called once for all answers that come together, and
    before any of their workers sends another request."""
    tick: float | None = None
    """Seconds after which the consumer gets an Idle event where nothing else happens."""
