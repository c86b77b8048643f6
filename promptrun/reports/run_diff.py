"""Two recorded runs held against each other: what each case became, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from promptrun.models import CaseResult, Comparison, RateTest, SetComparison
from promptrun.reports.sets import count_of_replies, write_p, write_rate_test, write_typical
from promptrun.reports.style import Mark, visible, visible_line
from promptrun.reports.table import table_width, wrap_parts, write_table
from promptrun.reports.text import write_outcome
from promptrun.reports.trend import HEADS, describe_run
from promptrun.reports.width import cut

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from promptrun.models import Difference
    from promptrun.reports.style import Style
    from promptrun.reports.trend import RunFigures

Kind = Literal[
    "worse",  # it was well and is not, or breaks a rule that it kept
    "better",
    "verdict",  # another verdict, of which none is better
    "reply",  # the same verdict on another reply
    "request",  # the same reply to another request
    "gone",  # the first run alone has the case
    "added",  # the second one alone
    "same",
]


class Words(Struct, frozen=True):
    """How a kind is told."""

    head: str
    """Before a case."""
    summary: str
    """Behind a number of cases."""
    marks: tuple[Mark, ...] = ()


_WORDS: Final[dict[Kind, Words]] = {
    "worse": Words("worse", "got worse", ("red",)),
    "better": Words("better", "got better", ("green",)),
    "verdict": Words("verdict", "with another verdict", ("yellow",)),
    "reply": Words("reply", "with another reply", ("yellow",)),
    "request": Words("request", "with the same reply to another request", ("yellow",)),
    "gone": Words("gone", "in the first run alone", ("yellow",)),
    "added": Words("added", "in the second run alone", ("yellow",)),
    "same": Words("same", "the same"),
}
_LONGEST_HEAD: Final = max(len(one.head) for one in _WORDS.values())


class CaseDiff(Struct, frozen=True, kw_only=True):
    """One case in both runs."""

    id: str
    kind: Kind
    before: CaseResult | None
    """None where the first run has no such case."""
    now: CaseResult | None
    comparison: Comparison | None = None
    """The requests and, unless there are sets, the replies; None where one run has none."""
    sets: SetComparison | None = None
    """The replies of the second run against those of the first, where one of them has several."""
    gained: tuple[RateTest, ...] = ()
    """The rules that more replies keep than before, by tests of their own."""
    note: str | None = None
    """Why the replies are not compared."""

    @property
    def chance(self) -> float:
        """How likely chance alone would tell the samples apart, at most; 0 where there are none."""
        if self.sets is None:
            return 0.0
        # What more replies keep is tested beside all else.
        tests = 2 if any(one.p is not None for one in self.sets.rates) else 1
        return tests * self.sets.alpha


def write_diff(diff: CaseDiff, style: Style) -> Iterator[str]:
    """The lines of a case that is not the same, for reading."""
    words = _WORDS[diff.kind]
    head = style.paint(words.head, *words.marks) + " " * (_LONGEST_HEAD - len(words.head))
    told = (head, visible_line(diff.id), _write_verdicts(diff))
    yield from style.flow(told).split("\n")
    inside = style.inside(2)
    for text in _write_details(diff, inside):
        for line in text.split("\n"):
            hang = len(line) - len(line.lstrip()) + 2
            yield from (f"  {row}".rstrip() for row in inside.fold(line, hang))


def write_counts(counts: Counter[Kind], style: Style) -> str:
    """``1 got worse, 2 with another reply, 97 the same``."""
    parts = [
        style.paint(f"{counts[kind]:,} {one.summary}", *one.marks)
        for kind, one in _WORDS.items()
        if counts[kind]
    ]
    return "\n".join(style.fold(", ".join(parts), 2))


def write_chance(count: int, expected: float) -> str:
    """How many of `count` sampled cases chance alone is expected to tell apart, at most."""
    cases = "this sampled case" if count == 1 else f"these {count:,} sampled cases"
    return f"by chance alone, up to {expected:.2g} of {cases} would differ"


def write_sides(before: RunFigures, now: RunFigures, width: int | None) -> Iterator[str]:
    """The sums of both runs side by side, in lines of at most `width` columns; None for a pipe."""
    told = [describe_run(one) for one in (before, now)]
    rows = list(zip(("", *HEADS[1:]), *told, strict=True))
    if width is None or table_width(rows) <= width:
        yield from write_table(rows, (), width)
        return
    longest = max(map(len, HEADS))
    for word, (run, *cells) in zip(("first", "second"), told, strict=True):
        yield cut(f"{word}: {run}", width)
        for head, cell in zip(HEADS[1:], cells, strict=True):
            for at, line in enumerate(wrap_parts(cell.split(", "), width - longest - 4)):
                yield f"  {head if not at else '':<{longest}}  {line}"


def _write_verdicts(diff: CaseDiff) -> str:
    old, new = diff.before, diff.now
    if old is None or new is None or old.verdict is new.verdict:
        told = new or old
        return str(told.verdict) if told else ""
    return f"{old.verdict} → {new.verdict}"


def _write_details(diff: CaseDiff, style: Style) -> Iterator[str]:
    if diff.before is not None and diff.now is not None:
        yield from _write_why(diff.before, diff.now)
    if diff.note:
        yield diff.note
    comparison = diff.comparison
    if comparison is not None:
        for heading, differences in (
            ("the request moved", comparison.request),
            ("the reply differs", comparison.reply),
        ):
            if differences:
                yield style.paint(heading, "bold")
                yield from _write_differences(differences, style)
    if diff.sets is not None:
        yield from _write_sets(diff.sets, style)
    for one in diff.gained:
        yield f"{write_rate_test(one)}, more than before"


def _write_why(before: CaseResult, now: CaseResult) -> Iterator[str]:
    """What keeps the second run from finding the case well, and did not keep the first."""
    if now.reason and now.reason != before.reason:
        yield visible(now.reason)
    for problem in (now.error, now.failure):
        if problem is not None and problem.message not in _messages(before):
            yield f"error: {visible(problem.message)}"
    known = {(one.kind, one.expected) for one in before.outcomes if not one.kept}
    for outcome in now.outcomes:
        if not outcome.kept and (outcome.kind, outcome.expected) not in known:
            yield write_outcome(outcome)


def _messages(result: CaseResult) -> set[str]:
    return {one.message for one in (result.error, result.failure) if one is not None}


def _write_differences(differences: Sequence[Difference], style: Style) -> Iterator[str]:
    from promptrun.reports.differences import write_difference

    inside = style.inside(2)
    for difference in differences:
        yield "\n".join(f"  {line}" for line in write_difference(difference, inside))


def _write_sets(sets: SetComparison, style: Style) -> Iterator[str]:
    sizes = f"{count_of_replies(sets.now)} against {sets.before} of the first run"
    test = sets.replies
    if test is None:
        yield f"{sizes}: compared by the expectations alone"
    elif test.alarm:
        yield f"{sizes}: they differ (p {write_p(test.p)}), effect {test.effect:.2f}"
        yield from write_typical(test, ("first run", "second run"), style)
    else:
        yield f"{sizes}: nothing tells them apart (p {write_p(test.p)})"
    yield from (f"{write_rate_test(one)}, fewer than before" for one in sets.rates if one.alarm)
    if not sets.can_alarm:
        yield f"sets of these sizes can never differ enough for an alarm at {sets.alpha:g}"
