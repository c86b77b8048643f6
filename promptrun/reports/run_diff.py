"""Two recorded runs held against each other: what each case became, for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import Struct, structs, to_builtins

from promptrun.models import CaseResult, Comparison, RateTest, SetComparison
from promptrun.reports.strict_json import dump_strict
from promptrun.reports.style import Mark, visible, visible_line
from promptrun.reports.table import table_width, wrap_parts, write_table
from promptrun.reports.text import write_outcome
from promptrun.reports.trend import HEADS, describe_run
from promptrun.reports.width import cut

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from promptrun.models import Difference, Rate, ReplyTest
    from promptrun.reports.style import Style
    from promptrun.reports.trend import RunFigures

FORMAT: Final = 1
"""Goes up when a field changes its meaning or goes away; new fields may come at any time."""

Kind = Literal[
    "worse",  # it was well and is not, or breaks more than it did
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
_LINES: Final = 4
"""Of a typical reply that are shown."""
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


def write_diff_json(diff: CaseDiff) -> str:
    """One line that holds all that is known; `docs/runs.md` lists the fields."""
    value = {
        "promptrun": FORMAT,
        "id": diff.id,
        "kind": diff.kind,
        "before": _describe_result(diff.before),
        "now": _describe_result(diff.now),
        "causes": [cause.value for cause in diff.comparison.causes] if diff.comparison else [],
        "differences": _describe_comparison(diff.comparison),
        "statistics": _describe_sets(diff.sets) if diff.sets else None,
        "gained": to_builtins(diff.gained),
        "note": diff.note,
    }
    # A server may send what UTF-8 cannot say: JSON spells it as Python does.
    return dump_strict(value).encode("utf-8", "backslashreplace").decode()


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
        yield f"{_write_rate_test(one)}, more than before"


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
    sizes = f"{_replies(sets.now)} against {sets.before} of the first run"
    test = sets.replies
    if test is None:
        yield f"{sizes}: compared by the expectations alone"
    elif test.alarm:
        yield f"{sizes}: they differ (p {_number(test.p)}), effect {test.effect:.2f}"
        yield from _write_typical(test, style)
    else:
        yield f"{sizes}: nothing tells them apart (p {_number(test.p)})"
    yield from (f"{_write_rate_test(one)}, fewer than before" for one in sets.rates if one.alarm)
    if not sets.can_alarm:
        yield f"sets of these sizes can never differ enough for an alarm at {sets.alpha:g}"


def _write_typical(test: ReplyTest, style: Style) -> Iterator[str]:
    for sign, heading, texts in (("-", "first run", test.before), ("+", "second run", test.now)):
        yield style.paint(f"typical, {heading}", "bold")
        for text in texts:
            lines = visible(text).split("\n")
            shown = [*lines[:_LINES], f"… ({len(lines)} lines)"] if len(lines) > _LINES else lines
            yield "\n".join(f"  {sign if not at else ' '} {line}" for at, line in enumerate(shown))


def _write_rate_test(test: RateTest) -> str:
    line = f"{visible_line(test.rule)}: kept by {_rate(test.now)}"
    if test.before is not None:
        line += f", before by {_rate(test.before)}"
    return line if test.p is None else f"{line}: p {_number(test.p)}"


def _rate(rate: Rate) -> str:
    low, high = (round(bound * 100) for bound in rate.interval)
    return f"{rate.kept} of {rate.total} ({low}–{high} %)"


def _number(p: float) -> str:
    return f"{p:.2g}" if p >= 0.001 else f"{p:.1g}"


def _replies(count: int) -> str:
    return "1 reply" if count == 1 else f"{count} replies"


def _describe_result(result: CaseResult | None) -> dict[str, Any] | None:
    if result is None:
        return None
    reply, spent = result.reply, result.spent
    return {
        "verdict": result.verdict.value,
        "reason": result.reason,
        "broken": [one.kind for one in result.outcomes if not one.kept],
        "replies": len(result.replies) or int(reply is not None),
        "seconds": reply.timings.total if reply else None,
        "prompt_tokens": spent.prompt_tokens if spent else None,
        "completion_tokens": spent.completion_tokens if spent else None,
        "cost": spent.cost if spent else None,
    }


def _describe_sets(sets: SetComparison) -> dict[str, Any]:
    value: dict[str, Any] = to_builtins(sets)
    return value | {"alarm": sets.alarm}


def _describe_comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        name: [
            structs.asdict(one) | {"changes": [structs.asdict(change) for change in one.changes]}
            for one in getattr(comparison, name)
        ]
        for name in ("request", "reply")
    }
