"""What each provider is to be asked: what answers made cases want, then what no case has begun."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Self

from promptrun.models import CaseResult
from promptrun.pipeline.conduct import conduct, conduct_accepted
from promptrun.pipeline.prepare import Prepared, prepare
from promptrun.pipeline.replay import replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from promptrun.execute import Call
    from promptrun.models import BadCase, Case
    from promptrun.pipeline.dialogues import Dialogues, Place, Placed, Steps
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec
    from promptrun.pipeline.results import Results


class Sources:
    """The calls of a run, by the place that they go to."""

    def __init__(self, plan: Plan, dialogues: Dialogues, results: Results) -> None:
        self._plan = plan
        self._dialogues = dialogues
        self._results = results
        self.urgent: dict[Place, deque[Call]] = {place: deque() for place in plan.servers}
        """What answers made cases ask for."""
        self._sources = {place: Source(self, place) for place in plan.servers}

    def __getitem__(self, place: Place) -> Source:
        """The first questions of the cases that start at a place."""
        return self._sources[place]

    @property
    def ended(self) -> bool:
        """Whether no case is left to begin; one that is gets prepared to know it."""
        return all(source.ended for source in self._sources.values())

    def want(self, calls: Iterable[tuple[Place, Call]]) -> None:
        """Let calls be sent before any case begins."""
        for place, call in calls:
            self.urgent[place].append(call)

    def has_backlog(self, place: Place) -> bool:
        """Whether so much is wanted of other providers that no new case should begin here."""
        backlog = sum(len(urgent) for at, urgent in self.urgent.items() if at != place)
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
                calls = self._first_calls(planned, case)
                # A first question for another provider waits for its turn.
                self.want((at, call) for at, call in calls if at != place)
                yield from (call for at, call in calls if at == place)
                if not calls:
                    yield None

    def _first_calls(self, planned: PlannedSpec, case: Case | BadCase) -> Placed:
        steps = self._steps(planned, case)
        if isinstance(steps, CaseResult):
            self._results.add(planned, steps)
            return []
        return self._dialogues.begin(*steps)

    def _steps(
        self, planned: PlannedSpec, case: Case | BadCase
    ) -> CaseResult | tuple[Prepared, Steps]:
        """What a case asks, step by step, or what became of it without a question."""
        plan = self._plan
        ready = prepare(plan, planned, case)
        if not isinstance(ready, Prepared):
            return ready
        if not (plan.options.changed and ready.is_unmoved):
            return ready, conduct(plan, ready)
        if any(rule.kind == "judge" for rule in ready.rules):
            return ready, conduct_accepted(plan, ready)
        return replay(plan, ready)


class Source:
    """The first questions of the cases that start at one provider.

    It comes to an end for now while the judges of those that were answered wait at another one, so
    that no more than a few cases are under way; the next round goes on.
    """

    def __init__(self, sources: Sources, place: Place) -> None:
        self._sources = sources
        self._place = place
        self._calls = sources.begin(place)
        self._over = False

    @property
    def ended(self) -> bool:
        """Whether no case is left; one that is gets prepared to know it."""
        if not self._over:
            next(self, None)
        return self._over

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Call | None:
        if self._sources.has_backlog(self._place):
            raise StopIteration
        try:
            return next(self._calls)
        except StopIteration:
            self._over = True
            raise
