"""The replies of a case: those that its verdict is of, and those that were timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptrun.models import CaseResult, Reply


def replies_of(result: CaseResult) -> tuple[Reply, ...]:
    """Every reply that the verdict is of; none where none came."""
    return result.replies or ((result.reply,) if result.reply else ())


def live_replies(result: CaseResult) -> tuple[Reply, ...]:
    """The same without those of a replay, which nobody waited for."""
    return () if result.replayed else replies_of(result)
