"""Reply against expectations: what must hold whatever the snapshot says. One file a family.

A new expectation is one file with a `FAMILY`, one row of `table.ROWS`, and its tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.expect.family import Evidence, Finding, Judgement, Question
from promptrun.expect.table import ALWAYS, FAMILIES, JOINED, KINDS, WHOLE
from promptrun.expect.verdict import describe, judge_expectation, questions_of
from promptrun.files.json import digest
from promptrun.models import Expectation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from promptrun.models import Outcome

__all__ = [
    "FAMILIES",
    "JOINED",
    "KINDS",
    "WHOLE",
    "Evidence",
    "Finding",
    "Judgement",
    "Question",
    "judge",
    "judge_each",
    "questions",
    "rule_text",
]


def judge(expectations: Sequence[Expectation], evidence: Evidence) -> tuple[Outcome, ...]:
    """The outcomes of a case's expectations, in their order, then of those that always hold.

    A kept expectation has one outcome, a broken one has one for each choice that breaks it. What
    always holds gives way to an expectation of its kind, and is told only where it is broken. A
    live reply and a replay are judged by the reply as it is recorded, so that both say the same.
    """
    stated = len(expectations)
    return tuple(
        outcome
        for position, (_, outcomes) in enumerate(judge_each(expectations, evidence))
        for outcome in outcomes
        if position < stated or not outcome.kept
    )


def judge_each(
    expectations: Sequence[Expectation], evidence: Evidence
) -> list[tuple[Expectation, list[Outcome]]]:
    """The same rule by rule, those that always hold and are kept among them."""
    return [
        (one, judge_expectation(FAMILIES[one.kind], one, evidence))
        for one in (*expectations, *always_held(expectations))
    ]


def always_held(expectations: Iterable[Expectation]) -> list[Expectation]:
    """The rules that hold without being stated, where none of their kind is."""
    stated = {expectation.kind for expectation in expectations}
    return [
        Expectation(kind=kind, argument=FAMILIES[kind].always)
        for kind in ALWAYS
        if kind not in stated
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
    """An expectation for people, and its name in a snapshot: ``not contains `dragon` ``.

    One that is too long to be shown whole ends with a digest, so that no two share a name.
    """
    text = describe(FAMILIES[expectation.kind], expectation)
    if "…" not in text:
        return text
    return f"{text} ({digest([expectation.kind, expectation.argument])[:8]})"
