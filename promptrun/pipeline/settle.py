"""One case through the stages: prepared before it is sent, settled when its reply is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from promptrun.compare import compare
from promptrun.errors import SnapshotError, SpecErrors
from promptrun.expect import Evidence, judge
from promptrun.models import (
    BadCase,
    Case,
    CaseResult,
    Failure,
    Reply,
    Request,
    Snapshot,
    Verdict,
)
from promptrun.pipeline.judge import judge_reply
from promptrun.pipeline.plan import PlannedSpec, as_error, describe_error, warnings_of
from promptrun.providers import unsupported
from promptrun.render import render_request
from promptrun.snapshots import Accepted, make_snapshot, recall_reply, snapshot_path

if TYPE_CHECKING:
    from promptrun.config import Masker
    from promptrun.pipeline.judge import Action
    from promptrun.pipeline.plan import Plan


class Prepared(Struct, frozen=True, kw_only=True):
    """A case that can be sent, or judged from its snapshot.

    `result` holds what is known so far; its verdict does not count yet.
    """

    planned: PlannedSpec
    case: Case
    request: Request
    """As it is sent; `result.request` is the same with secrets masked."""
    path: Path
    accepted: Accepted
    result: CaseResult


def prepare(plan: Plan, planned: PlannedSpec, case: Case | BadCase) -> Prepared | CaseResult:
    """Render a case and read its snapshot, or say at once what becomes of it."""
    result = CaseResult(
        spec=plan.masker.mask_text(case.spec.id),
        case=plan.masker.mask_text(case.name),
        verdict=Verdict.ERROR,
        provider=planned.provider,
        replayed=plan.options.replay,
    )
    if result.id != case.id:
        # The names stand on the screen, in the snapshot and in its path.
        return structs.replace(result, reason="a secret stands in the name of the case or spec")
    if isinstance(case, BadCase):
        return structs.replace(result, error=case.error)
    try:
        request = render_request(case)
    except SpecErrors as several:
        return structs.replace(result, error=several.errors[0])
    warnings = warnings_of(case, request.warnings)
    if planned.strict and warnings:
        return structs.replace(result, error=as_error(warnings[0]))
    result = structs.replace(
        result, request=_masked_request(plan.masker, request), warnings=warnings
    )
    reason = unsupported(planned.provider, request)
    if reason:
        return structs.replace(result, verdict=Verdict.SKIPPED, reason=reason)
    project = planned.project
    path = snapshot_path(project.root, case.spec.path, case.name, planned.provider)
    try:
        accepted = project.store.read(path, case.spec.id, case.name)
    except SnapshotError as error:
        return structs.replace(result, reason=describe_error(error))
    if accepted.state == "foreign" and accepted.problem:
        return structs.replace(result, reason=describe_error(accepted.problem))
    return Prepared(
        planned=planned,
        case=case,
        request=request,
        path=path,
        accepted=accepted,
        result=structs.replace(result, snapshot=path.relative_to(project.root).as_posix()),
    )


def replay(plan: Plan, prepared: Prepared) -> CaseResult:
    """Judge the accepted reply against today's spec; nothing is sent and nothing written."""
    if prepared.accepted.snapshot is None:
        reason = _why_missing(plan, prepared)
        return structs.replace(prepared.result, verdict=Verdict.MISSING, reason=reason)
    return settle(plan, prepared, recall_reply(prepared.accepted.snapshot))


def fail(plan: Plan, prepared: Prepared, failure: Failure, attempts: int) -> CaseResult:
    """The result of a case that got no reply."""
    return structs.replace(
        prepared.result, failure=mask_failure(plan.masker, failure), attempts=attempts
    )


def mask_failure(masker: Masker, failure: Failure) -> Failure:
    """The same failure with its texts masked: servers like to repeat a key that is wrong."""
    texts = {
        name: masker.mask_text(value)
        for name, value in structs.asdict(failure).items()
        if isinstance(value, str) and name != "kind"
    }
    return structs.replace(failure, **texts)


def settle(plan: Plan, prepared: Prepared, reply: Reply, attempts: int = 1) -> CaseResult:
    """Hold a reply against its expectations and its snapshot, and write what may be written."""
    case, result = prepared.case, prepared.result
    reply = _masked_reply(plan.masker, reply)
    assert result.request is not None  # noqa: S101 - `prepare` set it
    new = make_snapshot(
        case.spec.id,
        case.name,
        result.request.body,
        reply.raw,
        case.compare,
        keep_request=case.spec.keep_request,
    )
    accepted = prepared.accepted.snapshot
    evidence = Evidence(
        snapshot=new, reply=None if plan.options.replay else reply, accepted=accepted
    )
    outcomes = judge(case.expect, evidence)
    comparison = compare(accepted, new, case.compare) if accepted else None
    verdict, action = judge_reply(
        comparison, outcomes, plan.policy, unreadable=prepared.accepted.state == "unreadable"
    )
    result = structs.replace(
        result,
        verdict=verdict,
        reply=reply,
        outcomes=outcomes,
        comparison=comparison,
        reason=_why_missing(plan, prepared) if verdict is Verdict.MISSING else None,
        attempts=attempts,
    )
    try:
        return _carry_out(plan, prepared, result, new, action)
    except (SnapshotError, OSError) as error:
        # The reply is paid for: it stays in the result, to be shown and taken by hand. Only a
        # snapshot that was to be written changes the verdict; a regression stays one.
        why = _why_unwritten(error)
        if action == "write":
            return structs.replace(result, verdict=Verdict.ERROR, reason=why)
        return structs.replace(result, notes=(*result.notes, f"nothing could be kept: {why}"))


def _carry_out(
    plan: Plan, prepared: Prepared, result: CaseResult, new: Snapshot, action: Action
) -> CaseResult:
    store, path = prepared.planned.project.store, prepared.path
    if action == "write":
        store.write(path, new, replace_unreadable=plan.policy.unreadable)
        store.drop_pending(path)
        return structs.replace(result, written=True)
    if action == "propose":
        pending = store.propose(path, new, run=plan.run_id, replaces=prepared.accepted.digest)
        return structs.replace(result, pending=pending.relative_to(store.root).as_posix())
    if action == "settle":
        store.drop_pending(path)
    return result


def _why_missing(plan: Plan, prepared: Prepared) -> str:
    if prepared.accepted.problem:
        return describe_error(prepared.accepted.problem)
    if plan.options.replay:
        return "there is no accepted reply to replay"
    if plan.options.judges_only:
        return "there is no snapshot, and a run with --var, --model or --seed writes none"
    return "there is no snapshot, and this run may write none"


def _why_unwritten(error: SnapshotError | OSError) -> str:
    if isinstance(error, SnapshotError):
        return describe_error(error)
    return f"cannot write `{error.filename}`: {error.strerror}"


def _masked_request(masker: Masker, request: Request) -> Request:
    return structs.replace(request, body=masker.mask(request.body))


def _masked_reply(masker: Masker, reply: Reply) -> Reply:
    request_id = masker.mask_text(reply.request_id) if reply.request_id else None
    return structs.replace(reply, raw=masker.mask(reply.raw), request_id=request_id)
