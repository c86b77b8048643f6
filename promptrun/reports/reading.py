"""What needs reading in a run: the worst first, a line for each, and what to do next."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from promptrun.models import Verdict
from promptrun.reports.style import Style, visible, visible_line
from promptrun.reports.text import write_details, write_replies, write_reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from promptrun.models import CaseResult
    from promptrun.reports.history import PastRun
    from promptrun.reports.report import Report

BAD: Final = (Verdict.FAILED, Verdict.CHANGED, Verdict.MISSING, Verdict.ERROR)
LONGEST_GIST: Final = 200
"""Characters of the line that says why a case needs reading."""
_MOST_TARGETS: Final = 3
"""Targets of a run that the next commands repeat; of more, none."""


class Tally(Struct, frozen=True, kw_only=True):
    """What one pass over the cases counts."""

    verdicts: Counter[Verdict]
    unsettled: Counter[Verdict]
    """Of the verdicts that need reading, those that nobody has accepted yet."""
    waiting: int
    """Replies that accepting would settle."""
    warnings: int


def is_unsettled(result: CaseResult) -> bool:
    """Whether a case needs reading: its verdict is bad, and the run itself did not accept it."""
    accepted = result.written and result.verdict is Verdict.CHANGED
    return result.verdict in BAD and not accepted


def count(report: Report) -> Tally:
    """One pass over all cases; nothing is kept of them but numbers."""
    verdicts: Counter[Verdict] = Counter()
    unsettled: Counter[Verdict] = Counter()
    waiting = warnings = 0
    for result in report.results():
        verdicts[result.verdict] += 1
        warnings += len(result.warnings)
        if is_unsettled(result):
            unsettled[result.verdict] += 1
            # What breaks an expectation, or was not judged, would not pass once it is accepted.
            settles = result.verdict in {Verdict.CHANGED, Verdict.MISSING}
            waiting += bool(result.pending) and settles
    return Tally(verdicts=verdicts, unsettled=unsettled, waiting=waiting, warnings=warnings)


def worst_first(report: Report, tally: Tally) -> Iterator[CaseResult]:
    """The cases that need reading; a pass for each verdict that is there, so none is kept."""
    for verdict in BAD:
        left = tally.unsettled[verdict]
        for result in report.results() if left else ():
            if result.verdict is verdict and is_unsettled(result):
                yield result
                left -= 1
                if not left:
                    break


def write_gist(result: CaseResult) -> str:
    """One visible line: the verdict, and why: ``failed: finish_reason, judge``."""
    causes = result.comparison.causes if result.comparison else ()
    if result.verdict is Verdict.CHANGED and causes:
        return f"{result.verdict} ({', '.join(causes)})"
    why = " ".join(_why(result).split())
    line = f"{result.verdict}: {why}" if why else str(result.verdict)
    return cut(visible_line(line), LONGEST_GIST)


def _why(result: CaseResult) -> str:
    broken = dict.fromkeys(one.kind for one in result.outcomes if not one.kept)
    if result.verdict is Verdict.FAILED:
        return ", ".join(broken)
    error = result.failure or result.error
    if error is not None:
        return error.message
    if result.reason:
        return result.reason
    return f"not judged: {', '.join(broken)}" if broken else ""


def write_reading(result: CaseResult, most: int) -> str:
    """All that is to be read of a case, without colour, in at most about `most` characters."""
    texts = write_details(result, Style())
    lines = (line.removeprefix("  ") for text in texts for line in text.split("\n"))
    return join_bounded(lines, most)


def write_answer(result: CaseResult, most: int) -> str:
    """The reply, or the distinct replies of a set; nothing where none came."""
    if result.replies:
        return join_bounded([write_replies(result, terminal=True)], most)
    return join_bounded([write_reply(result.reply, terminal=True)], most) if result.reply else ""


def join_bounded(lines: Iterable[str], most: int) -> str:
    """The lines as one visible text of about `most` characters; what is left out is counted."""
    taken: list[str] = []
    room, left_out = most, 0
    try:
        for line in "\n".join(lines).split("\n"):
            if left_out or room <= 0:
                left_out += 1
                continue
            taken.append(cut(visible(line), room))
            room -= len(taken[-1]) + 1
    except RecursionError:
        taken.append("  the rest is nested too deeply to be shown")
    if left_out:
        taken.append(f"  ⋮ {left_out:,} more {'line' if left_out == 1 else 'lines'}")
    return "\n".join(taken).rstrip("\n")


def cut(text: str, most: int) -> str:
    """The beginning of a text that is longer than `most`, and how much is left out."""
    left_out = len(text) - most
    return text if left_out <= 0 else f"{text[:most]}…{left_out:,} more characters"


def write_commands(run: PastRun, tally: Tally) -> list[str]:
    """The next commands for a shell, a line each: what settles the run, what shows all of it."""
    targets = run.targets if len(run.targets) <= _MOST_TARGETS else ()
    commands = [["review", *targets], ["accept", *targets]] if tally.waiting else []
    commands.append(["report", run.id, "html=report.html"])
    return [visible_line(shlex.join(["promptrun", *words])) for words in commands]


def write_number(number: int, noun: str) -> str:
    """``1 case``, ``1,200 more cases``: the noun is told as it is for one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
