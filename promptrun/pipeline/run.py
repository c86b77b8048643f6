"""Where the stages meet: a plan in, events out, the result of each case among them."""

from __future__ import annotations

from contextlib import closing
from time import monotonic
from typing import TYPE_CHECKING

from promptrun.pipeline.events import (
    Delayed,
    Event,
    NotRecorded,
    Progress,
    Stopped,
    StreamRestarted,
)
from promptrun.pipeline.exits import INTERRUPTED, exit_code
from promptrun.pipeline.live import LiveText

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from promptrun.execute import Answer, Pace, Piece, Restarted, Stop, Terms, Waiting
    from promptrun.models import CaseResult, Server
    from promptrun.pipeline.dialogues import Place
    from promptrun.pipeline.plan import Plan
    from promptrun.runs import EndState

    OnSetup = Callable[[int, int], None]
    """Called with the bytes had and the bytes in all while a provider fetches what it needs."""

TICK = 0.25
"""Seconds after which a run that waits looks around."""
TOLD_EVERY = 0.5
"""Seconds from one `Progress` to the next."""


def run_plan(
    plan: Plan, *, on_setup: OnSetup | None = None, stop: Stop | None = None
) -> Generator[Event]:
    """Run every case of a plan; yields one CaseResult a case, in the order in which they end.

    Pieces of streamed replies come in between. A failure of one case never stops another, unless
    every other one would meet it. Whoever holds `stop` can end the run: what is under way is then
    waited for, and the last event is a Stopped. Closing the iterator ends what is in flight.

    Raises RecordError before anything is sent where the run cannot be recorded, UsageError where
    there is no run to go on with.
    """
    if not (plan.options.replay or plan.options.again is not None):
        from promptrun.pipeline.resume import plan_of_resumed

        yield from _Run(plan_of_resumed(plan), stop).events(on_setup)
        return
    from promptrun.pipeline.offline import judge_what_is_there

    yield from judge_what_is_there(plan)


