"""A server with a limit of its own, in virtual time, and workers that ask it by a `Pace`."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from promptrun.execute.pace import Pace, Rates
from promptrun.models import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

_REFUSING = 0.02
"""Seconds that a 429 takes."""


@dataclass(kw_only=True)
class LimitedServer:
    """It takes `store` requests at once and `per_second` in the long run, and refuses the rest."""

    store: int
    per_second: float
    latency: float
    tells_when: bool = False
    """Whether a 429 says when to come again."""
    tells_rest: bool = False
    """Whether each answer says how much is left."""
    refuses_until: float = 0.0
    """Until this time it refuses everything."""
    seed: int = 0
    served: list[float] = field(default_factory=list)
    refused: int = 0
    at_once: int = 0

    def __post_init__(self) -> None:
        self._level = float(self.store)
        self._at = 0.0
        self._random = Random(self.seed)  # noqa: S311 - a plan that can be repeated
        self._now = 0

    async def ask(self) -> tuple[bool, float | None, Limits | None]:
        """Whether it was refused, the time to wait, and what is left."""
        clock = asyncio.get_running_loop().time
        now = clock()
        self._level = min(self.store, self._level + (now - self._at) * self.per_second)
        self._at = now
        self._now += 1
        self.at_once = max(self.at_once, self._now)
        try:
            # A hair's breadth, for the sums of many small times.
            if now < self.refuses_until or self._level < 1 - 1e-6:
                self.refused += 1
                limits, wait = self._rest(), self._wait(now)
                await asyncio.sleep(_REFUSING)
                return True, wait, limits
            self._level -= 1
            self.served.append(now)
            limits = self._rest()
            await asyncio.sleep(self.latency * self._random.uniform(0.5, 1.5))
            return False, None, limits
        finally:
            self._now -= 1

    def _wait(self, now: float) -> float | None:
        if not self.tells_when:
            return None
        return max((1 - self._level) / self.per_second, self.refuses_until - now)

    def _rest(self) -> Limits | None:
        if not self.tells_rest:
            return None
        full = (self.store - self._level) / self.per_second
        return Limits(requests=max(0, int(self._level)), requests_reset=full)


@dataclass(kw_only=True)
class Crowd:
    """Workers that take cases from one heap, and ask for each until it is answered."""

    server: LimitedServer
    pace: Pace
    cases: int
    workers: int
    cancels: float = 0.0
    """The share of attempts that are given up at a random moment, and begun anew."""
    seed: int = 0
    answers: Counter[int] = field(default_factory=Counter)

    async def run(self) -> None:
        """Return when every case is answered."""
        random = Random(self.seed)  # noqa: S311 - a plan that can be repeated
        heap = iter(range(self.cases))
        await asyncio.gather(*(self._work(heap, random) for _ in range(self.workers)))

    async def _work(self, heap: Iterator[int], random: Random) -> None:
        for case in heap:
            while not self.answers[case]:
                attempt = asyncio.create_task(self._attempt())
                if random.random() < self.cancels:
                    # Now and then at the very moment, which is the one that goes wrong.
                    patience = random.choice((0.0, random.expovariate(1.0)))
                    await asyncio.wait((attempt,), timeout=patience)
                    attempt.cancel()
                    await asyncio.wait((attempt,))
                    if attempt.cancelled():
                        continue
                self.answers[case] += await attempt

    async def _attempt(self) -> bool:
        ticket = await self.pace.enter(100)
        try:
            refused, wait, limits = await self.server.ask()
        except asyncio.CancelledError:
            self.pace.abandon(ticket)
            raise
        self.pace.leave(ticket, limited=refused, retry_after=wait, tokens=None, limits=limits)
        return not refused


def pace_of(jobs: int, rates: Rates | None = None, *, seed: int = 0) -> Pace:
    """A pace that lives in virtual time."""
    random = Random(seed).random  # noqa: S311 - a plan that can be repeated
    return Pace(jobs, rates, clock=lambda: asyncio.get_running_loop().time(), draw=random)
