"""The exit code of a run, from what became of its cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.models import Verdict

if TYPE_CHECKING:
    from collections import Counter

    from promptrun.models import CaseResult

INTERRUPTED = 130


def exit_code(counts: Counter[Verdict], updated: int, *, stopped: bool = False) -> int:
    """The first that applies of 1, 3, 4, 0: a proven regression is not hidden by a fault.

    `updated` of the changed cases were accepted by `--update` and count as settled. A run that was
    `stopped` before its end is never well.
    """
    if counts[Verdict.CHANGED] > updated or counts[Verdict.FAILED] or counts[Verdict.MISSING]:
        return 1
    if counts[Verdict.ERROR] or stopped:
        return 3
    return 0 if counts.total() > counts[Verdict.SKIPPED] else 4


def is_well(result: CaseResult) -> bool:
    """Whether a result lets a run end with 0."""
    if result.verdict is Verdict.CHANGED:
        return result.written
    return result.verdict not in {Verdict.FAILED, Verdict.MISSING, Verdict.ERROR}


def why_failed_fast(result: CaseResult) -> str:
    """Why ``--fail-fast`` ends a run."""
    return f"`--fail-fast`: `{result.id}` is `{result.verdict}`"
