"""Reply against expectations: what must hold whatever the snapshot says. One file a family.

A new expectation is one file with a `FAMILY`, one row of `FAMILIES`, and its tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from promptrun.expect import finish_reason, refusal
from promptrun.expect.family import Evidence, Finding, Judgement, Question
from promptrun.expect.verdict import describe, judge_expectation, questions_of
from promptrun.models import Expectation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from promptrun.expect.family import Check, Family
    from promptrun.models import Outcome

__all__ = [
    "FAMILIES",
    "KINDS",
    "Evidence",
    "Finding",
    "Judgement",
    "Question",
    "judge",
    "questions",
    "rule_text",
]

FAMILIES: Final[dict[str, Family]] = {
    "finish_reason": finish_reason.FAMILY,
    "refusal": refusal.FAMILY,
}
"""What may stand under `expect:`."""

KINDS: Final[dict[str, Check]] = {name: family.check for name, family in FAMILIES.items()}
"""For the loader of specs: which mistakes an expectation's argument has."""

WHOLE: Final = frozenset(name for name, family in FAMILIES.items() if family.test is None)
"""The expectations of a reply as a whole, which have no `on:`."""


def judge(expectations: Sequence[Expectation], evidence: Evidence) -> tuple[Outcome, ...]:
    """The outcomes of a case's expectations, in their order, then of those that always hold.

    A kept expectation has one outcome, a broken one has one for each choice that breaks it. What
    always holds gives way to an expectation of its kind, and is told only where it is broken. A
    live reply and a replay are judged by the reply as it is recorded, so that both say the same.
    """
    outcomes = [
        outcome
        for expectation in expectations
        for outcome in judge_expectation(FAMILIES[expectation.kind], expectation, evidence)
    ]
    for expectation in always_held(expectations):
        family = FAMILIES[expectation.kind]
        outcomes += [
            outcome
            for outcome in judge_expectation(family, expectation, evidence)
            if not outcome.kept
        ]
    return tuple(outcomes)


def always_held(expectations: Iterable[Expectation]) -> list[Expectation]:
    """The rules that hold without being stated, where none of their kind is."""
    stated = {expectation.kind for expectation in expectations}
    return [
        Expectation(kind=kind, argument=family.always)
        for kind, family in FAMILIES.items()
        if family.always is not None and kind not in stated
    ]


def questions(expectations: Iterable[Expectation], evidence: Evidence) -> list[Question]:
    """What judges have to be asked before `judge` can tell, each once."""
    asked = {
        question.key: question
        for expectation in expectations
        for question in questions_of(FAMILIES[expectation.kind], expectation, evidence)
    }
    return [question for key, question in asked.items() if key not in evidence.judgements]


def rule_text(expectation: Expectation) -> str:
    """An expectation for people, and its name in a snapshot: ``not contains `dragon` ``."""
    return describe(FAMILIES[expectation.kind], expectation)
