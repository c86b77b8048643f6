"""When a request may be sent: by limits that the user or the server tells, or that are met."""

from __future__ import annotations

import time
from math import inf
from random import random
from typing import TYPE_CHECKING

from msgspec import Struct

from promptrun.execute.bucket import Bucket
from promptrun.execute.quota import Quota
from promptrun.execute.throttle import Throttle

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from promptrun.execute.line import Line
    from promptrun.models import Limits

_LONGEST_WAIT = 120.0
"""Seconds that a server can make us wait by one answer."""


class Rates(Struct, frozen=True, kw_only=True):
    """The limits of a server that the user knows; None where he knows none."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class Ticket(Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """The permission to send one request, to be given back when its answer is there."""

    tokens: int
    """The caller's estimate."""
    generation: int
    sent_at: float
    requests_sent: int
    tokens_sent: int
    """All that was ever sent, this request among it."""
    mark: int
    """The bucket's own, to settle the tokens by."""


class Pace:
    """How fast one server is asked. There is one for a server and a run.

    Requests leave in the order in which they come: as evenly as the user's `rates` want it, no
    more at once than the server has taken without a 429, and after a 429 or where the headers of
    its answers say that nothing is left, as late as it says.

    It outlives event loops: what belongs to a loop is dropped with it. `clock` gives seconds, and
    goes on from one loop to the next.
    """

    def __init__(
        self,
        jobs: int,
        rates: Rates | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random,
    ) -> None:
        rates = rates or Rates()
        self._clock = clock
        self._draw = draw
        self._throttle = Throttle(max(1, jobs), draw)
        self._requests = _bucket(rates.requests_per_minute)
        self._tokens = _bucket(rates.tokens_per_minute)
        self._requests_left = Quota()
        self._tokens_left = Quota()
        self._requests_sent = 0
        self._tokens_sent = 0
        self._last = -inf
        """When the last request was sent."""
        self._out: set[Ticket] = set()
        self._line: Line | None = None

    @property
    def allowed(self) -> int:
        """How many may be in flight now: at first as many as there are jobs."""
        return self._throttle.allowed

    def held(self) -> float:
        """Seconds that nothing is sent for from now on; 0.0 where nothing holds.

        The time until an answer comes, if that is waited for, is not among them.
        """
        at = self._throttle.closed_until
        if self._line:
            at = max(at, self._in_rate_at(self._line.first))
        return max(0.0, at - self._clock())

    async def enter(self, tokens: int) -> Ticket:
        """Wait until a request of about so many tokens may be sent.

        Cancelling it leaves nothing behind. The ticket goes to `leave` or to `abandon`.
        """
        # Here, because a run that only replays is not to load asyncio.
        from asyncio import get_running_loop

        loop = get_running_loop()
        line = self._line
        if line is None or line.loop is not loop:
            line = self._move_to(loop)
        tokens = max(0, tokens)
        if not line and self._wait(tokens) <= 0:
            return self._admit(tokens)
        return await line.stand(tokens, self._admit)

    def leave(
        self,
        ticket: Ticket,
        *,
        limited: bool,
        retry_after: float | None,
        tokens: int | None,
        limits: Limits | None,
    ) -> None:
        """The request came back.

        `limited` is whether it was a 429 that passes, and `retry_after` the seconds that this one
        names; `tokens` what the request really used, None where that is unknown.
        """
        if ticket not in self._out:  # its loop is gone
            return
        self._out.discard(ticket)
        now = self._clock()
        if tokens is not None and self._tokens is not None:
            self._tokens.settle(ticket.tokens, max(0, tokens), ticket.mark, now)
        if limits is not None and not (limited and retry_after is not None):
            self._note(limits, ticket, now)
        if limited:
            wait = None if retry_after is None else self._bounded(retry_after)
            self._throttle.refused(ticket.generation, wait, now)
        else:
            self._throttle.let_in(ticket, ticket.generation, now - ticket.sent_at)
        if self._line:
            self._line.call()

    def abandon(self, ticket: Ticket) -> None:
        """The request was cancelled: that says nothing of the server."""
        self._out.discard(ticket)
        self._throttle.lost(ticket)
        if self._line:
            self._line.call()

    def _admit(self, tokens: int) -> Ticket:
        now = self._last = self._clock()
        self._requests_sent += 1
        self._tokens_sent += tokens
        if self._requests is not None:
            self._requests.take(1, now)
        ticket = Ticket(
            tokens=tokens,
            generation=self._throttle.generation,
            sent_at=now,
            requests_sent=self._requests_sent,
            tokens_sent=self._tokens_sent,
            mark=0 if self._tokens is None else self._tokens.take(tokens, now),
        )
        self._out.add(ticket)
        self._throttle.sent(ticket, now)
        return ticket

    def _wait(self, tokens: int) -> float:
        """Seconds until the next request may be sent; `inf` while only an answer can tell."""
        if len(self._out) >= self._throttle.allowed:
            return inf
        return max(self._throttle.ready_at(), self._in_rate_at(tokens)) - self._clock()

    def _in_rate_at(self, tokens: int) -> float:
        """When the rates that somebody told let the next request pass."""
        at, last, crowd = -inf, self._last, self._throttle.allowed
        if self._requests is not None:
            at = self._requests.ready_at(1)
        if self._tokens is not None:
            at = max(at, self._tokens.ready_at(tokens))
        if self._requests_left.until > at:
            sent = self._requests_sent
            at = max(at, self._requests_left.ready_at(1, sent=sent, crowd=crowd, last=last))
        if self._tokens_left.until > at:
            sent = self._tokens_sent
            at = max(at, self._tokens_left.ready_at(tokens, sent=sent, crowd=crowd, last=last))
        return at

    def _note(self, limits: Limits, ticket: Ticket, now: float) -> None:
        if limits.requests is not None and limits.requests_reset is not None:
            until = now + self._bounded(limits.requests_reset)
            self._requests_left.tell(limits.requests, until, ticket.requests_sent, now)
        if limits.tokens is not None and limits.tokens_reset is not None:
            until = now + self._bounded(limits.tokens_reset)
            self._tokens_left.tell(limits.tokens, until, ticket.tokens_sent, now)

    def _bounded(self, seconds: float) -> float:
        """A wait that a server orders, and a little more: several runs must not return as one."""
        return min(max(0.0, seconds), _LONGEST_WAIT) * (1 + self._draw() / 20)

    def _move_to(self, loop: AbstractEventLoop) -> Line:
        """Forget what belongs to an earlier loop: its tasks can neither wait nor answer now."""
        from promptrun.execute.line import Line

        self._out = set()
        self._throttle.lost_all()
        self._line = Line(loop, self._wait)
        return self._line


def _bucket(per_minute: int | None) -> Bucket | None:
    return None if per_minute is None else Bucket(per_minute)
