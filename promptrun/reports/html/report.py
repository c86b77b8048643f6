"""The report of a run: its sums and charts, and the list of its cases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from promptrun.models import WORST_FIRST
from promptrun.reports.history import find_pass_rate, write_seconds, write_share
from promptrun.reports.html.case import write_case
from promptrun.reports.html.charts import write_charts
from promptrun.reports.html.charts import write_seconds as write_latency
from promptrun.reports.html.facts import write_cost, write_tokens
from promptrun.reports.html.look import fill, read_file
from promptrun.reports.html.page import END, open_page, write_script
from promptrun.reports.html.room import Room
from promptrun.reports.html.rows import CASES, CASES_SIZE, ROWS, describe_row, write_block
from promptrun.reports.html.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from promptrun.models import CaseResult
    from promptrun.reports.history import PastRun
    from promptrun.reports.html.tally import Names
    from promptrun.reports.report import Report

MAX_TOLD: Final = 4
"""Names of one kind, and targets, that the head of the page tells."""
MAX_RUNS: Final = 30
"""Runs that the charts over runs show, this one included."""


def write(report: Report, out: TextIO) -> None:
    """Write the whole page to `out`, in two passes over the cases, each held one at a time.

    The rows stand before the list and the script that draws it, so that it is drawn before a
    browser has read the cases themselves, which follow.
    """
    script = read_file("script.js")
    run = report.run
    out.write(open_page(_title(run), scripts=[script]))
    tally = Tally()
    _write_rows(report.results(), tally, out)
    runs = [*reversed(report.past[: MAX_RUNS - 1]), run]
    out.write(
        fill(
            "report.html",
            name=_name(run),
            line=_write_line(run, tally),
            figures=_write_figures(run, tally),
            facts=_write_facts(run),
            verdicts=[(one, tally.verdicts[one]) for one in WORST_FIRST if tally.verdicts[one]],
            cases=tally.cases,
            charts=write_charts(tally, runs),
        )
    )
    out.write(write_script(script))
    _write_cases(report.results(), out)
    out.write(END)


def _write_rows(results: Iterable[CaseResult], tally: Tally, out: TextIO) -> None:
    rows: list[Any] = []
    for result in results:
        tally.add(result)
        rows.append(describe_row(result))
        if len(rows) == ROWS:
            out.write(write_block("rows", rows))
            rows = []
    if rows:
        out.write(write_block("rows", rows))


def _write_cases(results: Iterable[CaseResult], out: TextIO) -> None:
    cases: list[Any] = []
    first = size = 0
    room = Room()
    for result in results:
        fragment = write_case(room.fit(result))
        if cases and (len(cases) == CASES or size + len(fragment) > CASES_SIZE):
            out.write(write_block("cases", cases, first=first))
            first += len(cases)
            cases, size = [], 0
        cases.append(fragment)
        size += len(fragment)
    if cases:
        out.write(write_block("cases", cases, first=first))


def _title(run: PastRun) -> str:
    counts = [f"{run.verdicts[one]:,} {one}" for one in WORST_FIRST if run.verdicts.get(one)]
    return f"{', '.join(counts) or 'no cases'} – {_name(run)} – promptrun"


def _name(run: PastRun) -> str:
    """What was run, as it was typed."""
    more = len(run.targets) - MAX_TOLD
    told = " ".join(run.targets[:MAX_TOLD])[:200] or run.id
    return f"{told} and {more:,} more" if more > 0 else told


def _write_line(run: PastRun, tally: Tally) -> list[str]:
    """When, how long, where: what stands below the heading."""
    parts = [
        write_moment(run.began) if run.began else None,
        None if run.seconds is None else write_seconds(run.seconds),
        None if run.state == "finished" else run.state,
        _join(tally.providers) or ", ".join(run.providers),
        _join(tally.models),
    ]
    return [part for part in parts if part]


def write_moment(text: str) -> str:
    """``2026-11-25 19:35 UTC``: a report says the same on every machine."""
    return f"{text[:16].replace('T', ' ')} UTC"


def _write_figures(run: PastRun, tally: Tally) -> list[tuple[str, str]]:
    """The numbers that a reader looks for first, and what each is."""
    rate = find_pass_rate(run.verdicts)
    half = tally.latency.find_share(0.5) if tally.latency.total else None
    figures = [
        ("pass rate", None if rate is None else write_share(rate)),
        ("tokens", write_tokens(run.prompt_tokens, run.completion_tokens)),
        ("cost", None if run.cost is None else write_cost(run.cost)),
        ("median latency", None if half is None else write_latency(half)),
        ("requests", None if run.requests is None else f"{run.requests:,}"),
    ]
    return [(name, value) for name, value in figures if value]


def _write_facts(run: PastRun) -> list[tuple[str, str]]:
    facts = [
        ("run", run.id),
        ("commit", (run.commit or "")[:12]),
        *((name, version) for name, version in run.versions.items()),
        ("update", run.update),
        ("failures", f"{run.failures:,}" if run.failures else None),
        ("attempts", f"{run.attempts:,}" if run.attempts else None),
        ("overrides", _write_overrides(run.overrides)),
        ("exit code", None if run.exit_code is None else str(run.exit_code)),
    ]
    return [(name, value) for name, value in facts if value]


def _write_overrides(overrides: dict[str, Any]) -> str | None:
    """What the command line laid over the specs."""
    told = {name: value for name, value in overrides.items() if value}
    return json.dumps(told, ensure_ascii=False)[:500] if told else None


def _join(names: Names) -> str:
    told = sorted(names.counts, key=lambda name: (-names.counts[name].total(), name))
    more = len(told) - MAX_TOLD
    text = ", ".join(told[:MAX_TOLD])
    return f"{text} and {more:,} more" if more > 0 else text
