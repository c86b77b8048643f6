"""A recorded run, judged anew by today's rules; nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.errors import UsageError
from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.prepare import Prepared, prepare
from promptrun.pipeline.recorded import Recorded, judge_recorded
from promptrun.runs import RecordedReply, RunReader, open_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec


def judge_again(plan: Plan, name: str) -> Iterator[tuple[PlannedSpec, CaseResult]]:
    """Judge the replies of a recorded run by today's rules.

    A case that the run did not ask this provider is skipped; one whose request moved since is an
    error. What waits afterwards names the recorded run. Raises UsageError where there is no such
    run, or more than one project.
    """
    roots = {planned.project.root for planned in plan.specs}
    if len(roots) > 1:
        raise UsageError("`--again` judges the run of one project", hint="name specs of one")
    with open_run(roots.pop(), name, asked=True) as run:
        plan = structs.replace(plan, run_id=run.info.id)
        for planned, case in plan.all_cases():
            ready = prepare(plan, planned, case)
            if isinstance(ready, Prepared):
                ready = _judge_recorded(plan, ready, run)
            yield planned, ready


def _judge_recorded(plan: Plan, prepared: Prepared, run: RunReader) -> CaseResult:
    told = list(run.replies(prepared.result.id))
    digests, provider = prepared.kept.digests, prepared.planned.provider
    mine = [one for one in told if one.role == "judge" or one.provider == provider]
    kept = Recorded([one for one in mine if one.digests == digests])
    wanted = prepared.case.samples.count
    if kept.samples < wanted and not kept.failed:
        verdict, reason = Verdict.ERROR, _too_few(kept.samples, wanted)
        if not kept.samples:
            asked = any(one.role != "judge" for one in mine)
            verdict = Verdict.ERROR if asked else Verdict.SKIPPED
            reason = "the request moved since that run" if asked else _not_asked(told)
        return structs.replace(prepared.result, verdict=verdict, reason=reason)
    return judge_recorded(plan, prepared, kept)


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
