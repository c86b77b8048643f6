"""Two recorded runs held against each other, case by case; nothing is sent and nothing judged."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.compare import compare
from promptrun.errors import UsageError
from promptrun.models import Cause, Comparison, Digests, SetComparison, Snapshot, Verdict
from promptrun.pipeline.compare_replies import compare_samples, gained_rates
from promptrun.pipeline.history import find_wanted
from promptrun.pipeline.holding import HoldsRecords
from promptrun.pipeline.reporting import tell_case
from promptrun.pipeline.rules_now import RulesNow
from promptrun.pipeline.sets import without_replies
from promptrun.pipeline.trend import as_run_figures
from promptrun.reports.replies import replies_of
from promptrun.reports.run_diff import CaseDiff
from promptrun.runs import open_run
from promptrun.snapshots import record_reply
from promptrun.snapshots.sets import record_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from promptrun.models import CaseResult, CompareRules, RateTest
    from promptrun.reports.run_diff import Kind
    from promptrun.reports.trend import RunFigures
    from promptrun.runs import RecordedCase, RunReader

_UNKNOWN = Digests(prompt="", settings="", model="")
_HARM = {
    Verdict.PASSED: 0,
    Verdict.NEW: 0,
    Verdict.CHANGED: 1,
    Verdict.MISSING: 1,
    Verdict.FAILED: 2,
}
"""How bad a verdict is. An error is worse than what is well, and else not comparable."""


class RunsDiff(HoldsRecords):
    """Two records of one project, open until the context ends.

    UsageError where a name means no run, a record cannot be read, or neither run has a case of what
    was named. Memory holds one case at a time.
    """

    def __init__(self, names: tuple[str, str], targets: Sequence[str], *, cwd: Path) -> None:
        wanted = find_wanted(targets, cwd)
        if len(wanted) > 1:
            raise UsageError("two runs of one project are compared", hint="name specs of one")
        [(root, self._targets)] = wanted.items()
        self._rules = RulesNow(root)
        with ExitStack() as opened:
            self._before = opened.enter_context(open_run(root, names[0]))
            self._now = opened.enter_context(open_run(root, names[1]))
            self.before = self._add_up(self._before)
            self.now = self._add_up(self._now)
            if not (self.before.verdicts or self.now.verdicts):
                raise UsageError(
                    "neither run has a case of what was named",
                    hint="`promptrun history` tells what the runs were over",
                )
            self._opened = opened.pop_all()

    @property
    def problems(self) -> tuple[str, ...]:
        """What kept replies from being compared as they should be."""
        return self._rules.problems

    def cases(self) -> Iterator[CaseDiff]:
        """Every case that ended in one of the runs, in the order of the second run.

        Those that the first run alone has come last. UsageError where a record is damaged after
        all.
        """
        for case_id in self._now.case_ids(self._targets):
            yield self._compare(case_id)
        for case_id in self._before.case_ids(self._targets):
            if not self._now.has_case(case_id):
                yield self._compare(case_id)

    def _add_up(self, reader: RunReader) -> RunFigures:
        info = reader.info
        return as_run_figures(info.id, info.began, reader.figures(self._targets))

    def _compare(self, case_id: str) -> CaseDiff:
        old, new = self._before.case(case_id), self._now.case(case_id)
        before = tell_case(self._before, old) if old else None
        now = tell_case(self._now, new) if new else None
        if old is None or new is None or before is None or now is None:
            kind: Kind = "added" if before is None else "gone"
            return CaseDiff(id=case_id, kind=kind, before=before, now=now)
        rules = self._rules.of(new.spec)
        return _with_kind(_hold_against((old, before), (new, now), rules, self._rules), before, now)


def _hold_against(
    old: tuple[RecordedCase, CaseResult],
    new: tuple[RecordedCase, CaseResult],
    rules: CompareRules,
    known: RulesNow,
) -> CaseDiff:
    """What differs between two cases of one id; its kind is not told yet."""
    before, now = old[1], new[1]
    diff = CaseDiff(id=now.id, kind="same", before=before, now=now)
    if not replies_of(before) or not replies_of(now):
        # Who answered does not matter where nobody did.
        return structs.replace(diff, comparison=_compare_requests(old, new, rules))
    if max(len(replies_of(before)), len(replies_of(now))) == 1:
        snapshots = _snapshot(*old, rules), _snapshot(*new, rules)
        return structs.replace(diff, comparison=compare(*snapshots, rules))
    comparison = _compare_requests(old, new, rules)
    sets = compare_samples(before, now, known.for_samples(rules))
    if sets is None:
        note = "the samples are too many to be compared"
        return structs.replace(diff, comparison=comparison, note=note)
    if sets.replies is not None and sets.replies.alarm:
        causes = tuple(one for one in Cause if one in comparison.causes or one is Cause.REPLY)
        comparison = structs.replace(comparison, causes=causes)
    gained = gained_rates(before, now)
    return structs.replace(diff, comparison=comparison, sets=sets, gained=gained)


def _with_kind(diff: CaseDiff, before: CaseResult, now: CaseResult) -> CaseDiff:
    kind = _by_verdict(before.verdict, now.verdict)
    kind = kind or (_by_rates(diff.sets, diff.gained) if diff.sets else _by_rules(before, now))
    if kind is None:
        kind = _by_causes(diff.comparison)
    return structs.replace(diff, kind=kind)


def _by_verdict(before: Verdict, now: Verdict) -> Kind | None:
    """What the verdicts alone tell; None where they are alike."""
    old, new = _HARM.get(before), _HARM.get(now)
    if before is now or (old == new == 0):
        return None
    if Verdict.ERROR in {before, now} and 0 in {old, new}:
        return "worse" if old == 0 else "better"
    if old is None or new is None or old == new:
        return "verdict"
    return "worse" if old < new else "better"


def _by_rules(before: CaseResult, now: CaseResult) -> Kind | None:
    """What the rules that both runs judged tell: one that broke outweighs all that were mended."""
    old, new = _judged(before), _judged(now)
    both = old.keys() & new.keys()
    if any(old[rule] and not new[rule] for rule in both):
        return "worse"
    return "better" if any(new[rule] and not old[rule] for rule in both) else None


def _judged(result: CaseResult) -> dict[tuple[str, str], bool]:
    """Whether each rule was kept, by every choice that it was asked of."""
    kept: dict[tuple[str, str], bool] = {}
    for one in result.outcomes:
        if one.error is None and one.not_judged is None:
            rule = one.kind, one.expected
            kept[rule] = kept.get(rule, True) and one.kept
    return kept


def _by_rates(sets: SetComparison | None, gained: Sequence[RateTest]) -> Kind | None:
    if sets is not None and any(one.alarm for one in sets.rates):
        return "worse"
    return "better" if gained else None


def _by_causes(comparison: Comparison | None) -> Kind:
    if comparison is None or comparison.equal:
        return "same"
    return "reply" if Cause.REPLY in comparison.causes else "request"


def _compare_requests(
    old: tuple[RecordedCase, CaseResult], new: tuple[RecordedCase, CaseResult], rules: CompareRules
) -> Comparison:
    # Without replies there is nothing to ignore or replace, and no warning that nothing was.
    rules = structs.replace(rules, ignore=(), replace=())
    accepted, other = (without_replies(_snapshot(*one, rules)) for one in (old, new))
    return compare(accepted, other, rules)


def _snapshot(case: RecordedCase, told: CaseResult, rules: CompareRules) -> Snapshot:
    """What accepting the replies of that run would have kept."""
    replies = replies_of(told)
    if len(replies) > 1:
        reply = record_set([one.raw for one in replies], rules, {})
    else:
        reply = record_reply(replies[0].raw if replies else {}, rules)
    return Snapshot(
        spec=case.spec,
        case=case.case,
        digests=case.digests or _UNKNOWN,
        request=case.request,
        reply=reply,
    )
