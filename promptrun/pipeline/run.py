"""Where the stages meet: a plan in, events out, the result of each case among them."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from typing import TYPE_CHECKING, Self

from promptrun.models import CaseResult
from promptrun.pipeline.events import Delayed, Event, NotRecorded, StreamRestarted
from promptrun.pipeline.live import LiveText
from promptrun.pipeline.prepare import (
    Prepared,
    internal_error,
    mask_failure,
    mask_reply,
    prepare,
    request_digests,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from promptrun.execute import Answer, Call, Piece, Restarted, Waiting
    from promptrun.models import BadCase, Case
    from promptrun.pipeline.conduct import Ask, Got
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec
    from promptrun.runs import EndState

    OnSetup = Callable[[int, int], None]
    """Called with the bytes had and the bytes in all while a provider fetches what it needs."""

    Steps = Generator[list[Ask], list[Got], CaseResult]
    """What one case asks and is answered, until it has its result."""

    Place = tuple[Path, str]
    """A root, and the name of a provider under its settings."""


def run_plan(plan: Plan, *, on_setup: OnSetup | None = None) -> Generator[Event]:
    """Run every case of a plan; yields one CaseResult a case, in the order in which they end.

    Pieces of streamed replies come in between. A failure of one case never stops another; closing
    the iterator ends what is in flight.
    """
    if plan.options.replay:
        from promptrun.pipeline.replay import replay

        for planned, case in plan.all_cases():
            ready = prepare(plan, planned, case)
            yield replay(plan, ready) if isinstance(ready, Prepared) else ready
        return
    if plan.options.again is not None:
        from promptrun.pipeline.again import judge_again

        yield from judge_again(plan, plan.options.again)
        return
    yield from _Run(plan).events(on_setup)


class _Conducted:
    """A case that has asked something: its generator, and what it got so far."""

    __slots__ = ("asks", "got", "missing", "prepared", "steps")

    def __init__(self, prepared: Prepared, steps: Steps) -> None:
        self.prepared = prepared
        self.steps = steps
        self.asks: list[Ask] = []
        self.got: list[Got | None] = []
        self.missing = 0


class _Run:
    """Every case of a plan on its way; each provider is served in turn until nobody asks it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._done: deque[CaseResult] = deque()
        """Results that came of no answer."""
        self._sources = {place: _Source(self, place) for place in plan.servers}
        self._urgent: dict[Place, deque[Call]] = {place: deque() for place in plan.servers}
        """What answers made cases ask for: it goes before what no case has begun."""
        self._asked: dict[int, tuple[_Conducted, int]] = {}
        """By the key of a call: who asked, and as which of its questions."""
        self._keys = 0
        # What sends is recorded; a replay does not pay for it.
        from promptrun.pipeline.record import Recorder

        self._recorder = Recorder(plan)

    def events(self, on_setup: OnSetup | None) -> Iterator[Event]:
        state: EndState = "crashed"
        try:
            yield from self._serve_all(on_setup)
            state = "finished"
        except (GeneratorExit, KeyboardInterrupt):
            state = "interrupted"
            raise
        finally:
            self._recorder.close(state)
        yield from self._finished()

    def _serve_all(self, on_setup: OnSetup | None) -> Iterator[Event]:
        served = True
        while served:
            served = False
            for place in self._sources:
                for event in self._serve(place, on_setup):
                    served = True
                    yield event
                yield from self._finished()

    def _serve(self, place: Place, on_setup: OnSetup | None) -> Iterator[Event]:
        """Ask one provider all that is wanted of it for now."""
        urgent = self._urgent[place]
        while not urgent:
            try:
                first = next(self._sources[place])
            except StopIteration:
                return
            if first is not None:
                urgent.append(first)
            yield from self._finished()
        # Only a run that sends pays for the event loop and the provider's packages.
        from promptrun.execute import Idle, execute
        from promptrun.providers import open_provider

        provider = open_provider(self._plan.servers[place], on_progress=on_setup)
        live: dict[int, LiveText] = {}
        events = execute(
            self._sources[place],
            provider,
            jobs=self._plan.jobs,
            urgent=urgent,
            keep=self._keep,
        )
        # Whatever happens, the loop ends here: left to the interpreter's end it would hang.
        with closing(events):
            for event in events:
                yield from self._finished()
                if not isinstance(event, Idle):
                    yield from self._show(event, live)

    def _show(
        self, event: Piece | Restarted | Waiting | Answer, live: dict[int, LiveText]
    ) -> Iterator[Event]:
        """One event of the executor as those of the run."""
        from promptrun.execute import Piece, Restarted, Waiting

        masker = self._plan.masker
        case_id = self._asked[event.key][0].prepared.case.id
        if isinstance(event, Piece):
            text = live.setdefault(event.key, LiveText(case_id, masker))
            yield from text.feed(event.index, event.text)
        elif isinstance(event, Waiting):
            reason = masker.mask_text(event.failure.message)
            yield Delayed(id=case_id, seconds=event.seconds, reason=reason)
        elif isinstance(event, Restarted):
            live.pop(event.key, None)
            yield StreamRestarted(id=case_id)
        else:
            if event.key in live:
                yield from live.pop(event.key).flush()
            self._take(event)
            yield from self._finished()

    def _end(self, planned: PlannedSpec, result: CaseResult) -> None:
        self._recorder.keep_case(planned.project.root, result)
        self._done.append(result)

    def _finished(self) -> Iterator[CaseResult | NotRecorded]:
        while self._recorder.problems:
            yield NotRecorded(error=self._recorder.problems.popleft())
        while self._done:
            yield self._done.popleft()

    def has_backlog(self, place: Place) -> bool:
        """Whether so much is wanted of other providers that no new case should begin here."""
        backlog = sum(len(urgent) for at, urgent in self._urgent.items() if at != place)
        return backlog > 2 * self._plan.jobs

    def begin(self, place: Place) -> Iterator[Call | None]:
        """The first questions of each case that starts at `place`, as they are wanted.

        None stands for a case that asks nothing: its result is there.
        """
        plan = self._plan
        for planned in plan.specs:
            if (planned.project.root, planned.provider) != place:
                continue
            for case in plan.cases(planned):
                steps = self._steps(planned, case)
                if isinstance(steps, CaseResult):
                    self._end(planned, steps)
                    yield None
                    continue
                for asked_at, call in self._start(*steps):
                    # A first question for another provider waits for its turn.
                    if asked_at == place:
                        yield call
                    else:
                        self._urgent[asked_at].append(call)

    def _steps(
        self, planned: PlannedSpec, case: Case | BadCase
    ) -> CaseResult | tuple[Prepared, Steps]:
        """What a case asks, step by step, or what became of it without a question."""
        from promptrun.pipeline.conduct import conduct, conduct_accepted
        from promptrun.pipeline.replay import replay

        plan = self._plan
        ready = prepare(plan, planned, case)
        if not isinstance(ready, Prepared):
            return ready
        if not (plan.options.changed and _is_unmoved(ready)):
            return ready, conduct(plan, ready)
        if any(rule.kind == "judge" for rule in ready.rules):
            return ready, conduct_accepted(plan, ready)
        return replay(plan, ready)

    def _start(self, prepared: Prepared, steps: Steps) -> list[tuple[Place, Call]]:
        asks = self._step(prepared, lambda: next(steps))
        return self._calls(_Conducted(prepared, steps), asks) if asks else []

    def _calls(self, one: _Conducted, asks: list[Ask]) -> list[tuple[Place, Call]]:
        from promptrun.execute import Call

        one.asks = asks
        one.got = [None] * len(asks)
        one.missing = len(asks)
        calls = []
        for position, ask in enumerate(asks):
            key, self._keys = self._keys, self._keys + 1
            self._asked[key] = one, position
            calls.append((ask.place, Call(key=key, request=ask.request, pieces=ask.pieces)))
        return calls

    def _keep(self, answer: Answer) -> None:
        """Record an answer the moment it is there: it is paid for, whatever becomes of the run."""
        from promptrun.pipeline.conduct import Got

        one, position = self._asked[answer.key]
        got = Got(
            reply=mask_reply(self._plan.masker, answer.reply) if answer.reply else None,
            failure=mask_failure(self._plan.masker, answer.failure) if answer.failure else None,
            attempts=answer.attempts,
        )
        one.got[position] = got
        self._recorder.keep_reply(one.prepared, one.asks[position], got)

    def _take(self, answer: Answer) -> None:
        """Let the case that asked go on, once it has all its answers."""
        one, position = self._asked[answer.key]
        if one.got[position] is None:
            self._keep(answer)
        del self._asked[answer.key]
        one.missing -= 1
        if one.missing:
            return
        got = [each for each in one.got if each is not None]
        asks = self._step(one.prepared, lambda: one.steps.send(got))
        for place, call in self._calls(one, asks) if asks else ():
            self._urgent[place].append(call)

    def _step(self, prepared: Prepared, take: Callable[[], list[Ask]]) -> list[Ask] | None:
        """What a case asks next; None where it has ended.

        This is the boundary between cases: a mistake of promptrun's own that one of them brings to
        light is the error of that case, and the others, which are paid for, go on.
        """
        try:
            return take()
        except StopIteration as ended:
            result: CaseResult = ended.value
        except Exception as error:  # noqa: BLE001 - see above
            result = internal_error(prepared, error)
        self._end(prepared.planned, result)
        return None


class _Source:
    """The first questions of the cases that start at one provider.

    It comes to an end for now while the judges of those that were answered wait at another one, so
    that no more than a few cases are under way; the next round goes on.
    """

    def __init__(self, run: _Run, place: Place) -> None:
        self._run = run
        self._place = place
        self._calls = run.begin(place)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Call | None:
        if self._run.has_backlog(self._place):
            raise StopIteration
        return next(self._calls)


def _is_unmoved(prepared: Prepared) -> bool:
    """Whether the accepted reply answered the very request that would be sent now."""
    accepted = prepared.accepted.snapshot
    return accepted is not None and accepted.digests == request_digests(prepared)
