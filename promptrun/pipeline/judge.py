"""From a reply to a verdict, and to what that verdict lets happen to the snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from promptrun.models import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptrun.models import Comparison, Outcome
    from promptrun.pipeline.options import WritePolicy

Action = Literal["none", "write", "propose", "settle"]
"""What becomes of the new reply: nothing, the snapshot, a pending change, or the end of one."""


def judge_reply(
    comparison: Comparison | None,
    outcomes: Sequence[Outcome],
    policy: WritePolicy,
    *,
    unreadable: bool,
) -> tuple[Verdict, Action]:
    """The verdict on a reply, and what to do with it.

    `comparison` is None where no snapshot can be compared with: there is none, or what is there
    is `unreadable`. A reply that breaks an expectation, or one that could not be judged, only ever
    becomes pending.
    """
    propose: Action = "propose" if policy.pending else "none"
    broken = [outcome for outcome in outcomes if not outcome.kept]
    if broken:
        errors = all(outcome.error is not None for outcome in broken)
        return Verdict.ERROR if errors else Verdict.FAILED, propose
    if comparison is None:
        if policy.unreadable if unreadable else policy.new:
            return Verdict.NEW, "write"
        return Verdict.MISSING, propose
    if comparison.equal:
        return Verdict.PASSED, "settle" if policy.pending else "none"
    return Verdict.CHANGED, "write" if policy.changed else propose
