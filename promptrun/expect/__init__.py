"""Reply against expectations: what must hold whatever the snapshot says. One file a family.

A new expectation is one file with a `FAMILY`, one row of `FAMILIES`, and its tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from promptrun.expect import finish_reason, refusal
from promptrun.expect.family import Evidence
from promptrun.models import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptrun.expect.family import Check, Family
    from promptrun.models import Expectation, Reply, Snapshot

__all__ = ["FAMILIES", "KINDS", "judge"]

FAMILIES: Final[dict[str, Family]] = {
    "finish_reason": finish_reason.FAMILY,
    "refusal": refusal.FAMILY,
}
"""What may stand under `expect:`."""

KINDS: Final[dict[str, Check]] = {name: family.check for name, family in FAMILIES.items()}
"""For the loader of specs: which mistakes an expectation's argument has."""


def judge(
    expectations: Sequence[Expectation], snapshot: Snapshot, reply: Reply | None
) -> tuple[Outcome, ...]:
    """The outcomes of a case's expectations, in their order, then of those that always hold.

    A kept expectation has one outcome, a broken one has one for each choice that breaks it. What
    always holds gives way to an expectation of its kind, and is told only where it is broken.
    `snapshot` is the reply as it is recorded, so that a live reply and a replay are judged alike;
    `reply` is None in a replay.
    """
    evidence = Evidence(snapshot=snapshot, reply=reply)
    outcomes = [
        outcome
        for expectation in expectations
        for outcome in _judge_one(expectation.kind, expectation.argument, evidence)
    ]
    stated = {expectation.kind for expectation in expectations}
    for kind, family in FAMILIES.items():
        if family.always is not None and kind not in stated:
            outcomes += [
                outcome for outcome in _judge_one(kind, family.always, evidence) if not outcome.kept
            ]
    return tuple(outcomes)


def _judge_one(kind: str, argument: object, evidence: Evidence) -> Sequence[Outcome]:
    broken = tuple(FAMILIES[kind].judge(argument, evidence))
    return broken or [Outcome(kind=kind, kept=True, expected=FAMILIES[kind].describe(argument))]
