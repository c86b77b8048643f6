"""What one case asks, step by step: its replies, their judges, and fresh replies after an alarm.

`conduct` is a generator: it yields what it wants to be asked, is sent what came back, and returns
the result. It does not know who asks: a run that sends, or one that reads a record.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, structs

from promptrun.errors import PromptrunError
from promptrun.expect import Judgement, questions
from promptrun.models import CaseResult, Failure, Reply, Request
from promptrun.pipeline.prepare import fail
from promptrun.pipeline.settle import (
    evidence_of,
    recalled_judgements,
    settle_reply,
    snapshot_of,
)
from promptrun.snapshots import record_reply

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from promptrun.expect import Question
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared

Role = Literal["sample", "second", "judge"]
"""Why something is asked: for a reply, for a fresh one after an alarm, for a judgement."""


class Ask(Struct, frozen=True, kw_only=True):
    """One request that a case wants to be sent."""

    place: tuple[Path, str]
    """The root and the name of the provider that it goes to."""
    request: Request
    role: Role
    ordinal: int = 0
    """Which of the samples, from 0."""
    key: str | None = None
    """Of a judge: the key of its question."""
    pieces: bool = False
    """Whether somebody reads the reply as it arrives."""


class Got(Struct, frozen=True, kw_only=True):
    """What came of one `Ask`, with secrets masked.

    Neither a reply nor a failure: nobody was asked, as where a recorded run is judged anew.
    """

    reply: Reply | None = None
    failure: Failure | None = None
    attempts: int = 1


def conduct(plan: Plan, prepared: Prepared) -> Generator[list[Ask], list[Got], CaseResult]:
    """Ask for a case's replies and judge them, as often and by whom its spec says."""
    conductor = _Conductor(plan, prepared)
    if prepared.case.samples.count > 1:
        return (yield from conductor.ask_set())
    replies = yield from conductor.ask("sample", 1)
    if conductor.failure is not None:
        return fail(prepared, conductor.failure, conductor.attempts)
    judgements = yield from conductor.ask_judges(replies)
    return settle_reply(plan, prepared, replies[0], judgements, attempts=conductor.attempts)


def conduct_accepted(plan: Plan, prepared: Prepared) -> Generator[list[Ask], list[Got], CaseResult]:
    """Ask the judges about an accepted reply or set that they have not judged by today's rules."""
    from promptrun.pipeline.replay import accepted_replies, judge_accepted

    accepted = prepared.accepted.snapshot
    assert accepted is not None  # noqa: S101 - asked by the caller
    conductor = _Conductor(plan, prepared)
    known = recalled_judgements(accepted)
    judgements = yield from conductor.ask_judges(accepted_replies(prepared), known)
    return judge_accepted(plan, prepared, judgements)


class _Conductor:
    def __init__(self, plan: Plan, prepared: Prepared) -> None:
        self.plan = plan
        self.prepared = prepared
        self.attempts = 0
        self.failure: Failure | None = None
        """Of the first reply that did not come."""

    def ask_set(self) -> Generator[list[Ask], list[Got], CaseResult]:
        """N replies, and N more where the first ones differ from the accepted set."""
        # Only a case that is sampled loads what compares sets.
        from promptrun.pipeline.sets import look_at, settle_set

        plan, prepared = self.plan, self.prepared
        count = prepared.case.samples.count
        replies = yield from self.ask("sample", count)
        if self.failure is not None:
            result = fail(prepared, self.failure, self.attempts)
            reason = f"{count - len(replies)} of {count} replies did not come"
            first_came = replies[0] if replies else None
            return structs.replace(result, reply=first_came, replies=tuple(replies), reason=reason)
        judgements = yield from self.ask_judges(replies)
        first = look_at(plan, prepared, [(one, 1) for one in replies], judgements)
        if not first.wants_second:
            return settle_set(plan, prepared, first, None, attempts=self.attempts)
        fresh = yield from self.ask("second", count)
        if len(fresh) < count:
            # Whatever the reason, the first look stands alone then: an alarm is no pass.
            return settle_set(plan, prepared, first, None, attempts=self.attempts, alone=True)
        judgements = yield from self.ask_judges(fresh)
        second = look_at(plan, prepared, [(one, 1) for one in fresh], judgements)
        return settle_set(plan, prepared, first, second, attempts=self.attempts)

    def ask(self, role: Role, count: int) -> Generator[list[Ask], list[Got], list[Reply]]:
        """The replies that came of `count` questions; `failure` is set where one did not."""
        prepared = self.prepared
        place = (prepared.planned.project.root, prepared.planned.provider)
        request = structs.replace(prepared.request, fresh=prepared.case.samples.count > 1)
        got = yield [
            Ask(
                place=place,
                request=request,
                role=role,
                ordinal=ordinal,
                pieces=request.streams and prepared.case.samples.count == 1,
            )
            for ordinal in range(count)
        ]
        self.attempts = max(self.attempts, *(one.attempts for one in got))
        failures = (one.failure for one in got if one.failure is not None)
        self.failure = next(failures, None)
        return [one.reply for one in got if one.reply is not None]

    def ask_judges(
        self, replies: Sequence[Reply], known: Mapping[str, Judgement] | None = None
    ) -> Generator[list[Ask], list[Got], dict[str, Judgement]]:
        """What judges say of `replies` beyond what is `known`, by the keys of their questions."""
        judgements: dict[str, Judgement] = {}
        asks = self._asks(self._questions(replies, known or {}), judgements)
        if asks:
            for ask, got in zip(asks, (yield asks), strict=True):
                assert ask.key is not None  # noqa: S101 - it is a judge's
                judgements[ask.key] = self._judgement(got)
        return judgements

    def _asks(self, found: Mapping[str, Question], judgements: dict[str, Judgement]) -> list[Ask]:
        """The requests that put the questions; where one cannot be made, that is its judgement."""
        if not found:
            return []
        # Few cases have a judge.
        from promptrun.pipeline.judges import explain, judge_request

        asks: list[Ask] = []
        model = str(self.prepared.request.body.get("model", ""))
        for question in found.values():
            try:
                place, request = judge_request(self.plan, self.prepared.planned, question, model)
            except PromptrunError as error:
                reason = f"the judge cannot be asked: {explain(error)}"
                judgements[question.key] = Judgement(score=None, reason=reason, failed=True)
            else:
                asks.append(Ask(place=place, request=request, role="judge", key=question.key))
        return asks

    def _questions(
        self, replies: Sequence[Reply], known: Mapping[str, Judgement]
    ) -> dict[str, Question]:
        rules = [rule for rule in self.prepared.rules if rule.kind == "judge"]
        if not rules:
            return {}
        found: dict[str, Question] = {}
        for reply in replies:
            new = snapshot_of(self.prepared, record_reply(reply.raw, self.prepared.case.compare))
            evidence = evidence_of(self.plan, self.prepared, new, reply, known)
            found |= {question.key: question for question in questions(rules, evidence)}
        return found

    def _judgement(self, got: Got) -> Judgement:
        from promptrun.pipeline.judges import read_reply

        if got.reply is not None:
            return read_reply(got.reply)
        reason = "nobody has judged this reply by today's rule; run the case again"
        if got.failure is not None:
            reason = f"the judge gave no reply: {got.failure.message}"
        return Judgement(score=None, reason=reason, failed=True)
