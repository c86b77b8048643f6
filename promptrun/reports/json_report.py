"""Results as JSON, for programs: one versioned object a case, or a document of a whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from msgspec import structs, to_builtins

from promptrun.reports.strict_json import dump_strict
from promptrun.reports.style import visible_json

if TYPE_CHECKING:
    from promptrun.errors import SpecError
    from promptrun.models import CaseResult, Comparison, Difference, SetComparison
    from promptrun.reports.history import PastRun
    from promptrun.reports.report import Report

FORMAT = 1
"""Goes up when a field changes its meaning or goes away; new fields may come at any time."""


def write_result(result: CaseResult, *, indent: bool) -> str:
    """One line, or an indented text, that holds what is known of the case."""
    return dump_strict(describe_result(result), indent=2 if indent else None)


def write(report: Report, out: TextIO) -> None:
    """The run and its cases as one JSON document; a case stands on a line of its own."""
    run = visible_json(dump_strict(describe_run(report.run)))
    out.write(f'{{"promptrun": {FORMAT}, "run": {run}, "cases": [')
    before = "\n"
    for result in report.results():
        out.write(before + write_line(describe_result(result)).rstrip("\n"))
        before = ",\n"
    out.write("\n]}\n")


def write_line(value: dict[str, Any]) -> str:
    """A value on one line with its end; what is hidden in a text, or would end it, is escaped."""
    return f"{visible_json(dump_strict(value))}\n"


def describe_run(run: PastRun) -> dict[str, Any]:
    """What `promptrun history --json` tells of a run, but for the folder: it is of one machine."""
    fields = {name: getattr(run, name) for name in run.__struct_fields__ if name != "root"}
    return fields | {"verdicts": {one.value: number for one, number in run.verdicts.items()}}


def describe_result(result: CaseResult) -> dict[str, Any]:
    """The fields that `docs/json.md` lists, in its order; absent ones are null or empty."""
    comparison, reply, failure = result.comparison, result.reply, result.failure
    return {
        "promptrun": FORMAT,
        "id": result.id,
        "spec": result.spec,
        "case": result.case,
        "verdict": result.verdict.value,
        "causes": [cause.value for cause in comparison.causes] if comparison else [],
        "provider": result.provider,
        "replayed": result.replayed,
        "reason": result.reason,
        "notes": list(result.notes),
        "warnings": [
            {"message": one.message, "location": str(one.location), "hint": one.hint}
            for one in result.warnings
        ],
        "expectations": [structs.asdict(outcome) for outcome in result.outcomes],
        "differences": describe_comparison(comparison),
        "reply": reply.raw if reply else None,
        "samples": [one.raw for one in result.replies],
        "statistics": describe_sets(result.sets) if result.sets else None,
        "accepted": [{"reply": one.raw, "count": count} for one, count in result.accepted],
        "failure": to_builtins(failure) if failure else None,
        "error": _describe_error(result.error) if result.error else None,
        "seconds": reply.timings.total if reply else None,
        "first_piece_seconds": reply.timings.first_piece if reply else None,
        "request_id": reply.request_id if reply else None,
        "hint": result.hint,
        "attempts": result.attempts,
        "spent": structs.asdict(result.spent) if result.spent else None,
        "tags": list(result.tags),
        "location": str(result.location) if result.location else None,
        "snapshot": result.snapshot,
        "written": result.written,
        "pending": result.pending,
    }


def describe_comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    """What differs in the request and in the reply; None where nothing was compared."""
    if comparison is None:
        return None
    return {
        "request": [_describe_difference(one) for one in comparison.request],
        "reply": [_describe_difference(one) for one in comparison.reply],
    }


def _describe_difference(difference: Difference) -> dict[str, Any]:
    changes = [structs.asdict(one) for one in difference.changes]
    return structs.asdict(difference) | {"changes": changes}


def _describe_error(error: SpecError) -> dict[str, Any]:
    location = str(error.location) if error.location else None
    return {"message": error.message, "location": location, "hint": error.hint}


def describe_sets(sets: SetComparison) -> dict[str, Any]:
    """How a set was held against the other one, its second look among it."""
    second = describe_sets(sets.second) if sets.second else None
    value: dict[str, Any] = to_builtins(sets)
    return value | {"alarm": sets.alarm, "second": second}
