"""Reply against expectations: what must hold whatever the snapshot says. One file a family.

A new expectation is one file with a `FAMILY`, one row of `FAMILIES`, and its tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from promptrun.expect import (
    finish_reason,
    is_json,
    json,
    json_schema,
    judge_model,
    live,
    python,
    refusal,
    regex,
    similar,
    size,
    tool_call,
    words,
)
from promptrun.expect.family import Evidence, Finding, Judgement, Question
from promptrun.expect.judge_text import JUDGE_SPEC, read_judgement
from promptrun.expect.verdict import describe, judge_expectation, questions_of
from promptrun.files.json import digest
from promptrun.models import Expectation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from promptrun.expect.family import Check, Family
    from promptrun.models import Outcome

__all__ = [
    "FAMILIES",
    "JUDGE_SPEC",
    "KINDS",
    "Evidence",
    "Finding",
    "Judgement",
    "Question",
    "judge",
    "judge_each",
    "questions",
    "read_judgement",
    "rule_text",
]

FAMILIES: Final[dict[str, Family]] = {
    "finish_reason": finish_reason.FAMILY,
    "refusal": refusal.FAMILY,
    "contains": words.CONTAINS,
    "icontains": words.ICONTAINS,
    "starts_with": words.STARTS_WITH,
    "equals": words.EQUALS,
    "one_of": words.ONE_OF,
    "regex": regex.FAMILY,
    "max_words": size.MAX_WORDS,
    "max_chars": size.MAX_CHARS,
    "is_json": is_json.FAMILY,
    "json_schema": json_schema.FAMILY,
    "json": json.FAMILY,
    "tool_call": tool_call.FAMILY,
    "similar": similar.FAMILY,
    "max_latency": live.MAX_LATENCY,
    "max_first_token": live.MAX_FIRST_TOKEN,
    "max_tokens": live.MAX_TOKENS,
    "max_cost": live.MAX_COST,
    "python": python.FAMILY,
    "judge": judge_model.FAMILY,
}
"""What may stand under `expect:`."""

KINDS: Final[dict[str, Check]] = {name: family.check for name, family in FAMILIES.items()}
"""For the loader of specs: which mistakes an expectation's argument has."""

WHOLE: Final = frozenset(name for name, family in FAMILIES.items() if family.test is None)
"""The expectations of a reply as a whole, which have no `on:`."""


JOINED: Final = frozenset({"contains", "icontains"})
"""Those whose list means all of its texts: under `not:` that would say less than it seems to."""


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
    """An expectation for people, and its name in a snapshot: ``not contains `dragon` ``.

    One that is too long to be shown whole ends with a digest, so that no two share a name.
    """
    text = describe(FAMILIES[expectation.kind], expectation)
    if "…" not in text:
        return text
    return f"{text} ({digest([expectation.kind, expectation.argument])[:8]})"
