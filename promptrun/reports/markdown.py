"""A run as Markdown for GitHub: a table of the verdicts, then what needs reading, folded.

It fits into a comment of a pull request, and so into a job's summary, whose limit is wider. What
came from outside stands in fences and in code, where GitHub makes no link, image or mention of it.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import chain
from typing import TYPE_CHECKING, Final, TextIO

from msgspec import structs

from promptrun.models import WORST_FIRST, Verdict
from promptrun.reports.fences import write_code, write_diff, write_fence
from promptrun.reports.history import write_seconds, write_tokens
from promptrun.reports.money import write_dollars
from promptrun.reports.reading import (
    BAD,
    count,
    cut,
    join_bounded,
    worst_first,
    write_answer,
    write_commands,
    write_gist,
    write_number,
    write_reading,
)
from promptrun.reports.style import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.models import CaseResult
    from promptrun.reports.history import PastRun
    from promptrun.reports.reading import Tally
    from promptrun.reports.report import Report

MAX_SIZE: Final = 60_000
"""Characters of the whole: GitHub takes 65,536 in a comment."""
MAX_PART: Final = 2_500
"""Characters of one fence: what is to be read, a difference of the request or of the reply."""
MAX_NAME: Final = 200
"""Characters of a name from outside."""
_LEFT_OUT: Final = 300
"""Characters that telling what is left out may take."""


def write(report: Report, out: TextIO) -> None:
    """One pass counts; then one for each verdict that needs reading, until there is no room."""
    tally = count(report)
    head, tail = _write_head(report.run, tally), _write_tail(report.run, tally)
    out.write(head)
    room = MAX_SIZE - _LEFT_OUT - len(head) - len(tail)
    shown: Counter[Verdict] = Counter()
    for result in worst_first(report, tally):
        text = _write_case(result)
        room -= len(text)
        if room < 0:
            break
        out.write(text)
        shown[result.verdict] += 1
    out.write(_write_left_out(tally.unsettled - shown))
    out.write(tail)


def _write_head(run: PastRun, tally: Tally) -> str:
    total, bad = tally.verdicts.total(), tally.unsettled.total()
    verb = "needs" if bad == 1 else "need"
    told = write_number(total, "case")
    told = f"{bad:,} of {told} {verb} reading" if bad else told
    cells = {one.value: f"{tally.verdicts[one]:,}" for one in WORST_FIRST if tally.verdicts[one]}
    cells |= {
        "requests": "" if run.requests is None else f"{run.requests:,}",
        "tokens": write_tokens(run.prompt_tokens, run.completion_tokens),
        "cost": "" if run.cost is None else write_dollars(run.cost),
        "time": "" if run.seconds is None else write_seconds(run.seconds),
    }
    lines = [
        f"## promptrun: {told}",
        "",
        f"| {' | '.join(cells)} |",
        f"|{' ---: |' * len(cells)}",
        f"| {' | '.join(cells.values())} |",
        "",
        _write_facts(run, tally),
        "",
    ]
    return "".join(f"{line}\n" for line in lines)


def _write_facts(run: PastRun, tally: Tally) -> str:
    facts = [f"run {_code(run.id)}", *map(_code, run.providers[:3])]
    if run.commit:
        facts.append(f"commit {_code(run.commit[:12])}")
    if tally.warnings:
        facts.append(write_number(tally.warnings, "warning"))
    if run.state != "finished":
        facts.append(f"**{run.state}**: there may be cases without a result")
    return " · ".join(facts)


def _write_case(result: CaseResult) -> str:
    """A case that folds: its verdict and name, then fences of what is to be read."""
    why = write_gist(result).removeprefix(result.verdict).removeprefix(":").strip()
    told = f"<b>{result.verdict}</b> {_html_code(result.id)} {_html_code(why)}"
    parts = [f"<details><summary>{told.removesuffix(' ')}</summary>", *_write_parts(result)]
    return "".join(f"{part}\n\n" for part in [*parts, "</details>"])


def _write_parts(result: CaseResult) -> Iterator[str]:
    comparison = result.comparison
    request, reply = (comparison.request, comparison.reply) if comparison else ((), ())
    # The differences stand in fences of their own, in which GitHub colours them.
    rest = comparison and structs.replace(comparison, request=(), reply=())
    told = write_reading(structs.replace(result, comparison=rest), MAX_PART)
    if told:
        yield write_fence(told, "text")
    for heading, differences in (("the request moved", request), ("the reply differs", reply)):
        if differences:
            lines = chain.from_iterable(map(write_diff, differences))
            yield f"{heading}\n\n{write_fence(join_bounded(lines, MAX_PART), 'diff')}"
    if result.reply and not reply:
        yield f"the reply\n\n{write_fence(write_answer(result, MAX_PART), 'text')}"


def _write_left_out(left: Counter[Verdict]) -> str:
    if not left.total():
        return ""
    told = ", ".join(f"{left[one]:,} {one}" for one in BAD if left[one])
    verb = "is" if left.total() == 1 else "are"
    return f"**{write_number(left.total(), 'more case')} {verb} left out here**: {told}.\n\n"


def _write_tail(run: PastRun, tally: Tally) -> str:
    lines = write_commands(run, tally)
    if tally.waiting:
        lines.append("# what a CI job left as its artifact: promptrun accept --from FOLDER")
    return f"{write_fence(join_bounded(lines, MAX_PART), 'sh')}\n"


def _code(text: str) -> str:
    """A span of code on one line."""
    return write_code(cut(visible_line(text), MAX_NAME))


def _html_code(text: str) -> str:
    """The same for a line of HTML, in which Markdown means nothing."""
    return f"<code>{escape(cut(visible_line(text), MAX_NAME))}</code>" if text else ""
