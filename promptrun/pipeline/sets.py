"""N replies of one case: counted rule by rule, held against the accepted set, and settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, structs

from promptrun.compare import compare
from promptrun.compare.samples import Kept, Sample, compare_sets, with_second
from promptrun.compare.samples.wilson import make_rate
from promptrun.models import (
    Cause,
    Comparison,
    Difference,
    Outcome,
    RateTest,
    Reply,
    SetComparison,
    Snapshot,
    Verdict,
)
from promptrun.pipeline.judge import judge_reply
from promptrun.pipeline.settle import (
    carry_out,
    recalled_judgements,
    snapshot_of,
    why_missing,
    with_judgements,
)
from promptrun.pipeline.tally import Tally, count_kept, outcome_of
from promptrun.snapshots import recall_reply
from promptrun.snapshots.sets import is_set, kept_counts, recall_set, record_set

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from promptrun.expect import Judgement
    from promptrun.models import CaseResult
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared


class Look(Struct, frozen=True, kw_only=True):
    """One set of replies, judged by itself and against the accepted one."""

    replies: tuple[Reply, ...]
    new: Snapshot
    outcomes: tuple[Outcome, ...]
    """One a rule, by the share that keeps it."""
    comparison: Comparison | None
    sets: SetComparison

    @property
    def wants_second(self) -> bool:
        """Whether fresh replies must show that an alarm was no accident.

        They are not asked for where the verdict stands already: a request that moved, a rule that
        is broken by itself.
        """
        broken = any(not one.kept for one in self.outcomes)
        return self.sets.alarm and not broken and bool(self.comparison and self.comparison.equal)


def look_at(
    plan: Plan,
    prepared: Prepared,
    replies: Sequence[tuple[Reply, int]],
    judgements: Mapping[str, Judgement],
    *,
    live: bool = True,
) -> Look:
    """Judge a set of masked replies, each with how often it came."""
    tallies = count_kept(plan, prepared, replies, judgements, live=live)
    each = [reply for reply, count in replies for _ in range(count)]
    rules = prepared.case.compare
    kept = {one.rule: one.kept for one in tallies if one.total}
    new = snapshot_of(prepared, record_set([one.raw for one in each], rules, kept))
    accepted = prepared.accepted.snapshot if live else None
    before = _before(plan, prepared, accepted, judgements) if accepted else {}
    sets = _compare(prepared, new, tallies, accepted, before)
    return Look(
        replies=tuple(each),
        new=with_judgements(new, judgements),
        outcomes=tuple(outcome_of(one, before.get(one.rule)) for one in tallies),
        comparison=_compare_requests(plan, prepared, new, sets),
        sets=sets,
    )


def settle_set(
    plan: Plan,
    prepared: Prepared,
    first: Look,
    second: Look | None,
    *,
    attempts: int = 1,
    live: bool = True,
    alone: bool = False,
) -> CaseResult:
    """The verdict on a set, and what is written; `second` is the look after an alarm.

    `alone`: an alarm counts by itself, since nothing fresh came. What confirms a change is the
    fairer picture of it, since the first look was chosen by its alarm: then the fresh replies are
    those that are judged and kept.
    """
    sets = with_second(first.sets, second.sets) if second else first.sets
    look = second if second is not None and sets.confirmed else first
    comparison = first.comparison
    counts = alone or sets.confirmed or (comparison is not None and not comparison.equal)
    if comparison is not None and sets.alarm and counts:
        causes = tuple(c for c in Cause if c in comparison.causes or c is Cause.REPLY)
        comparison = structs.replace(comparison, causes=causes)
    verdict, action = judge_reply(
        comparison,
        look.outcomes,
        plan.policy,
        unreadable=prepared.accepted.state == "unreadable",
    )
    note = () if not (alone and sets.alarm) else ("no fresh replies came to confirm it",)
    result = structs.replace(
        prepared.result,
        verdict=verdict,
        reply=look.replies[0],
        replies=look.replies,
        outcomes=_worth_telling(look.outcomes, len(prepared.rules)),
        comparison=comparison,
        sets=sets,
        reason=why_missing(plan, prepared) if verdict is Verdict.MISSING else None,
        notes=(*prepared.result.notes, *note),
        attempts=attempts,
    )
    return carry_out(plan, prepared, result, look.new, action if live else "none")


def _worth_telling(outcomes: Sequence[Outcome], stated: int) -> tuple[Outcome, ...]:
    """Those of the rules that are stated, and of what always holds where it is broken."""
    return tuple(one for at, one in enumerate(outcomes) if at < stated or not one.kept)


def _compare(
    prepared: Prepared,
    new: Snapshot,
    tallies: Sequence[Tally],
    accepted: Snapshot | None,
    before: Mapping[str, tuple[int, int]],
) -> SetComparison:
    case = prepared.case
    if accepted is None:
        rates = tuple(
            RateTest(rule=one.rule, now=make_rate(one.kept, one.total))
            for one in tallies
            if one.total
        )
        return SetComparison(
            before=0,
            now=sum(sample["count"] for sample in new.reply["samples"]),
            alpha=case.samples.alpha,
            rates=rates,
            least_p=1.0,
            false_alarms=0.0,
        )
    kept = []
    for one in tallies:
        earlier = before.get(one.rule)
        if one.total:
            kept.append(
                Kept(
                    rule=one.rule,
                    now=one.kept,
                    total=one.total,
                    before=earlier[0] if earlier else None,
                    total_before=earlier[1] if earlier else None,
                )
            )
    return compare_sets(
        samples_of(accepted), samples_of(new), case.compare, kept, alpha=case.samples.alpha
    )


def _before(
    plan: Plan, prepared: Prepared, accepted: Snapshot, judgements: Mapping[str, Judgement]
) -> dict[str, tuple[int, int]]:
    """How many of the accepted replies keep each rule as it is today, and of how many.

    What not all of them tell any more, such as their latencies, is as it was counted when they
    came, and not told where it was not.
    """
    replies = recall_set(accepted) if is_set(accepted) else [(recall_reply(accepted), 1)]
    size = sum(count for _, count in replies)
    counts = {rule: (kept, size) for rule, kept in kept_counts(accepted).items()}
    known = {**recalled_judgements(accepted), **judgements}
    for one in count_kept(plan, prepared, replies, known, live=False):
        if one.total == size:
            counts[one.rule] = one.kept, one.total
    return counts


def samples_of(snapshot: Snapshot) -> list[Sample]:
    """The distinct replies of a snapshot; one reply is a set of one."""
    if is_set(snapshot):
        return [
            Sample(choices=one["choices"], count=one["count"]) for one in snapshot.reply["samples"]
        ]
    return [Sample(choices=snapshot.reply.get("choices") or [])]


def _compare_requests(
    plan: Plan, prepared: Prepared, new: Snapshot, sets: SetComparison
) -> Comparison | None:
    """What moved beside the replies; and a set that has to be accepted before it can be judged."""
    accepted = prepared.accepted.snapshot
    if accepted is None:
        return None
    # Without replies there is nothing to ignore or replace, and no warning that nothing was.
    rules = structs.replace(prepared.case.compare, ignore=(), replace=())
    comparison = compare(without_replies(accepted), without_replies(new), rules)
    too_small = sets.before != sets.now and sets.least_p > sets.alpha
    if not (sets.before and too_small and plan.options.overrides.samples is None):
        return comparison
    difference = Difference(
        where="samples", old=_sized(sets.before), new=f"{_sized(sets.now)}: a set to judge by"
    )
    causes = (*comparison.causes, Cause.REPLY)
    return structs.replace(comparison, causes=causes, reply=(difference,))


def without_replies(snapshot: Snapshot) -> Snapshot:
    """A snapshot with what was asked and who answered, and no answer."""
    reply = {name: snapshot.reply.get(name) for name in ("model", "system_fingerprint")}
    return structs.replace(snapshot, reply=reply | {"choices": []})


def _sized(count: int) -> str:
    return "1 reply" if count == 1 else f"{count} replies"
