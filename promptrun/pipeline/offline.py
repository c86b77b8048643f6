"""A run that sends nothing: accepted replies, or those of a recorded run, judged anew."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from promptrun.pipeline.events import Stopped
from promptrun.pipeline.exits import INTERRUPTED, exit_code, is_well, why_failed_fast
from promptrun.pipeline.prepare import Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from promptrun.models import CaseResult, Verdict
    from promptrun.pipeline.events import Event
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec
    from promptrun.runs import EndState

    Judged = Generator[tuple[PlannedSpec, CaseResult]]


def judge_what_is_there(plan: Plan) -> Iterator[Event]:
    """One result a case, and a Stopped where ``--fail-fast`` ends it.

    It leaves a record only where a report is to be made of it. Raises UsageError where there is no
    such run to be judged again, RecordError where it cannot be recorded.
    """
    judged = _judge(plan)
    if plan.options.reported:
        judged = _record(plan, judged)
    with closing(judged):
        for _, result in judged:
            yield result
            if plan.options.fail_fast and not is_well(result):
                yield Stopped(reason=why_failed_fast(result), wished=True)
                return


def _judge(plan: Plan) -> Judged:
    if plan.options.again is not None:
        from promptrun.pipeline.again import judge_again

        yield from judge_again(plan, plan.options.again)
        return
    from promptrun.pipeline.replay import replay

    for planned, case in plan.all_cases():
        ready = prepare(plan, planned, case)
        yield planned, replay(plan, ready) if isinstance(ready, Prepared) else ready


def _record(plan: Plan, judged: Judged) -> Judged:
    # A replay that nobody reports does not pay for a database.
    from promptrun.execute import Stop
    from promptrun.pipeline.record import Recorder

    recorder = Recorder(plan, Stop())
    counts: Counter[Verdict] = Counter()
    state: EndState = "crashed"
    is_last = False
    try:
        for planned, result in judged:
            counts[result.verdict] += 1
            is_last = plan.options.fail_fast and not is_well(result)
            recorder.keep_case(planned.project.root, result, None)
            if recorder.failed is not None:
                raise recorder.failed
            yield planned, result
        state = "finished"
    except (GeneratorExit, KeyboardInterrupt) as ended:
        wished = is_last and isinstance(ended, GeneratorExit)
        state = "stopped" if wished else "interrupted"
        raise
    finally:
        code = exit_code(counts, 0, stopped=state != "finished")
        recorder.close(state, INTERRUPTED if state == "interrupted" else code)
