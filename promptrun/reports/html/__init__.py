"""One self-contained page for a whole run: no network, no server, nothing beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

    from promptrun.reports.report import Report


def write(report: Report, out: TextIO) -> None:
    """Write the page of a run to `out`; see `report.py`."""
    # What other pages take from this package needs neither charts nor the list.
    from promptrun.reports.html.report import write as write_report

    write_report(report, out)