class _Run:
    """Every case of a plan on its way; each provider is served in turn until nobody asks it."""

    def __init__(self, plan: Plan, stop: Stop | None) -> None:
        # What sends is recorded, and waits for answers; a replay does not pay for it.
        from promptrun.execute import Meter, Stop
        from promptrun.pipeline.budget import Budget
        from promptrun.pipeline.dialogues import Dialogues
        from promptrun.pipeline.record import Recorder
        from promptrun.pipeline.results import Results
        from promptrun.pipeline.resume import Recall
        from promptrun.pipeline.sources import Sources

        self._plan = plan
        self._stop = stop or Stop()
        self._meter = Meter()
        providers = {name for _, name in plan.servers}
        self._budget = Budget(plan.options, providers, self._stop, self._meter)
        self._recorder = Recorder(plan, self._stop)
        self._recall = Recall(plan) if plan.options.resume is not None else None
        self._results = Results(plan, self._stop, self._recorder)
        self._dialogues = Dialogues(plan, self._results, self._recorder, self._budget, self._recall)
        self._sources = Sources(plan, self._dialogues, self._results)
        self._paces: dict[Server, Pace] = {}
        """Two projects that ask one server with one key ask it at one pace."""
        self._told_at = monotonic()

    def events(self, on_setup: OnSetup | None) -> Iterator[Event]:
        state: EndState = "crashed"
        try:
            if self._recall is not None:
                for root in dict.fromkeys(root for root, _ in self._plan.servers):
                    self._recorder.begin(root)
            yield from self._serve_all(on_setup)
            state = self._state()
        except (GeneratorExit, KeyboardInterrupt):
            state = "interrupted"
            raise
        finally:
            self._close(state)
        yield from self._finished()
        if state != "finished":
            yield self._stopped()
        elif self._recorder.failed is not None:
            yield NotRecorded(error=self._recorder.failed)

    def _close(self, state: EndState) -> None:
        results = self._results
        try:
            results.close()
        finally:
            if self._recall is not None:
                self._recall.close()
            code = exit_code(results.counts, results.updated, stopped=state != "finished")
            self._recorder.close(state, INTERRUPTED if state == "interrupted" else code)

    def _state(self) -> EndState:
        if not (self._stop.asked and self._is_left()):
            return "finished"
        return "interrupted" if self._stop.interrupted else "stopped"

    def _is_left(self) -> bool:
        """Whether any case has no result yet."""
        return bool(len(self._dialogues)) or not self._sources.ended

    def _stopped(self) -> Stopped:
        mask, stop = self._plan.masker.mask_text, self._stop
        return Stopped(
            reason=mask(stop.reason or "interrupted"),
            hint=mask(stop.hint) if stop.hint else None,
            wished=stop.wished,
            interrupted=stop.interrupted,
            run_id=self._plan.run_id if self._recorder.began else None,
        )

    def _serve_all(self, on_setup: OnSetup | None) -> Iterator[Event]:
        served = True
        while served and not self._stop.asked:
            served = False
            for place in self._plan.servers:
                for event in self._serve(place, on_setup):
                    served = True
                    yield event
                self._results.flush()
                yield from self._finished()

    def _serve(self, place: Place, on_setup: OnSetup | None) -> Iterator[Event]:
        """Ask one provider all that is wanted of it for now."""
        source, urgent = self._sources[place], self._sources.urgent[place]
        while not (urgent or self._stop.asked):
            try:
                first = next(source)
            except StopIteration:
                return
            if first is not None:
                urgent.append(first)
            yield from self._look_around(place)
        if self._stop.asked:
            return
        # Only a run that sends pays for the event loop and the provider's packages.
        from promptrun.execute import Idle, execute
        from promptrun.providers import open_provider

        self._recorder.begin(place[0])
        provider = open_provider(self._plan.servers[place], on_progress=on_setup)
        live: dict[int, LiveText] = {}
        events = execute(
            source,
            provider,
            self._terms(place),
            urgent=urgent,
            keep=self._dialogues.keep,
        )
        # Whatever happens, the loop ends here: left to the interpreter's end it would hang.
        with closing(events):
            for event in events:
                if not isinstance(event, Idle):
                    yield from self._show(event, live)
                yield from self._look_around(place)

    def _terms(self, place: Place) -> Terms:
        from promptrun.execute import Pace, Rates, Terms

        server = self._plan.servers[place]
        if server not in self._paces:
            rates = Rates(
                requests_per_minute=server.requests_per_minute,
                tokens_per_minute=server.tokens_per_minute,
            )
            self._paces[server] = Pace(self._plan.jobs, rates)
        return Terms(
            jobs=self._plan.jobs,
            ahead=not self._plan.options.fail_fast,
            pace=self._paces[server],
            stop=self._stop,
            meter=self._meter,
            may_send=self._budget.may_send,
            commit=self._recorder.flush,
            tick=TICK,
        )

    def _show(
        self, event: Piece | Restarted | Waiting | Answer, live: dict[int, LiveText]
    ) -> Iterator[Event]:
        """One event of the executor as those of the run."""
        from promptrun.execute import Piece, Restarted, Waiting

        masker = self._plan.masker
        case_id = self._dialogues.case_id(event.key)
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
            self._sources.want(self._dialogues.take(event))

    def _look_around(self, place: Place) -> Iterator[Event]:
        """What there is to tell: results, troubles, and now and then how far the run is."""
        if not self._meter.in_flight:
            self._results.flush()
        elif self._results.are_due:
            self._results.flush_soon()
        yield from self._finished()
        now = monotonic()
        if now - self._told_at >= TOLD_EVERY:
            self._told_at = now
            yield self._progress(place)

    def _progress(self, place: Place) -> Progress:
        pace = self._paces.get(self._plan.servers[place])
        return Progress(
            done=self._results.counts.total(),
            in_flight=self._meter.in_flight,
            retries=self._meter.retries,
            cost=float(self._budget.cost),
            held=(pace.held() or None) if pace else None,
        )

    def _finished(self) -> Iterator[CaseResult | NotRecorded]:
        while self._recorder.problems:
            yield NotRecorded(error=self._recorder.problems.popleft())
        yield from self._results.take()
