"""The executor of this process: a plain generator that drives an event loop of its own."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from promptrun.errors import UsageError
from promptrun.execute.events import Answer, Call, Event, Idle
from promptrun.execute.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from promptrun.execute.crew import Crew
    from promptrun.providers.base import Provider


def execute(
    calls: Iterable[Call | None],
    provider: Provider,
    terms: Terms | None = None,
    *,
    urgent: deque[Call] | None = None,
    keep: Callable[[Answer], None] | None = None,
) -> Generator[Event]:
    """Send `calls` and yield what becomes of them: one Answer each, pieces and delays before it.

    At most `terms.jobs` are in flight. `calls` may be endless: it is read as places become free,
    and no more than `jobs` ahead, so that a worker goes on without waiting for the consumer. A None
    among them is nothing to send: an Idle event hands control to the consumer. What the consumer
    puts into `urgent` between two events goes before the rest of `calls`, and is still taken when
    these have come to their end: an answer may ask for more.
    `keep` is called with each answer as soon as it is there, whether or not the consumer ever takes
    it. The loop runs while the consumer waits for the next event, and not otherwise.

    Failures are answers. One that every other request would meet (`RetryPolicy.is_final`) asks
    `terms.stop` to end the run, as others may do. From then on nothing is sent: what is under way
    still gets its answer, after Ctrl-C within a few seconds, and all else gets none. A provider
    that cannot be started answers its first call with the reason. Closing the generator, an
    interrupt that `terms.stop` does not handle, and an error of `calls` cancel what is in flight
    and close the provider.

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
    terms = terms or Terms()
    waiting = _Waiting(calls, urgent if urgent is not None else deque())
    first = waiting.take()
    while first is None and not (waiting.ended or terms.stop.asked):
        yield Idle()
        first = waiting.take()
    if first is None or terms.stop.asked:
        return
    crew = Crew(provider, terms, keep)
    with terms.stop.listen(crew.halt):
        try:
            failure = crew.open()
            if failure is None:
                waiting.give_back(first)
                yield from _drive(crew, waiting, terms)
            else:
                terms.stop.ask(failure.message, failure.hint)
                yield Answer(key=first.key, failure=failure, attempts=0)
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


def _drive(crew: Crew, waiting: _Waiting, terms: Terms) -> Iterator[Event]:
    stop, jobs = terms.stop, max(1, terms.jobs)
    unanswered = 0
    # A call that is ready keeps a connection from falling idle: the HTTP library polls every idle
    # one for each request.
    room = 2 * jobs if terms.ahead else jobs
    while not stop.asked and (unanswered or not waiting.ended):
        while unanswered < room and not stop.asked and not waiting.ended:
            call = waiting.take()
            if call is not None:
                crew.admit(call, unanswered)
                unanswered += 1
                if unanswered == jobs:
                    crew.turn()  # all workers have a call: the first ones leave
                crew.breathe()
            elif not waiting.ended:
                yield Idle()
                if crew.turn():
                    break
        if unanswered and not crew.events and not stop.asked:
            crew.wait()
        for event in crew.take():
            unanswered -= isinstance(event, Answer)
            yield event
            crew.breathe()
    crew.turn()  # those that waited to try again give up
    while crew.is_sending:
        crew.wait()
        yield from crew.take()
    crew.turn()
    yield from crew.take()
