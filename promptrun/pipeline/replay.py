"""A case whose accepted reply, or set of replies, is judged anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.expect import Judgement
from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.settle import settle_reply, why_missing
from promptrun.snapshots import recall_reply
from promptrun.snapshots.sets import is_set, judgements_of, recall_set

if TYPE_CHECKING:
    from collections.abc import Mapping

    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared


def replay(plan: Plan, prepared: Prepared) -> CaseResult:
    """Judge the accepted reply or set against today's spec; nothing is sent and nothing written."""
    prepared = structs.replace(prepared, result=structs.replace(prepared.result, replayed=True))
    accepted = prepared.accepted.snapshot
    if accepted is None:
        reason = why_missing(plan, prepared)
        return structs.replace(prepared.result, verdict=Verdict.MISSING, reason=reason)
    judgements = _recalled(judgements_of(accepted))
    if not is_set(accepted):
        return settle_reply(plan, prepared, recall_reply(accepted), judgements, live=False)
    from promptrun.pipeline.sets import look_at, settle_set

    look = look_at(plan, prepared, recall_set(accepted), judgements, live=False)
    return settle_set(plan, prepared, look, None, live=False)


def _recalled(kept: Mapping[str, Mapping[str, object]]) -> dict[str, Judgement]:
    return {
        key: Judgement(score=float(str(one["score"])), reason=str(one["reason"]))
        for key, one in kept.items()
    }
