"""A result as JSON, for programs: one versioned object a case."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import structs, to_builtins

from promptrun.files.json import pretty

if TYPE_CHECKING:
    from promptrun.models import CaseResult, Difference, SetComparison

FORMAT = 1
"""Goes up when a field changes its meaning or goes away; new fields may come at any time."""


def write_result(result: CaseResult, *, indent: bool) -> str:
    """One line, or an indented text, that holds what is known of the case."""
    value = describe_result(result)
    return pretty(value) if indent else json.dumps(value, ensure_ascii=False)


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
        "differences": {
            "request": [_describe_difference(one) for one in comparison.request],
            "reply": [_describe_difference(one) for one in comparison.reply],
        }
        if comparison
        else None,
        "reply": reply.raw if reply else None,
        "samples": [one.raw for one in result.replies],
        "statistics": _describe_sets(result.sets) if result.sets else None,
        "failure": to_builtins(failure) if failure else None,
        "seconds": reply.timings.total if reply else None,
        "first_piece_seconds": reply.timings.first_piece if reply else None,
        "request_id": reply.request_id if reply else None,
        "hint": result.hint,
        "attempts": result.attempts,
        "snapshot": result.snapshot,
        "written": result.written,
        "pending": result.pending,
    }


def _describe_difference(difference: Difference) -> dict[str, Any]:
    changes = [structs.asdict(one) for one in difference.changes]
    return structs.asdict(difference) | {"changes": changes}


def _describe_sets(sets: SetComparison) -> dict[str, Any]:
    second = _describe_sets(sets.second) if sets.second else None
    value: dict[str, Any] = to_builtins(sets)
    return value | {"alarm": sets.alarm, "second": second}
