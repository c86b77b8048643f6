"""A run as lines of JSON: the run, then a line a case; `docs/reports.md` describes both."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from promptrun.reports.json_report import FORMAT, describe_result, describe_run, write_line

if TYPE_CHECKING:
    from promptrun.reports.report import Report


def write(report: Report, out: TextIO) -> None:
    """A line with ``run``, then what `promptrun --json` says of each case, in the same order."""
    out.write(write_line({"promptrun": FORMAT, "run": describe_run(report.run)}))
    out.writelines(write_line(describe_result(result)) for result in report.results())
