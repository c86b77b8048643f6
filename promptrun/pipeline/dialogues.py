"""The cases that are under way: what each asked, what it was answered, what it asks next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.execute import Call
from promptrun.pipeline.conduct import Got
from promptrun.pipeline.prepare import internal_error, mask_failure, mask_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from promptrun.execute import Answer
    from promptrun.models import CaseResult
    from promptrun.pipeline.budget import Budget
    from promptrun.pipeline.conduct import Ask
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared
    from promptrun.pipeline.record import Recorder
    from promptrun.pipeline.recorded import Recorded
    from promptrun.pipeline.results import Results

    Steps = Generator[list[Ask], list[Got], CaseResult]
    """What one case asks and is answered, until it has its result."""

    Place = tuple[Path, str]
    """A root, and the name of a provider under its settings."""

    Placed = list[tuple[Place, Call]]
    """Calls, each with where it goes."""


class _Dialogue:
    """A case that has asked something, and what it got so far."""

    __slots__ = ("asks", "got", "missing", "prepared", "recorded", "steps")

    def __init__(self, prepared: Prepared, steps: Steps, recorded: Recorded | None) -> None:
        self.prepared = prepared
        self.steps = steps
        self.recorded = recorded
        self.asks: list[Ask] = []
        self.got: list[Got | None] = []
        self.missing = 0


class Dialogues:
    """Every case of a run that waits for an answer."""

    def __init__(
        self,
        plan: Plan,
        results: Results,
        recorder: Recorder,
        budget: Budget,
        recall: Callable[[Prepared], Recorded] | None,
    ) -> None:
        self._plan = plan
        self._results = results
        self._recorder = recorder
        self._budget = budget
        self._recall = recall
        self._asked: dict[int, tuple[_Dialogue, int]] = {}
        """By the key of a call: who asked, and as which of its questions."""
        self._keys = 0

    def __len__(self) -> int:
        """How many answers are waited for."""
        return len(self._asked)

    def case_id(self, key: int) -> str:
        """The id of the case that a call belongs to."""
        return self._asked[key][0].prepared.case.id

    def begin(self, prepared: Prepared, steps: Steps) -> Placed:
        """The first calls of a case; none where it has its result already."""
        recorded = self._recall(prepared) if self._recall else None
        return self._go_on(_Dialogue(prepared, steps, recorded), lambda: next(steps))

    def keep(self, answer: Answer) -> None:
        """Record an answer as soon as it is there: it is paid for, whatever becomes of the run."""
        one, position = self._asked[answer.key]
        masker, ask = self._plan.masker, one.asks[position]
        got = Got(
            reply=mask_reply(masker, answer.reply) if answer.reply else None,
            failure=mask_failure(masker, answer.failure) if answer.failure else None,
            attempts=answer.attempts,
        )
        one.got[position] = got
        cost = self._budget.add(answer.reply, ask.place[1]) if answer.reply else None
        if answer.attempts:  # a provider that could not start was not asked
            self._recorder.keep_reply(one.prepared, ask, got, queued=answer.queued, cost=cost)

    def take(self, answer: Answer) -> Placed:
        """What the case that asked asks next, once it has all its answers."""
        one, position = self._asked[answer.key]
        if one.got[position] is None:
            self.keep(answer)
        del self._asked[answer.key]
        one.missing -= 1
        if one.missing:
            return []
        return self._go_on(one, lambda: one.steps.send(_whole(one.got)))

    def _go_on(self, one: _Dialogue, take: Callable[[], list[Ask]]) -> Placed:
        asks = self._step(one.prepared, take)
        while asks:
            calls = self._calls(one, asks)
            if calls:
                return calls
            # All of it was answered in the run that this one goes on with.
            asks = self._step(one.prepared, lambda: one.steps.send(_whole(one.got)))
        return []

    def _calls(self, one: _Dialogue, asks: list[Ask]) -> Placed:
        recorded = one.recorded
        one.asks = asks
        one.got = [recorded.resumed(ask) if recorded else None for ask in asks]
        calls = []
        for position, ask in enumerate(asks):
            if one.got[position] is None:
                key, self._keys = self._keys, self._keys + 1
                self._asked[key] = one, position
                calls.append((ask.place, Call(key=key, request=ask.request, pieces=ask.pieces)))
        one.missing = len(calls)
        return calls

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
        self._results.add(prepared.planned, result, prepared.kept)
        return None


def _whole(got: list[Got | None]) -> list[Got]:
    return [one for one in got if one is not None]
