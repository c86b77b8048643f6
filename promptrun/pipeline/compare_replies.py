"""The samples of one case in two recorded runs, as two sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import structs

from promptrun.models import CompareRules, SampleRules
from promptrun.reports.replies import replies_of
from promptrun.snapshots.sets import record_set

if TYPE_CHECKING:
    from promptrun.compare.samples import Kept, Sample
    from promptrun.models import CaseResult, Rate, RateTest, SetComparison

_USUAL: Final = SampleRules()


def compare_samples(
    before: CaseResult, now: CaseResult, rules: CompareRules
) -> SetComparison | None:
    """The replies of a case in a run against those in an earlier one; None for too many of them.

    The rate of false alarms is what the case asked for when it ran. Rules that both runs counted
    are tested by how many replies kept them then. Needs numpy, unless the mode is ``none``.
    """
    from promptrun.compare.samples import MAX_SAMPLES, compare_sets

    if max(len(replies_of(before)), len(replies_of(now))) > MAX_SAMPLES:
        return None
    old, new = _samples(before, rules), _samples(now, rules)
    return compare_sets(old, new, rules, _kept(before, now), alpha=_alpha(before, now))


def gained_rates(before: CaseResult, now: CaseResult) -> tuple[RateTest, ...]:
    """The rules that more replies keep than before: tests of their own, at the same rate."""
    from promptrun.compare.samples import compare_sets

    kept, alpha = _kept(now, before), _alpha(before, now)
    if not kept:
        return ()
    # The test is whether fewer keep a rule: so the runs change places.
    mirrored = compare_sets((), (), CompareRules(mode="none"), kept, alpha=alpha)
    return tuple(
        structs.replace(one, now=one.before, before=one.now)
        for one in mirrored.rates
        if one.alarm and one.before is not None
    )


def _samples(result: CaseResult, rules: CompareRules) -> list[Sample]:
    from promptrun.compare.samples import Sample

    recorded = record_set([one.raw for one in replies_of(result)], rules, {})
    return [Sample(choices=one["choices"], count=one["count"]) for one in recorded["samples"]]


def _kept(before: CaseResult, now: CaseResult) -> list[Kept]:
    from promptrun.compare.samples import Kept

    earlier = _rates(before)
    return [
        Kept(
            rule=rule,
            now=rate.kept,
            total=rate.total,
            before=earlier[rule].kept,
            total_before=earlier[rule].total,
        )
        for rule, rate in _rates(now).items()
        if rule in earlier
    ]


def _rates(result: CaseResult) -> dict[str, Rate]:
    """How many of the replies kept each rule; a record may say anything."""
    from promptrun.compare.samples import MAX_SAMPLES

    sets = result.sets
    if sets is not None and sets.second is not None and sets.confirmed:
        sets = sets.second
    rates = sets.rates if sets else ()
    return {one.rule: one.now for one in rates if 0 <= one.now.kept <= one.now.total <= MAX_SAMPLES}


def _alpha(before: CaseResult, now: CaseResult) -> float:
    told = (one.sets.alpha for one in (now, before) if one.sets is not None)
    return next((alpha for alpha in told if 0 < alpha < 1), _USUAL.alpha)
