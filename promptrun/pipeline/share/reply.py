"""Which reply is shared with a case: what waits, what a run recorded, or what was accepted."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from msgspec import Struct, structs

from promptrun.errors import UsageError
from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.holding import HoldsRecords
from promptrun.runs import list_runs, open_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared
    from promptrun.runs import RunReader

ACCEPTED: Final = "accepted"
PENDING: Final = "pending"
NEWEST: Final = "leave out `--from` for the newest reply there is"
MOST_RUNS: Final = 50
"""Recorded runs that are looked through for a reply, the newest first."""


class Chosen(Struct, frozen=True, kw_only=True):
    """A case with the reply that is shared."""

    result: CaseResult
    source: str
    """Which reply it is, for people."""
    notes: tuple[str, ...] = ()


class Replies(HoldsRecords):
    """Finds the reply that is shared with each case; a context manager: it keeps records open.

    `plan` may write nothing. `wanted` is ``accepted``, ``pending``, ``last`` or the id of a run.
    Without a wish it is the first that there is to the very request of a case: what waits, what was
    recorded last, what was accepted (to whichever request).
    """

    def __init__(self, plan: Plan, wanted: str | None) -> None:
        self._plan = plan
        self._wanted = wanted
        self._opened = ExitStack()
        self._runs: dict[tuple[Path, str], RunReader | None] = {}
        self._newest: dict[Path, list[str]] = {}

    def choose(self, ready: Prepared) -> Chosen:
        """The reply of a case; UsageError where there is none that was asked for."""
        if self._wanted == ACCEPTED:
            found = _find_accepted(self._plan, ready)
        elif self._wanted == PENDING:
            found = _find_pending(self._plan, ready, strict=True)
        elif self._wanted is not None:
            return self._find_in_run(ready, self._wanted)
        else:
            return (
                _find_pending(self._plan, ready)
                or self._find_recorded(ready)
                or _find_accepted(self._plan, ready)
                or _nothing(ready)
            )
        if found is None:
            state = "accepted" if self._wanted == ACCEPTED else "waiting"
            raise UsageError(f"no reply is {state} for `{ready.result.id}`", hint=NEWEST)
        return found

    def _find_recorded(self, ready: Prepared) -> Chosen | None:
        """The newest reply to this very request that a run recorded."""
        root = ready.planned.project.root
        if root not in self._newest:
            runs = list_runs(root, counted=False)[:MOST_RUNS]
            self._newest[root] = [info.id for info in runs if info.problem is None]
        for name in self._newest[root]:
            run = self._open(root, name)
            if run is not None and any(_own_replies(run, ready)):
                return _judge(self._plan, ready, run)
        return None

    def _open(self, root: Path, name: str) -> RunReader | None:
        """A record; None for one that cannot be read, which has no reply to share."""
        if (root, name) not in self._runs:
            try:
                self._runs[root, name] = self._opened.enter_context(open_run(root, name))
            except UsageError:
                self._runs[root, name] = None
        return self._runs[root, name]

    def _find_in_run(self, ready: Prepared, name: str) -> Chosen:
        root = ready.planned.project.root
        run = self._runs.get((root, name))
        if run is None:
            # `last` is the last run that asked: a replay that was reported has no reply.
            opened = open_run(root, name, asked=True)
            run = self._runs[root, name] = self._opened.enter_context(opened)
        if any(_own_replies(run, ready, failed=True)):
            return _judge(self._plan, ready, run)
        asked = any(one.role != "judge" for one in run.replies(ready.result.id))
        why = (
            f"the request of `{ready.result.id}` moved since the run `{run.info.id}`, "
            "or another provider was asked"
            if asked
            else f"the run `{run.info.id}` did not ask `{ready.result.id}`"
        )
        raise UsageError(why, hint=NEWEST)


def _nothing(ready: Prepared) -> Chosen:
    reason = "nobody has asked for it here yet"
    result = structs.replace(ready.result, verdict=Verdict.MISSING, reason=reason)
    return Chosen(result=result, source="none is known, the request alone")


def _find_accepted(plan: Plan, ready: Prepared) -> Chosen | None:
    if ready.accepted.snapshot is None:
        return None
    from promptrun.pipeline.replay import replay

    result = structs.replace(replay(plan, ready), replayed=True)
    if result.comparison is not None and result.comparison.equal:
        # It was held against itself.
        result = structs.replace(result, comparison=None)
    moved = "the accepted reply answered an earlier request; what moved since is told below"
    return Chosen(
        result=result,
        source="the accepted reply",
        notes=() if ready.is_unmoved else (moved,),
    )


def _find_pending(plan: Plan, ready: Prepared, *, strict: bool = False) -> Chosen | None:
    """The reply that waits; None where none does, or where it answered another request."""
    # Few cases have one, and what tells about it loads much.
    project = ready.planned.project
    below = ready.path.relative_to(project.root).as_posix()
    waiting = next(iter(project.store.list_pending([below])), None)
    if waiting is None:
        return None
    problem = waiting.problem
    if problem is not None:
        if strict:
            raise problem
        return None
    if waiting.snapshot is None or waiting.snapshot.digests != ready.kept.digests:
        if strict:
            raise UsageError(
                f"the reply that waits for `{ready.result.id}` answered another request",
                hint="run the case again, or leave out `--from`",
            )
        return None
    from promptrun.pipeline.review import find_changes
    from promptrun.pipeline.waiting import as_whole_result

    target = f"{project.root / ready.case.spec.id}::{ready.case.name}"
    changes = find_changes(structs.replace(plan.options, targets=(target,)))
    change = next((one for one in changes if one.pending.path == ready.path), None)
    if change is None:
        return None
    told = as_whole_result(change)
    result = structs.replace(
        told,
        provider=ready.result.provider,
        tags=ready.case.tags,
        request=ready.result.request,
        replayed=True,  # its times are not kept
    )
    return Chosen(result=result, source=f"the reply that waits, of the run {waiting.run}")


def _own_replies(run: RunReader, ready: Prepared, *, failed: bool = False) -> Iterator[bool]:
    """True for each reply of a run to this very request; with `failed`, for each failure, too."""
    for one in run.replies(ready.result.id, ready.kept.digests):
        if one.role == "sample" and one.provider == ready.planned.provider:
            yield one.reply is not None or failed


def _judge(plan: Plan, ready: Prepared, run: RunReader) -> Chosen:
    """What a run was answered, judged by today's rules."""
    from promptrun.pipeline.recorded import Recorded, judge_recorded

    digests, provider = ready.kept.digests, ready.planned.provider
    kept = Recorded(
        one
        for one in run.replies(ready.result.id, digests)
        if one.role == "judge" or one.provider == provider
    )
    case = ready.case
    if case.samples.count > 1:
        from promptrun.pipeline.needs import require_samplers

        require_samplers(plan)
        # An interrupted run has fewer replies than the spec wants.
        count = max(1, min(case.samples.count, kept.samples))
        samples = structs.replace(case.samples, count=count)
        ready = structs.replace(ready, case=structs.replace(case, samples=samples))
    info = run.info
    plan = structs.replace(plan, options=structs.replace(plan.options, again=info.id))
    result = judge_recorded(plan, ready, kept)
    if ready.accepted.snapshot is None and result.verdict is Verdict.MISSING:
        result = structs.replace(result, verdict=Verdict.NEW, reason=None)
    return Chosen(result=result, source=f"the reply that the run {info.id} recorded")
