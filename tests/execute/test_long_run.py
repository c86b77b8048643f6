"""A day of requests, in the time that a loop with virtual time takes for it: what is left behind.

The server is simulated, as a provider of our own protocol: it thinks, refuses what is too much for
it, breaks, hangs, and is away for two minutes every three hours.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from promptrun.execute import (
    Answer,
    Call,
    Idle,
    Meter,
    Pace,
    Piece,
    RetryPolicy,
    Stop,
    Terms,
    execute,
    turning,
)
from promptrun.models import Failure, Limits, Reply, Request, Timings
from tests.execute.virtual_time import VirtualTimeLoop

OnPiece = Callable[[int, str], None]

HOUR = 3600.0
DAY = 24 * HOUR
JOBS = 16
PER_MINUTE = 10
"""What the server takes: less than the jobs would send."""


class Clock:
    """The virtual time of whichever loop is the newest; each goes on where the last one ended."""

    def __init__(self) -> None:
        self._loop: VirtualTimeLoop | None = None

    def __call__(self) -> float:
        return self._loop.time() if self._loop else 0.0

    def new_loop(self) -> VirtualTimeLoop:
        self._loop = VirtualTimeLoop(start=self())
        return self._loop


class Simulated:
    """A provider whose server has good hours and bad ones."""

    def __init__(self, clock: Clock, chance: Random) -> None:
        self._clock = clock
        self._chance = chance
        self._left = float(PER_MINUTE)
        """Requests that it takes at once; they come back evenly."""
        self._counted_at = 0.0
        self.in_flight = 0
        self.most_in_flight = 0
        self.asked: Counter[str] = Counter()
        """How often, by what came of it."""

    async def open(self) -> Failure | None:
        return None

    async def close(self) -> None:
        assert not self.in_flight

    async def list_models(self) -> list[str] | Failure:
        return []

    async def complete(
        self, request: Request, *, on_piece: OnPiece | None = None
    ) -> Reply | Failure:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            outcome = await self._answer(request, on_piece)
        finally:
            self.in_flight -= 1
        self.asked[outcome.kind if isinstance(outcome, Failure) else "reply"] += 1
        return outcome

    async def _answer(self, request: Request, on_piece: OnPiece | None) -> Reply | Failure:
        refused = await self._absence() or self._refusal()
        return refused if refused is not None else await self._think(request, on_piece)

    async def _absence(self) -> Failure | None:
        if self._clock() % (3 * HOUR) >= 120:
            return None
        await asyncio.sleep(10)
        return Failure(kind="status", status=503, message="away", again=True)

    def _refusal(self) -> Failure | None:
        now = self._clock()
        come_back = (now - self._counted_at) * PER_MINUTE / 60
        self._left, self._counted_at = min(PER_MINUTE, self._left + come_back), now
        if self._left >= 1:
            self._left -= 1
            return None
        wait = (1 - self._left) * 60 / PER_MINUTE
        told = wait if self._chance.random() < 0.5 else None
        return Failure(
            kind="rate_limit", status=429, message="too fast", again=True, retry_after=told
        )

    async def _think(self, request: Request, on_piece: OnPiece | None) -> Reply | Failure:
        draw = self._chance.random()
        if draw < 0.005:
            await asyncio.sleep(600)
            return Failure(kind="timeout", message="no whole reply", again=True)
        seconds = self._chance.expovariate(1 / 70)
        text = request.body["messages"][0]["content"]
        await asyncio.sleep(seconds / 2)
        if on_piece is not None:
            on_piece(0, text[:2])
        if draw < 0.03:
            return Failure(kind="connection", message="broke", again=True)
        await asyncio.sleep(seconds / 2)
        if on_piece is not None:
            on_piece(0, text[2:])
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return Reply(
            raw={"choices": [choice], "usage": {"total_tokens": 20}},
            timings=Timings(total=seconds),
            limits=Limits(
                requests=int(self._left),
                requests_reset=(PER_MINUTE - self._left) * 60 / PER_MINUTE,
            ),
        )


class Watch:
    """What a run holds, hour by hour."""

    def __init__(self) -> None:
        self.blocks: list[int] = []
        """Pieces of memory that Python has given out."""
        self.tasks: list[int] = []
        self.files: list[int] = []
        self._next = 0.0

    def look(self, now: float) -> None:
        if now < self._next:
            return
        self._next = now + HOUR
        gc.collect()
        self.blocks.append(sys.getallocatedblocks())
        self.tasks.append(count_tasks())
        self.files.append(open_files())


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


def count_tasks() -> int:
    """All tasks that anybody holds and `gc.freeze` did not see, those of closed loops too."""
    # By its type: some packages have proxies that load another when they are asked what they are.
    return sum(issubclass(type(one), asyncio.Task) for one in gc.get_objects())


class Day:
    """Calls for as long as the day lasts, one executor after the other, and what came of them."""

    def __init__(self, parts: int) -> None:
        self.clock = Clock()
        self.server = Simulated(self.clock, Random(24))  # noqa: S311 - the same day each time
        self.watch = Watch()
        self.sent = 0
        self.answered: Counter[str] = Counter()
        self._open: dict[int, str] = {}
        self._parts = parts
        chance = Random(7)  # noqa: S311 - the same again
        self._terms = Terms(
            jobs=JOBS,
            policy=RetryPolicy(draw=chance.random),
            pace=Pace(JOBS, clock=self.clock, draw=chance.random),
            stop=Stop(),
            meter=Meter(),
            tick=60.0,
        )

    def live(self) -> None:
        for part in range(1, self._parts + 1):
            for event in execute(self._calls(part * DAY / self._parts), self.server, self._terms):
                self.watch.look(self.clock())
                if isinstance(event, Answer):
                    self._take(event)
                assert isinstance(event, Idle | Piece) or event.key <= self.sent
            assert not self._open

    def _calls(self, until: float) -> Iterator[Call | None]:
        while self.clock() < until:
            text = f"{self.sent}번 이야기"
            body = {"model": "m", "messages": [{"role": "user", "content": text}]}
            self._open[self.sent] = text
            yield Call(key=self.sent, request=Request(body=body), pieces=self.sent % 3 == 0)
            self.sent += 1
            if self.sent % 50 == 0:
                yield None

    def _take(self, answer: Answer) -> None:
        text = self._open.pop(answer.key)
        if answer.reply is not None:
            assert answer.reply.choices[0].content == text
        self.answered[answer.failure.kind if answer.failure else "reply"] += 1


@pytest.fixture(autouse=True)
def _only_what_is_new() -> Iterator[None]:
    """Let the collector look at nothing that was there before: that is most, and takes long."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("parts", [1, 24], ids=["one executor", "an executor an hour"])
def test_a_day_leaves_no_task_no_file_and_no_memory(
    parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Day(parts)
    monkeypatch.setattr(turning, "new_loop", day.clock.new_loop)
    files = open_files()

    day.live()

    assert sum(day.answered.values()) == day.sent > 9_000
    assert day.answered["reply"] > 0.95 * day.sent
    assert {"rate_limit", "timeout", "connection", "status"} <= set(day.server.asked)
    assert day.server.most_in_flight == JOBS
    watch = day.watch
    assert len(watch.blocks) >= 24
    # The first hours fill what has a bound; from then on nothing may grow.
    assert max(watch.blocks[13:]) - max(watch.blocks[3:13]) < 500
    assert max(watch.tasks) <= JOBS + 2
    assert max(watch.files) == min(watch.files)
    gc.collect()
    assert (open_files(), count_tasks()) == (files, 0)
