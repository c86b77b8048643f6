"""Two recorded runs held against each other, for programs: an object a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import to_builtins

from promptrun.reports.json_report import describe_comparison, describe_sets
from promptrun.reports.replies import replies_of
from promptrun.reports.strict_json import dump_strict

if TYPE_CHECKING:
    from promptrun.models import CaseResult
    from promptrun.reports.run_diff import CaseDiff

FORMAT: Final = 1
"""Goes up when a field changes its meaning or goes away; new fields may come at any time."""


def write_diff_json(diff: CaseDiff) -> str:
    """One line that holds all that is known; `docs/runs.md` lists the fields."""
    value = {
        "promptrun": FORMAT,
        "id": diff.id,
        "kind": diff.kind,
        "before": _describe_result(diff.before),
        "now": _describe_result(diff.now),
        "causes": [cause.value for cause in diff.comparison.causes] if diff.comparison else [],
        "differences": describe_comparison(diff.comparison),
        "statistics": describe_sets(diff.sets) if diff.sets else None,
        "gained": to_builtins(diff.gained),
        "note": diff.note,
    }
    # A server may send what UTF-8 cannot say: JSON spells it as Python does.
    return dump_strict(value).encode("utf-8", "backslashreplace").decode()


def _describe_result(result: CaseResult | None) -> dict[str, Any] | None:
    if result is None:
        return None
    reply, spent = result.reply, result.spent
    return {
        "verdict": result.verdict.value,
        "reason": result.reason,
        "broken": [one.kind for one in result.outcomes if not one.kept],
        "replies": len(replies_of(result)),
        "seconds": reply.timings.total if reply else None,
        "prompt_tokens": spent.prompt_tokens if spent else None,
        "completion_tokens": spent.completion_tokens if spent else None,
        "cost": spent.cost if spent else None,
    }
