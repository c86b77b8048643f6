"""The example as JSON, which can be turned back into files: `docs/sharing.md` lists the fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from promptrun.files.json import pretty
from promptrun.reports.json_report import describe_result
from promptrun.reports.share.commands import write_commands
from promptrun.reports.style import visible_json

if TYPE_CHECKING:
    from promptrun.reports.share.shared import Shared, SharedCase, SharedFile

FORMAT = 1
"""Goes up when a field changes its meaning or goes away; new fields may come at any time."""


def write(shared: Shared) -> str:
    """One JSON object, indented; what would be hidden in a text is escaped in it."""
    return visible_json(pretty(describe(shared))) + "\n"


def describe(shared: Shared) -> dict[str, Any]:
    """The fields in the order of the documentation; absent ones are null or empty."""
    return {
        "promptrun_share": FORMAT,
        "versions": shared.versions,
        "files": [_describe_file(one) for one in shared.files],
        "cases": [_describe_case(one) for one in shared.cases],
        "masked": shared.masked,
        "notes": list(shared.notes),
    }


def _describe_file(file: SharedFile) -> dict[str, Any]:
    fields: dict[str, Any] = to_builtins(file)
    return fields


def _describe_case(case: SharedCase) -> dict[str, Any]:
    result = case.result
    return {
        "request": result.request.body if result.request else None,
        "from": case.source,
        "result": describe_result(result),
        "accepted": [{"count": count, "reply": one.raw} for one, count in result.accepted],
        "commands": write_commands(case),
        "notes": list(case.notes),
    }
