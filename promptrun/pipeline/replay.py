"""A case whose accepted reply, or set of replies, is judged anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.settle import (
    add_judgements,
    recalled_judgements,
    settle_reply,
    why_missing,
    with_judgements,
)
from promptrun.snapshots import recall_reply
from promptrun.snapshots.sets import is_set, recall_set

if TYPE_CHECKING:
    from collections.abc import Mapping

    from promptrun.expect import Judgement
    from promptrun.models import Reply, Snapshot
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared


def replay(plan: Plan, prepared: Prepared) -> CaseResult:
    """Judge the accepted reply or set against today's spec; nothing is sent and nothing written."""
    if prepared.accepted.snapshot is None:
        reason = why_missing(plan, prepared)
        return structs.replace(
            prepared.result, verdict=Verdict.MISSING, reason=reason, replayed=True
        )
    return judge_accepted(plan, prepared, {})


def judge_accepted(
    plan: Plan, prepared: Prepared, judgements: Mapping[str, Judgement]
) -> CaseResult:
    """The same where there is one, with `judgements` over those that it holds."""
    accepted = prepared.accepted.snapshot
    assert accepted is not None  # noqa: S101 - asked by the caller
    prepared = structs.replace(prepared, result=structs.replace(prepared.result, replayed=True))
    known = {**recalled_judgements(accepted), **judgements}
    result = judge_kept(plan, prepared, accepted, known)
    if judgements and result.verdict is Verdict.PASSED:
        add_judgements(plan, prepared, with_judgements(accepted, known))
    return result


def judge_kept(
    plan: Plan, prepared: Prepared, kept: Snapshot, known: Mapping[str, Judgement]
) -> CaseResult:
    """Judge the reply or set of a snapshot, accepted or waiting, by what is kept of it."""
    if not is_set(kept):
        return settle_reply(plan, prepared, recall_reply(kept), known, live=False)
    from promptrun.pipeline.sets import look_at, settle_set

    look = look_at(plan, prepared, recall_set(kept), known, live=False)
    return settle_set(plan, prepared, look, None, live=False)


def accepted_replies(prepared: Prepared) -> list[Reply]:
    """The distinct replies of the accepted snapshot, which is there."""
    accepted = prepared.accepted.snapshot
    assert accepted is not None  # noqa: S101 - asked by the caller
    if is_set(accepted):
        return [reply for reply, _ in recall_set(accepted)]
    return [recall_reply(accepted)]
