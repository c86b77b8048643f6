"""One case before it is asked: its request rendered, its snapshot read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from promptrun.errors import SnapshotError, SpecErrors
from promptrun.models import (
    BadCase,
    Case,
    CaseResult,
    Expectation,
    Failure,
    Reply,
    Request,
    Verdict,
)
from promptrun.pipeline.faults import (
    as_error,
    describe_error,
    missing_checks,
    rules_of,
    warnings_of,
)
from promptrun.pipeline.projects import PlannedSpec
from promptrun.providers import unsupported
from promptrun.render import render_request
from promptrun.snapshots import Accepted, KeptRequest, request_as_kept, snapshot_path
from promptrun.snapshots.values import Orphan

if TYPE_CHECKING:
    from promptrun.config import Masker
    from promptrun.pipeline.plan import Plan


class Prepared(Struct, frozen=True, kw_only=True):
    """A case that can be sent, or judged from its snapshot.

    `result` holds what is known so far; its verdict does not count yet.
    """

    planned: PlannedSpec
    case: Case
    request: Request
    """As it is sent; `result.request` is the same with secrets masked."""
    rules: tuple[Expectation, ...]
    """The case's expectations, templates and files filled in."""
    path: Path
    accepted: Accepted
    kept: KeptRequest
    """The request as a snapshot keeps it, secrets masked."""
    moves: Orphan | None = None
    """Where the accepted reply is that of a case of another name, which is gone."""
    result: CaseResult

    @property
    def is_unmoved(self) -> bool:
        """Whether the accepted reply answered the very request that would be sent now."""
        accepted = self.accepted.snapshot
        return accepted is not None and accepted.digests == self.kept.digests


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
        request, rules = render_request(case), rules_of(case)
    except SpecErrors as several:
        return structs.replace(result, error=several.errors[0])
    missing = next(missing_checks(case, rules), None)
    if missing is not None:
        return structs.replace(result, error=missing)
    warnings = warnings_of(case, request.warnings)
    if planned.strict and warnings:
        return structs.replace(result, error=as_error(warnings[0]))
    masked = structs.replace(request, body=plan.masker.mask(request.body))
    # Replies are masked before they are judged, so what they are judged by is masked, too.
    rules = tuple(structs.replace(one, argument=plan.masker.mask(one.argument)) for one in rules)
    tags = tuple(plan.masker.mask_text(one) for one in case.tags) if case.tags else ()
    result = structs.replace(result, request=masked, warnings=warnings, tags=tags)
    reason = unsupported(planned.provider, request)
    if reason:
        return structs.replace(result, verdict=Verdict.SKIPPED, reason=reason)
    path = snapshot_path(planned.project.root, case.spec.path, case.name, planned.provider)
    try:
        accepted = planned.project.store.read(path, case.spec.id, case.name)
    except SnapshotError as error:
        return structs.replace(result, reason=describe_error(error))
    if accepted.state == "foreign" and accepted.problem:
        return structs.replace(result, reason=describe_error(accepted.problem))
    snapshot = path.relative_to(planned.project.root).as_posix()
    prepared = Prepared(
        planned=planned,
        case=case,
        request=request,
        rules=rules,
        path=path,
        accepted=accepted,
        kept=request_as_kept(masked.body),
        result=structs.replace(result, snapshot=snapshot),
    )
    return _under_its_old_name(plan, prepared) if accepted.state == "absent" else prepared


def _under_its_old_name(plan: Plan, prepared: Prepared) -> Prepared:
    """The case with the snapshot that it had before it was renamed, if there is one."""
    if plan.find_orphan is None:
        return prepared
    project, provider = prepared.planned.project, prepared.planned.provider
    moves = plan.find_orphan(project, prepared.case, provider, prepared.kept.digests)
    if moves is None:
        return prepared
    note = f"judged by the snapshot of `{moves.id}`, which is gone"
    if plan.policy.pending:
        note += "; accepting moves it here"
    return structs.replace(
        prepared,
        # A file that is not here yet is what a new one would replace.
        accepted=structs.replace(moves.accepted, digest=None),
        moves=moves,
        result=structs.replace(prepared.result, notes=(note,)),
    )


def fail(prepared: Prepared, failure: Failure, attempts: int) -> CaseResult:
    """The result of a case that got no reply; secrets in `failure` are masked already."""
    return structs.replace(
        prepared.result,
        failure=failure,
        attempts=attempts,
        location=prepared.case.location,
    )


def internal_error(prepared: Prepared, error: Exception) -> CaseResult:
    """The result of a case in which promptrun itself went wrong; it says where."""
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    reason = f"internal error in {place}: {type(error).__name__}: {error}; please report it"
    return structs.replace(prepared.result, verdict=Verdict.ERROR, reason=reason)


def mask_failure(masker: Masker, failure: Failure) -> Failure:
    """The same failure with its texts masked: servers like to repeat a key that is wrong."""
    texts = {
        name: masker.mask_text(value)
        for name, value in structs.asdict(failure).items()
        if isinstance(value, str) and name != "kind"
    }
    return structs.replace(failure, **texts)


def mask_reply(masker: Masker, reply: Reply) -> Reply:
    """The same reply with secrets masked."""
    request_id = masker.mask_text(reply.request_id) if reply.request_id else None
    return structs.replace(reply, raw=masker.mask(reply.raw), request_id=request_id)
