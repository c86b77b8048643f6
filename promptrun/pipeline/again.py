"""A recorded run, judged anew by today's rules; nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.errors import UsageError
from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.conduct import Got, conduct
from promptrun.pipeline.prepare import Prepared, prepare, request_digests
from promptrun.runs import RecordedReply, RunReader, open_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.pipeline.conduct import Ask
    from promptrun.pipeline.plan import Plan


def judge_again(plan: Plan, name: str) -> Iterator[CaseResult]:
    """Judge the replies of a recorded run by today's rules.

    A case that the run did not ask this provider is skipped; one whose request moved since is an
    error. What waits afterwards names the recorded run. Raises UsageError where there is no such
    run, or more than one project.
    """
    roots = {planned.project.root for planned in plan.specs}
    if len(roots) > 1:
        raise UsageError("`--again` judges the run of one project", hint="name specs of one")
    with open_run(roots.pop(), name) as run:
        plan = structs.replace(plan, run_id=run.info.id)
        for planned, case in plan.all_cases():
            ready = prepare(plan, planned, case)
            yield _judge_recorded(plan, ready, run) if isinstance(ready, Prepared) else ready


def _judge_recorded(plan: Plan, prepared: Prepared, run: RunReader) -> CaseResult:
    told = list(run.replies(prepared.result.id))
    digests, provider = request_digests(prepared), prepared.planned.provider
    mine = [one for one in told if one.role == "judge" or one.provider == provider]
    kept = _Kept([one for one in mine if one.digests == digests])
    wanted = prepared.case.samples.count
    if kept.samples < wanted and not kept.failed:
        verdict, reason = Verdict.ERROR, _too_few(kept.samples, wanted)
        if not kept.samples:
            asked = any(one.role != "judge" for one in mine)
            verdict = Verdict.ERROR if asked else Verdict.SKIPPED
            reason = "the request moved since that run" if asked else _not_asked(told)
        return structs.replace(prepared.result, verdict=verdict, reason=reason)
    steps = conduct(plan, prepared)
    asks = next(steps)
    try:
        while True:
            asks = steps.send([kept.answer(ask) for ask in asks])
    except StopIteration as ended:
        result: CaseResult = ended.value
        return result


def _too_few(count: int, wanted: int) -> str:
    replies = "1 reply" if count == 1 else f"{count} replies"
    return (
        f"the run has {replies} of this case, and `samples` wants {wanted}; "
        f"`--samples {count}` judges what there is"
    )


def _not_asked(told: list[RecordedReply]) -> str:
    providers = sorted({one.provider for one in told if one.role != "judge"})
    if providers:
        return f"the run asked another provider: {', '.join(providers)}"
    return "the run did not ask this case"


class _Kept:
    """What a run recorded of one case, as answers to what the case asks now.

    Replies are numbered anew: an interrupted run may have the third one and not the first.
    """

    def __init__(self, replies: list[RecordedReply]) -> None:
        self._judged = {one.key: one for one in replies if one.role == "judge"}
        self._roles = {
            role: [one for one in replies if one.role == role and one.reply is not None]
            for role in ("sample", "second")
        }
        self._failures = [one for one in replies if one.role == "sample" and one.failure]

    @property
    def samples(self) -> int:
        """How many replies came at the first look."""
        return len(self._roles["sample"])

    @property
    def failed(self) -> bool:
        """Whether what is missing is told by a failure."""
        return bool(self._failures)

    def answer(self, ask: Ask) -> Got:
        """What came of a question; nothing where it was not asked."""
        if ask.role == "judge":
            return _as_got(self._judged.get(ask.key))
        answers = self._roles[ask.role]
        if ask.ordinal < len(answers):
            return _as_got(answers[ask.ordinal])
        return _as_got(self._failures[0] if self._failures and ask.role == "sample" else None)


def _as_got(one: RecordedReply | None) -> Got:
    if one is None:
        return Got()
    return Got(reply=one.reply, failure=one.failure, attempts=one.attempts)
