"""From the findings on single choices to the outcome of an expectation: `not:` and `on:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.models import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.expect.family import Evidence, Family, Finding, Question
    from promptrun.models import Expectation


def judge_expectation(
    family: Family, expectation: Expectation, evidence: Evidence
) -> list[Outcome]:
    """One outcome where the expectation is kept, else one for each finding that breaks it."""
    outcomes = [
        _outcome(family, expectation, name, finding)
        for name, finding in _findings(family, expectation, evidence)
    ]
    if not outcomes:
        return _of_no_choice(family, expectation)
    broken = [outcome for outcome in outcomes if not outcome.kept]
    unjudged = [outcome for outcome in outcomes if outcome.not_judged]
    keepers = [one for one in outcomes if one.kept and not one.not_judged]
    if expectation.on == "any":
        # Some choice that cannot be judged may have kept it.
        return keepers[:1] or unjudged[:1] or broken
    return broken or unjudged[:1] or [_joined(keepers)]


def _joined(keepers: list[Outcome]) -> Outcome:
    """One outcome for all choices that keep a rule; what is worth telling of each stays."""
    details = dict.fromkeys(line for one in keepers for line in one.details)
    return structs.replace(keepers[0], where="", details=tuple(details))


def questions_of(
    family: Family, expectation: Expectation, evidence: Evidence
) -> Iterator[Question]:
    """What has to be asked about the choices that the expectation looks at."""
    if family.ask is None:
        return
    choices = evidence.choices()
    for choice in choices[:1] if expectation.on == "first" else choices:
        question = family.ask(expectation.argument, choice, evidence)
        if question is not None:
            yield question


def describe(family: Family, expectation: Expectation) -> str:
    """The whole rule for people."""
    text = f"{expectation.kind} {family.describe(expectation.argument)}"
    return f"{_wanted(expectation, text)}{_on(expectation)}"


def _findings(
    family: Family, expectation: Expectation, evidence: Evidence
) -> Iterator[tuple[str, Finding]]:
    if family.test_reply is not None:
        yield "", family.test_reply(expectation.argument, evidence)
        return
    assert family.test is not None  # noqa: S101 - a family has one or the other
    choices = evidence.choices()
    for choice in choices[:1] if expectation.on == "first" else choices:
        yield choice.name, family.test(expectation.argument, choice, evidence)


def _outcome(family: Family, expectation: Expectation, name: str, finding: Finding) -> Outcome:
    kept = finding.kept is not expectation.negated
    if finding.not_judged is not None or finding.error is not None:
        kept = finding.error is None
    return Outcome(
        kind=expectation.kind,
        kept=kept,
        expected=_expected(family, expectation),
        found=finding.found,
        where=", ".join(filter(None, (name, finding.where))),
        not_judged=finding.not_judged,
        error=finding.error,
        details=finding.details,
    )


def _of_no_choice(family: Family, expectation: Expectation) -> list[Outcome]:
    outcome = _kept(family, expectation)
    if expectation.kind != "finish_reason" and expectation.argument == family.always:
        # That there is no choice is told once.
        return [outcome]
    return [
        Outcome(
            kind=outcome.kind,
            kept=False,
            expected=outcome.expected,
            found="a reply without a choice",
        )
    ]


def _kept(family: Family, expectation: Expectation) -> Outcome:
    return Outcome(kind=expectation.kind, kept=True, expected=_expected(family, expectation))


def _expected(family: Family, expectation: Expectation) -> str:
    text = _wanted(expectation, family.describe(expectation.argument))
    return f"{text}{_on(expectation)}"


def _wanted(expectation: Expectation, text: str) -> str:
    return f"not {text}" if expectation.negated else text


def _on(expectation: Expectation) -> str:
    return {"all": "", "any": ", in any choice", "first": ", in the first choice"}[expectation.on]
