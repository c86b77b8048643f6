"""The executor of this process: a plain generator that drives an event loop of its own."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from promptrun.errors import UsageError
from promptrun.execute.events import Answer, Call, Event, Idle
from promptrun.execute.policy import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from promptrun.execute.crew import Crew
    from promptrun.providers.base import Provider


def execute(
    calls: Iterable[Call | None],
    provider: Provider,
    *,
    jobs: int = 16,
    policy: RetryPolicy | None = None,
    urgent: deque[Call] | None = None,
    keep: Callable[[Answer], None] | None = None,
) -> Generator[Event]:
    """Send `calls` and yield what becomes of them: one Answer each, pieces and delays before it.

    At most `jobs` are in flight. `calls` may be endless: it is read as places become free, and
    no more than `jobs` ahead, so that a worker goes on without waiting for the consumer. A None
    among them is nothing to send: an Idle event hands control to the consumer. What the consumer
    puts into `urgent` between two events goes before the rest of `calls`, and is still taken when
    these have come to their end: an answer may ask for more.
    `keep` is called with each answer as soon as it is there, whether or not the consumer ever takes
    it. The loop runs while the consumer waits for the next event, and not otherwise. Failures are
    answers; after one of kind ``auth`` or ``quota`` nothing more is sent, and the calls that are
    left get the same failure. Closing the generator, an interrupt, and an error of `calls` cancel
    what is in flight and close the provider.

    Raises UsageError in a thread that runs an event loop already (a notebook): there it has to be
    driven from another thread.
    """
    # Here, because a run that only replays is to load neither the workers nor asyncio.
    from promptrun.execute.crew import Crew, runs_loop

    if runs_loop():
        raise UsageError(
            "an event loop is already running in this thread",
            hint="run it in a thread of its own: `await asyncio.to_thread(…)`",
        )
    waiting = _Waiting(calls, urgent if urgent is not None else deque())
    first = waiting.take()
    while first is None and not waiting.ended:
        yield Idle()
        first = waiting.take()
    if first is None:
        return
    waiting.give_back(first)
    crew = Crew(provider, policy or RetryPolicy(), max(1, jobs), keep)
    try:
        crew.final = crew.open()
        yield from _drive(crew, waiting, max(1, jobs))
    finally:
        crew.close()


class _Waiting:
    """The calls that are not sent yet."""

    def __init__(self, calls: Iterable[Call | None], urgent: deque[Call]) -> None:
        self._calls = iter(calls)
        self._urgent = urgent
        self._exhausted = False

    @property
    def ended(self) -> bool:
        """Whether there are none, unless an answer asks for more."""
        return self._exhausted and not self._urgent

    def take(self) -> Call | None:
        """The next call; None where there is none for now."""
        if self._urgent:
            return self._urgent.popleft()
        if self._exhausted:
            return None
        try:
            return next(self._calls)
        except StopIteration:
            self._exhausted = True
            return None

    def give_back(self, call: Call) -> None:
        """Let a call be the next one again."""
        self._urgent.appendleft(call)


def _drive(crew: Crew, waiting: _Waiting, jobs: int) -> Iterator[Event]:
    unanswered = 0
    room = jobs
    while unanswered or not waiting.ended:
        while unanswered < room and crew.final is None and not waiting.ended:
            call = waiting.take()
            if call is not None:
                crew.admit(call, unanswered)
                unanswered += 1
            elif not waiting.ended:
                yield Idle()
                if crew.turn():
                    break
        if unanswered and not crew.events:
            crew.wait()
        while crew.events:
            event = crew.events.popleft()
            if isinstance(event, Answer):
                unanswered -= 1
            yield event
        # The first calls leave at once; from now on each worker finds its next one ready, and its
        # connection does not fall idle: the HTTP library polls every idle one for each request.
        room = 2 * jobs
        if crew.final is not None and not unanswered:
            yield from _give_up(crew, waiting)
            return


def _give_up(crew: Crew, waiting: _Waiting) -> Iterator[Event]:
    while not waiting.ended:
        call = waiting.take()
        yield Idle() if call is None else Answer(key=call.key, failure=crew.final, attempts=0)
