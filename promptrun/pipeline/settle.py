"""What becomes of a case's new reply, or set of replies: its verdict, and what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from promptrun.compare import compare
from promptrun.errors import SnapshotError
from promptrun.expect import Evidence, Judgement, judge
from promptrun.models import Cause, Snapshot, Verdict
from promptrun.pipeline.faults import describe_error
from promptrun.pipeline.judge import judge_reply
from promptrun.snapshots import make_snapshot, recall_reply, record_reply
from promptrun.snapshots.sets import is_set, judgements_of, recall_set

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from promptrun.models import CaseResult, Comparison, Reply
    from promptrun.pipeline.judge import Action
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared

VARIES = (
    "replies vary at a temperature above 0: judge them by `expect` with `compare: {mode: none}`, "
    "by their `shape`, or as a set with `samples: 10`"
)


def snapshot_of(prepared: Prepared, reply: dict[str, Any]) -> Snapshot:
    """The snapshot that a recorded reply or set would be."""
    case = prepared.case
    return make_snapshot(
        case.spec.id,
        case.name,
        prepared.kept,
        reply,
        keep_request=case.spec.keep_request,
    )


def evidence_of(
    plan: Plan,
    prepared: Prepared,
    snapshot: Snapshot,
    reply: Reply | None,
    judgements: Mapping[str, Judgement],
) -> Evidence:
    """What the expectations of a case judge by; `reply` is None for one that was accepted."""
    case, project = prepared.case, prepared.planned.project
    assert prepared.result.request is not None  # noqa: S101 - `prepare` set it
    judges: Mapping[str | None, str] = {}
    if any(rule.kind == "judge" for rule in prepared.rules):
        from promptrun.pipeline.judges import judge_digests

        judges = judge_digests(plan, prepared.planned, prepared.rules)
    return Evidence(
        snapshot=snapshot,
        reply=reply,
        accepted=prepared.accepted.snapshot,
        request=prepared.result.request.body,
        variables=case.vars,
        provider=prepared.planned.provider,
        root=project.root,
        folder=case.spec.path.parent,
        allow_python=plan.allows_python(project.root),
        judgements=judgements,
        judges=judges,
    )


def settle_reply(
    plan: Plan,
    prepared: Prepared,
    reply: Reply,
    judgements: Mapping[str, Judgement],
    *,
    attempts: int = 1,
    live: bool = True,
) -> CaseResult:
    """Hold one reply against its expectations and its snapshot, and write what may be written.

    Secrets in `reply` are masked already. Nothing is written for one that is not `live`.
    """
    case = prepared.case
    new = snapshot_of(prepared, record_reply(reply.raw, case.compare))
    outcomes = judge(
        prepared.rules,
        evidence_of(plan, prepared, new, reply if live else None, judgements),
    )
    accepted = prepared.accepted.snapshot
    comparison = compare_with(accepted, new, prepared) if accepted else None
    verdict, action = judge_reply(
        comparison, outcomes, plan.policy, unreadable=prepared.accepted.state == "unreadable"
    )
    if not live:
        # What was accepted is there already, and a newer reply may wait beside it.
        action = "none"
    result = structs.replace(
        prepared.result,
        verdict=verdict,
        reply=reply,
        outcomes=outcomes,
        comparison=comparison,
        reason=why_missing(plan, prepared) if verdict is Verdict.MISSING else None,
        attempts=attempts,
        hint=_hint(prepared, comparison),
    )
    return carry_out(plan, prepared, result, with_judgements(new, judgements), action)


def compare_with(accepted: Snapshot, new: Snapshot, prepared: Prepared) -> Comparison:
    """One reply against the accepted one; against a set, any that is equal, else the first.

    The first of a set is the one that came most often.
    """
    if not is_set(accepted):
        return compare(accepted, new, prepared.case.compare)
    nearest: Comparison | None = None
    for sample in accepted.reply["samples"]:
        one = {name: accepted.reply.get(name) for name in ("model", "system_fingerprint")}
        single = structs.replace(accepted, reply=one | {"choices": sample["choices"]})
        comparison = compare(single, new, prepared.case.compare)
        if not comparison.reply:
            return comparison
        nearest = nearest or comparison
    assert nearest is not None  # noqa: S101 - a set is never empty
    return nearest


def with_judgements(snapshot: Snapshot, judgements: Mapping[str, Judgement]) -> Snapshot:
    """The snapshot with what judges said of its replies, so that a replay need not ask them."""
    told = [
        {"key": key, "score": one.score, "reason": one.reason}
        for key, one in sorted(judgements.items())
        if one.score is not None
    ]
    if not told:
        return snapshot
    return structs.replace(snapshot, reply=snapshot.reply | {"judgements": told})


def recalled_judgements(accepted: Snapshot) -> dict[str, Judgement]:
    """What judges said of the accepted replies, as the snapshot holds it."""
    return {
        key: Judgement(score=float(one["score"]), reason=str(one["reason"]))
        for key, one in judgements_of(accepted).items()
    }


def _hint(prepared: Prepared, comparison: Comparison | None) -> str | None:
    if comparison is None or comparison.causes != (Cause.REPLY,):
        return None
    accepted = prepared.accepted.snapshot
    if prepared.request.body.get("temperature") == 0 or (accepted and is_set(accepted)):
        return None
    return VARIES


def carry_out(
    plan: Plan, prepared: Prepared, result: CaseResult, new: Snapshot, action: Action
) -> CaseResult:
    """Write what the verdict lets be written, and say what was."""
    result = with_what_counted(prepared, result)
    try:
        return _carry_out(plan, prepared, result, new, action)
    except (SnapshotError, OSError) as error:
        # The reply is paid for: it stays in the result, to be shown and taken by hand. Only a
        # snapshot that was to be written changes the verdict; a regression stays one.
        why = _why_unwritten(error, prepared.path)
        if action == "write":
            return structs.replace(result, verdict=Verdict.ERROR, reason=why)
        return structs.replace(result, notes=(*result.notes, f"nothing could be kept: {why}"))


def with_what_counted(prepared: Prepared, result: CaseResult) -> CaseResult:
    """The result of a case that needs reading, with its place and what was accepted."""
    if result.verdict in {Verdict.PASSED, Verdict.NEW}:
        return result
    accepted, comparison = prepared.accepted.snapshot, result.comparison
    differs = comparison is None or comparison.reply or result.sets is not None
    return structs.replace(
        result,
        location=prepared.case.location,
        accepted=_accepted_replies(accepted) if accepted and differs else (),
    )


def _accepted_replies(accepted: Snapshot) -> tuple[tuple[Reply, int], ...]:
    if is_set(accepted):
        return tuple(recall_set(accepted))
    return ((recall_reply(accepted), 1),)


def _carry_out(
    plan: Plan, prepared: Prepared, result: CaseResult, new: Snapshot, action: Action
) -> CaseResult:
    store, path, moves = prepared.planned.project.store, prepared.path, prepared.moves
    if action == "settle" and moves is not None:
        # It passes where it is; only accepting changes what is in git.
        action = "propose"
    if action == "write":
        store.write(
            path,
            new,
            replace_unreadable=plan.policy.unreadable,
            only_new=not plan.policy.changed
            and (prepared.accepted.state == "absent" or moves is not None),
        )
        store.drop_pending(path)
        if moves is not None:
            old = moves.accepted.snapshot
            assert old is not None  # noqa: S101 - an orphan is one that could be read
            digest = moves.accepted.digest
            store.remove(moves.path, old.spec, old.case, digest=digest, owner=path)
        return structs.replace(result, written=True)
    if action == "propose":
        pending = store.propose(
            path, new, run=plan.run_id, replaces=prepared.accepted.digest, moves=moves
        )
        return structs.replace(result, pending=pending.relative_to(store.root).as_posix())
    if action == "settle":
        store.drop_pending(path)
        add_judgements(plan, prepared, new)
    return result


def add_judgements(plan: Plan, prepared: Prepared, new: Snapshot) -> None:
    """Let a snapshot that holds passes keep what judges said of it, where it does not know yet.

    That is as new as a first snapshot is, and written where one would be.
    """
    accepted = prepared.accepted.snapshot
    if accepted is None or not plan.policy.new or "judgements" not in new.reply:
        return
    known = {one["key"] for one in accepted.reply.get("judgements") or ()}
    told = new.reply["judgements"]
    same = all(accepted.reply.get(part) == new.reply.get(part) for part in ("choices", "samples"))
    if same and not {one["key"] for one in told} <= known:
        reply = accepted.reply | {"judgements": told}
        prepared.planned.project.store.write(prepared.path, structs.replace(accepted, reply=reply))


def why_missing(plan: Plan, prepared: Prepared) -> str:
    """Why a case has no accepted reply, and gets none."""
    if prepared.accepted.problem:
        return describe_error(prepared.accepted.problem)
    if plan.options.replay:
        return "there is no accepted reply to replay"
    if plan.options.judges_only:
        flags = "--var, --model, --seed or --samples"
        return f"there is no snapshot, and a run with {flags} writes none"
    return "there is no snapshot, and this run may write none"


def _why_unwritten(error: SnapshotError | OSError, path: Path) -> str:
    if isinstance(error, SnapshotError):
        return describe_error(error)
    return f"cannot write `{error.filename or path}`: {error.strerror}"
