"""Sets of replies for people: what N samples say, and how they differ from the accepted ones."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from promptrun.reports.style import visible, visible_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from promptrun.models import Rate, RateTest, Reply, ReplyTest, SetComparison
    from promptrun.reports.style import Style

LINES = 4
"""Of a typical reply that are shown."""


def write_set(sets: SetComparison, style: Style) -> Iterator[str]:
    """The looks at a set, without indent: the replies, the rules that not all of them keep."""
    for text in _write(sets, style):
        for line in text.split("\n"):
            # A typical reply stands behind its sign.
            yield from style.fold(line, 4 if line.startswith("  ") else 2)


def _write(sets: SetComparison, style: Style) -> Iterator[str]:
    if sets.before == 0:
        yield from _write_rates(sets.rates)
        return
    yield _head(sets)
    if sets.second is not None:
        again = "they differ again" if sets.second.alarm else "not so in fresh ones: no change"
        yield f"{sets.second.now} fresh replies: {again}{_p(sets.second.replies)}"
    if sets.replies is not None and sets.replies.alarm:
        yield from write_typical(sets.replies, ("accepted", "now"), style)
    shown = sets.second if sets.second is not None and sets.second.alarm else sets
    yield from _write_rates(shown.rates)
    if sets.least_p > sets.alpha:
        yield _too_few(sets)
    for warning in sets.warnings:
        yield f"warning: {visible(warning)}"


def _head(sets: SetComparison) -> str:
    sizes = f"{count_of_replies(sets.now)} against {sets.before} accepted"
    if sets.replies is None:
        return f"{sizes}: judged by the expectations alone"
    if sets.replies.alarm:
        return f"{sizes}: they differ{_p(sets.replies)}, effect {sets.replies.effect:.2f}"
    told = "they differ in what they keep" if sets.alarm else "nothing tells them apart"
    return f"{sizes}: {told}{_p(sets.replies)}"


def _p(test: ReplyTest | None) -> str:
    return "" if test is None else f" (p {write_p(test.p)})"


def _too_few(sets: SetComparison) -> str:
    text = f"warning: sets of these sizes can never differ enough for an alarm at {sets.alpha:g}"
    if sets.enough is None:
        return text
    return f"{text}; {sets.enough} accepted and {sets.enough} new replies would do"


def write_typical(test: ReplyTest, names: tuple[str, str], style: Style) -> Iterator[str]:
    """What is typical of each set under its name, a text a reply, with the sign of its side."""
    for mark, name, texts in zip("-+", names, (test.before, test.now), strict=True):
        yield style.paint(f"typical, {name}", "bold")
        for text in texts:
            lines = visible(text).split("\n")
            cut = [*lines[:LINES], f"… ({len(lines)} lines)"] if len(lines) > LINES else lines
            sign = style.paint(mark, "red" if mark == "-" else "green")
            yield "\n".join(f"  {' ' if at else sign} {line}" for at, line in enumerate(cut))


def _write_rates(rates: Sequence[RateTest]) -> Iterator[str]:
    """The rules that not every reply keeps, now or before."""
    for one in rates:
        if one.now.kept == one.now.total and (one.before is None or not one.alarm):
            continue
        fewer = one.p is not None and one.alarm
        yield f"{write_rate_test(one)}, fewer than before" if fewer else write_rate_test(one)


def write_rate_test(test: RateTest) -> str:
    """How many replies kept a rule, now and before: ``contains: kept by 5 of 10 (24–76 %)``."""
    line = f"{visible_line(test.rule)}: kept by {write_rate(test.now)}"
    if test.before is not None:
        line += f", before by {write_rate(test.before)}"
    return line if test.p is None else f"{line}: p {write_p(test.p)}"


def write_rate(rate: Rate) -> str:
    """``5 of 10 (24–76 %)``, with the interval in which the share lies."""
    low, high = (round(bound * 100) for bound in rate.interval)
    return f"{rate.kept} of {rate.total} ({low}–{high} %)"


def write_p(p: float) -> str:
    """A probability with as many digits as matter."""
    return f"{p:.2g}" if p >= 0.001 else f"{p:.1g}"


def count_replies(replies: Sequence[Reply], texts: Sequence[str]) -> list[tuple[Reply, int]]:
    """The distinct replies of a set by what is shown of them, the most frequent first."""
    counts = Counter(texts)
    first: dict[str, Reply] = {}
    for reply, text in zip(replies, texts, strict=True):
        first.setdefault(text, reply)
    return [(first[text], count) for text, count in counts.most_common()]


def write_false_alarms(count: int, expected: float) -> str:
    """How many of `count` sampled cases chance alone is expected to take for changed."""
    if count == 1:
        return f"unchanged, this case would be taken for changed in {expected * 100:.2g} % of runs"
    cases = f"{count} sampled cases"
    return f"by chance alone, {write_p(expected)} of these {cases} would be taken for changed"


def count_of_replies(count: int) -> str:
    """``1 reply``, ``10 replies``."""
    return "1 reply" if count == 1 else f"{count} replies"
