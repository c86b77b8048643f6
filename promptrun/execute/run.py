"""The executor of this process: a plain generator that drives an event loop of its own."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from promptrun.errors import UsageError
from promptrun.execute.events import Answer, Call, Event
from promptrun.execute.policy import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from promptrun.execute.crew import Crew
    from promptrun.providers.base import Provider


def execute(
    calls: Iterable[Call],
    provider: Provider,
    *,
    jobs: int = 16,
    policy: RetryPolicy | None = None,
) -> Iterator[Event]:
    """Send `calls` and yield what becomes of them: one Answer each, pieces and delays before it.

    At most `jobs` are in flight. `calls` may be endless: it is read as places become free, and
    no more than `jobs` ahead, so that a worker goes on without waiting for the consumer.
    The loop runs while the consumer waits for the next event, and not otherwise. Failures are
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
    waiting = iter(calls)
    first = next(waiting, None)
    if first is None:
        return
    crew = Crew(provider, policy or RetryPolicy(), max(1, jobs))
    try:
        crew.final = crew.open()
        yield from _drive(crew, chain([first], waiting), max(1, jobs))
    finally:
        crew.close()


def _drive(crew: Crew, calls: Iterator[Call], jobs: int) -> Iterator[Event]:
    unanswered = 0
    room = jobs
    more = True
    while more or unanswered:
        while more and unanswered < room and crew.final is None:
            call = next(calls, None)
            if call is None:
                more = False
            else:
                crew.admit(call, unanswered)
                unanswered += 1
        if unanswered:
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
            for call in calls:
                yield Answer(key=call.key, failure=crew.final, attempts=0)
            return
