"""A line of tasks before a gate, inside one event loop: first come, first served."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, TimerHandle
    from collections.abc import Callable

T = TypeVar("T")

_SHORTEST_SLEEP = 0.001
"""Seconds; a timer that rings a little too early must not make the loop spin."""


class _Waiter:
    __slots__ = ("tokens", "turn")

    def __init__(self, tokens: int, turn: Future[None]) -> None:
        self.tokens = tokens
        self.turn = turn


class Line:
    """Who waits. `wait` gives the seconds until a request of so many tokens may pass.

    It gives `inf` while no time is known: then somebody has to `call` once that may have changed.
    """

    def __init__(self, loop: AbstractEventLoop, wait: Callable[[int], float]) -> None:
        self.loop = loop
        self._wait = wait
        self._waiters: deque[_Waiter] = deque()
        self._alarm: TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiters)

    @property
    def first(self) -> int:
        """The tokens of the first one in the line."""
        return self._waiters[0].tokens

    async def stand(self, tokens: int, enter: Callable[[int], T]) -> T:
        """Wait for one's turn, and give what `enter` returns, which is called within the turn.

        A turn is not handed over but taken: so the one who is cancelled has nothing to give back.
        """
        me = _Waiter(tokens, self.loop.create_future())
        self._waiters.append(me)
        try:
            while self._waiters[0] is not me or self._wait(tokens) > 0:
                me.turn = self.loop.create_future()
                if self._waiters[0] is me:
                    self.call()
                await me.turn
            return enter(tokens)
        finally:
            self._waiters.remove(me)
            self.call()

    def call(self) -> None:
        """Wake the first one, now or when its time comes."""
        if not self._waiters:
            self._hush()
            return
        if self.loop.is_closed():  # a task that was dropped with it is being cleared away
            return
        first = self._waiters[0]
        wait = self._wait(first.tokens)
        if wait > 0:
            self._ring_in(wait)
        elif not first.turn.done():
            first.turn.set_result(None)

    def _ring_in(self, seconds: float) -> None:
        if seconds == inf:
            return
        if self._alarm is not None:
            if self._alarm.when() <= self.loop.time() + seconds:  # it is set anew as it rings
                return
            self._alarm.cancel()
        self._alarm = self.loop.call_later(max(seconds, _SHORTEST_SLEEP), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.call()

    def _hush(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
