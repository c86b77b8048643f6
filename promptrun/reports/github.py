"""A run as annotations for GitHub: lines that a step prints, shown at the lines of the specs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TextIO

from promptrun.models import Verdict
from promptrun.reports.reading import (
    count,
    cut,
    worst_first,
    write_commands,
    write_gist,
    write_number,
    write_reading,
)
from promptrun.reports.style import visible, visible_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.errors import Location
    from promptrun.models import CaseResult, Warned
    from promptrun.reports.reading import Tally
    from promptrun.reports.report import Report

MOST: Final = 10
"""Errors, and warnings, of one step that GitHub shows."""
MAX_MESSAGE: Final = 3_000
"""Characters of a message."""
MAX_TITLE: Final = 200
"""Characters of a title; so of the path of a file."""


def write(report: Report, out: TextIO) -> None:
    """The worst cases as errors, warnings, and a notice that counts what they do not tell."""
    tally = count(report)
    errors = 0
    for result in worst_first(report, tally):
        if errors == MOST:
            break
        out.write(_write_error(result))
        errors += 1
    warnings = 0
    for text in _warnings(report) if tally.warnings else ():
        out.write(text)
        warnings += 1
    out.write(_write_rest(report, tally, errors=errors, warnings=warnings))


def _write_error(result: CaseResult) -> str:
    title = f"{write_gist(result)}: {result.id}"
    message = write_reading(result, MAX_MESSAGE)
    return _command("error", title, message or write_gist(result), result.location)


def _warnings(report: Report) -> Iterator[str]:
    """The first few that differ: all cases of a spec may have the same one."""
    told: set[tuple[str, Location]] = set()
    for result in report.results():
        for warning in result.warnings:
            key = warning.message, warning.location
            if key not in told:
                told.add(key)
                yield _write_warning(result, warning)
            if len(told) == MOST:
                return


def _write_warning(result: CaseResult, warning: Warned) -> str:
    message = f"{warning.message}\nhint: {warning.hint}" if warning.hint else warning.message
    return _command("warning", f"warning: {result.id}", message, warning.location)


def _write_rest(report: Report, tally: Tally, *, errors: int, warnings: int) -> str:
    """What the annotations before leave out, and the new snapshots; nothing where none are."""
    parts = []
    if tally.unsettled.total() > errors:
        more = write_number(tally.unsettled.total() - errors, "more case")
        parts.append(f"{more} to be read")
    if tally.warnings > warnings:
        parts.append(write_number(tally.warnings - warnings, "more warning"))
    if tally.verdicts[Verdict.NEW]:
        parts.append(write_number(tally.verdicts[Verdict.NEW], "new snapshot"))
    if not parts:
        return ""
    commands = "\n".join(write_commands(report.run, tally))
    return _command("notice", "promptrun", f"{', '.join(parts)}\n{commands}", None)


def _command(kind: str, title: str, message: str, location: Location | None) -> str:
    """One line: nothing in it can end it, or end the part in which it stands."""
    properties: dict[str, Any] = {"title": _property(title)}
    if location is not None:
        properties = {
            "file": _property(location.file),
            "line": max(location.line, 1),
            "col": max(location.column, 1),
            **properties,
        }
    told = ",".join(f"{name}={value}" for name, value in properties.items())
    return f"::{kind} {told}::{_encode(cut(visible(message), MAX_MESSAGE))}\n"


def _property(text: str) -> str:
    shown = _encode(cut(visible_line(text), MAX_TITLE))
    return shown.replace(":", "%3A").replace(",", "%2C")


def _encode(text: str) -> str:
    """As the runner decodes it; carriage returns are shown escaped before."""
    return text.replace("%", "%25").replace("\n", "%0A")
