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
from promptrun.pipeline.prepare import fail, mask_reply
from promptrun.pipeline.settle import evidence_of, settle_reply, snapshot_of
from promptrun.snapshots import record_reply

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

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
    """What came of one `Ask`; secrets in it are not masked yet.

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
    if isinstance(replies, CaseResult):
        return replies
    yield from conductor.ask_judges(replies)
    return settle_reply(
        plan, prepared, replies[0], conductor.judgements, attempts=conductor.attempts
    )


class _Conductor:
    def __init__(self, plan: Plan, prepared: Prepared) -> None:
        self.plan = plan
        self.prepared = prepared
        self.judgements: dict[str, Judgement] = {}
        self.attempts = 0

    def ask_set(self) -> Generator[list[Ask], list[Got], CaseResult]:
        """N replies, and N more where the first ones differ from the accepted set."""
        # Only a case that is sampled loads what compares sets.
        from promptrun.pipeline.sets import look_at, settle_set

        plan, prepared = self.plan, self.prepared
        count = prepared.case.samples.count
        replies = yield from self.ask("sample", count)
        if isinstance(replies, CaseResult):
            return replies
        yield from self.ask_judges(replies)
        first = look_at(plan, prepared, [(one, 1) for one in replies], self.judgements)
        if not first.wants_second:
            return settle_set(plan, prepared, first, None, attempts=self.attempts)
        fresh = yield from self.ask("second", count)
        if isinstance(fresh, CaseResult):
            return fresh
        if len(fresh) < count:
            return settle_set(plan, prepared, first, None, attempts=self.attempts, alone=True)
        yield from self.ask_judges(fresh)
        second = look_at(plan, prepared, [(one, 1) for one in fresh], self.judgements)
        return settle_set(plan, prepared, first, second, attempts=self.attempts)

    def ask(
        self, role: Role, count: int
    ) -> Generator[list[Ask], list[Got], list[Reply] | CaseResult]:
        """`count` replies, masked; the case's result where any of them failed."""
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
        attempts = max(one.attempts for one in got)
        self.attempts = max(self.attempts, attempts)
        failures = [one.failure for one in got if one.failure is not None]
        if failures:
            result = fail(self.plan, prepared, failures[0], attempts)
            if count == 1:
                return result
            return structs.replace(
                result, reason=f"{len(failures)} of {count} replies did not come"
            )
        return [mask_reply(self.plan.masker, one.reply) for one in got if one.reply is not None]

    def ask_judges(self, replies: Sequence[Reply]) -> Generator[list[Ask], list[Got], None]:
        """Everything that has to be asked about `replies`; the answers are in `judgements`."""
        asks = list(self._asks(replies))
        if not asks:
            return
        for ask, got in zip(asks, (yield asks), strict=True):
            assert ask.key is not None  # noqa: S101 - it is a judge's
            if got.reply is not None or got.failure is not None:
                self.judgements[ask.key] = self._judgement(got)

    def _asks(self, replies: Sequence[Reply]) -> list[Ask]:
        found = self._questions(replies)
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
                self.judgements[question.key] = Judgement(score=None, reason=reason, failed=True)
            else:
                asks.append(Ask(place=place, request=request, role="judge", key=question.key))
        return asks

    def _questions(self, replies: Sequence[Reply]) -> dict[str, Question]:
        rules = [rule for rule in self.prepared.rules if rule.kind == "judge"]
        if not rules:
            return {}
        found: dict[str, Question] = {}
        for reply in replies:
            new = snapshot_of(self.prepared, record_reply(reply.raw, self.prepared.case.compare))
            evidence = evidence_of(self.plan, self.prepared, new, reply, self.judgements)
            found |= {question.key: question for question in questions(rules, evidence)}
        return found

    def _judgement(self, got: Got) -> Judgement:
        from promptrun.pipeline.judges import read_reply

        if got.reply is not None:
            return read_reply(mask_reply(self.plan.masker, got.reply))
        assert got.failure is not None  # noqa: S101 - it is a reply or a failure
        reason = f"the judge gave no reply: {self.plan.masker.mask_text(got.failure.message)}"
        return Judgement(score=None, reason=reason, failed=True)
