"""How a set of replies keeps each rule of its case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, structs

from promptrun.expect import judge_each, rule_text
from promptrun.models import Expectation, Outcome
from promptrun.pipeline.settle import evidence_of, snapshot_of
from promptrun.snapshots import record_reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from promptrun.expect import Judgement
    from promptrun.models import Reply
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared


class Tally(Struct, frozen=True, kw_only=True):
    """How a set of replies keeps one rule."""

    rule: str
    expectation: Expectation
    kept: int
    total: int
    """The replies that could be judged."""
    worst: Outcome
    """Of the first reply that broke it, else of the first."""


def count_kept(
    plan: Plan,
    prepared: Prepared,
    replies: Sequence[tuple[Reply, int]],
    judgements: Mapping[str, Judgement],
    *,
    live: bool,
) -> list[Tally]:
    """Judge each reply, with how often it came, and count rule by rule; `live` as in `look_at`."""
    rules = prepared.case.compare
    judged: list[tuple[int, list[tuple[Expectation, list[Outcome]]]]] = []
    for reply, count in replies:
        one = snapshot_of(prepared, record_reply(reply.raw, rules))
        evidence = evidence_of(plan, prepared, one, reply if live else None, judgements)
        judged.append((count, judge_each(prepared.rules, evidence)))
    tallies = []
    for position, (expectation, _) in enumerate(judged[0][1]):
        outcomes = [(count, each[position][1]) for count, each in judged]
        tallies.append(_tally(expectation, outcomes))
    return tallies


def _tally(expectation: Expectation, outcomes: Sequence[tuple[int, list[Outcome]]]) -> Tally:
    """What could not be judged, and what failed to be, is no vote on either side."""
    kept = total = 0
    worst: Outcome | None = None
    error: Outcome | None = None
    for count, several in outcomes:
        failed = [one for one in several if one.error is not None]
        if failed:
            error = error or failed[0]
        elif not any(one.not_judged for one in several):
            broken = [one for one in several if not one.kept]
            total += count
            kept += 0 if broken else count
            worst = worst or (broken[0] if broken else None)
    return Tally(
        rule=rule_text(expectation),
        expectation=expectation,
        kept=kept,
        total=total,
        worst=error or worst or outcomes[0][1][0],
    )


def outcome_of(tally: Tally, before: tuple[int, int] | None) -> Outcome:
    """A rule over a set: kept where enough replies keep it; else the first that broke it is told.

    Without a share of its own a rule is judged against the accepted set, and broken by itself only
    where not one reply keeps it and no accepted one is known to: that is no variation. One that
    failed to be judged, by whichever reply, is an error.
    """
    worst, share = tally.worst, tally.expectation.at_least
    if not tally.total or worst.error is not None:
        return worst
    if share is None:
        kept = tally.kept > 0 or bool(before and before[0])
    else:
        kept = tally.kept >= share * tally.total - 1e-9
    wanted = "" if share is None else f", by at least {share * 100:g} % of the replies"
    if kept:
        return Outcome(kind=worst.kind, kept=True, expected=f"{worst.expected}{wanted}")
    return structs.replace(
        worst,
        kept=False,
        expected=f"{worst.expected}{wanted}",
        found=f"kept by {tally.kept} of {tally.total}; one that broke it: {worst.found}",
        where="",
    )
