"""One call, sent until it has its answer, at the pace of its server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from promptrun.execute.events import Answer, Call, Event, Piece, Restarted, Waiting
from promptrun.execute.pace import Pace
from promptrun.execute.tokens import estimate_tokens, used_tokens
from promptrun.models import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.execute.pace import Ticket
    from promptrun.execute.terms import Terms
    from promptrun.providers.base import Provider


_LOOK_AGAIN = 0.02
"""Seconds until a call that may not be sent yet asks again."""


class Attempts:
    """What the workers of one executor share; each call of `answer` belongs to one worker."""

    def __init__(self, provider: Provider, terms: Terms, emit: Callable[[Event], None]) -> None:
        self.sending: set[asyncio.Task[Any]] = set()
        """The workers whose request is under way."""
        self._provider = provider
        self._policy = terms.policy
        self._pace = terms.pace or Pace(terms.jobs)
        self._stop = terms.stop
        self._meter = terms.meter
        self._may_send = terms.may_send
        self._emit = emit
        self._worked = False
        """Whether any reply came."""

    async def answer(self, call: Call, since: float) -> Answer | None:
        """The reply or the last failure of a call that was taken at `since`, by the loop's clock.

        None where nothing more is to be sent, and it was not sent either.
        """
        attempts = limited = 0
        tokens = estimate_tokens(call.request)
        queued: float | None = None
        last: Answer | None = None
        while True:
            ticket = await self._pace.enter(tokens)
            if not await self._is_allowed():
                self._pace.abandon(ticket)
                return last
            if queued is None:
                queued = asyncio.get_running_loop().time() - since
            self._meter.retries += attempts > 0
            attempts += 1
            outcome, shown = await self._send(call, ticket)
            if isinstance(outcome, Reply):
                self._worked = True
                return Answer(key=call.key, reply=outcome, attempts=attempts, queued=queued)
            limited += outcome.kind == "rate_limit"
            last = Answer(key=call.key, failure=outcome, attempts=attempts, queued=queued)
            if self._policy.is_final(outcome, worked=self._worked):
                self._stop.ask(outcome.message, _hint(outcome))
            delay = self._policy.delay_after(outcome, attempts - limited, limited)
            if delay is None or self._stop.asked:
                return last
            seconds = max(delay, self._pace.held())
            self._emit(Waiting(key=call.key, seconds=seconds, failure=outcome))
            try:
                await asyncio.sleep(delay)
            except asyncio.CancelledError:
                if self._stop.asked:
                    return last
                raise
            if shown:
                self._emit(Restarted(key=call.key))

    async def _is_allowed(self) -> bool:
        while not self._stop.asked:
            allowed = self._may_send()
            if allowed is not None:
                return allowed
            await asyncio.sleep(_LOOK_AGAIN)
        return False

    async def _send(self, call: Call, ticket: Ticket) -> tuple[Reply | Failure, bool]:
        """The outcome of one attempt, and whether any piece of it was shown."""
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101 - this runs in one
        self.sending.add(worker)
        self._meter.sent += 1
        self._meter.in_flight += 1
        left = False
        try:
            outcome, shown = await self._exchange(call)
            self._leave(ticket, outcome)
            left = True
        finally:
            if not left:
                self._pace.abandon(ticket)
            self.sending.discard(worker)
            self._meter.in_flight -= 1
        return outcome, shown

    def _leave(self, ticket: Ticket, outcome: Reply | Failure) -> None:
        failure = outcome if isinstance(outcome, Failure) else None
        self._pace.leave(
            ticket,
            limited=failure is not None and failure.kind == "rate_limit",
            # None and 0 alike leave the time to us: nobody is asked again on the spot.
            retry_after=(failure.retry_after or None) if failure else None,
            tokens=used_tokens(outcome) if isinstance(outcome, Reply) else None,
            limits=outcome.limits,
        )

    async def _exchange(self, call: Call) -> tuple[Reply | Failure, bool]:
        if not call.pieces:
            return await self._provider.complete(call.request), False
        shown = False

        def show(index: int, text: str) -> None:
            nonlocal shown
            shown = True
            self._emit(Piece(key=call.key, index=index, text=text))

        return await self._provider.complete(call.request, on_piece=show), shown


def _hint(failure: Failure) -> str | None:
    """What would help where every other request would fail as this one did."""
    if failure.retry_after is None:
        return failure.hint
    return f"the server asks to be left alone for {failure.retry_after:,.0f} s; go on after that"
