"""A whole case: what is wrong, the replies, the rules, the conversation, the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.models import Cause, Verdict
from promptrun.reports.html.conversation import write_conversation
from promptrun.reports.html.difference import write_difference
from promptrun.reports.html.facts import describe_facts, write_commands
from promptrun.reports.html.look import fill
from promptrun.reports.html.replies import write_replies
from promptrun.reports.html.statistics import write_statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from promptrun.models import CaseResult, Comparison, Difference, Outcome

MAX_DIFFERENCES: Final = 100
"""Differences, expectations and notes of one case; the rest is counted."""


def write_case(result: CaseResult) -> Markup:
    """Everything that a reader may want to know of a case; its headings are of level 3."""
    comparison = result.comparison
    # What a set keeps is told by its shares: a rule that some replies break is not simply kept.
    outcomes = [one for one in result.outcomes if result.sets is None or not one.kept]
    replies, beside = write_replies(result)
    return fill(
        "case.html",
        result=result,
        causes=comparison.causes if comparison else (),
        failure=_describe_failure(result),
        error_place=_find_error(result),
        warnings=_list_warnings(result),
        notes=[*result.notes, *(comparison.notes if comparison else ())][:MAX_DIFFERENCES],
        replies=replies,
        told=_tell_comparison(result),
        reply_differences=_pick_differences(comparison, beside=beside) if comparison else (),
        request_differences=_write_differences(comparison.request) if comparison else (),
        expectations=[_describe_outcome(one) for one in outcomes[:MAX_DIFFERENCES]],
        more_expectations=len(outcomes) - MAX_DIFFERENCES,
        sets=write_statistics(result.sets) if result.sets else None,
        conversation=write_conversation(result.request.body) if result.request else None,
        facts=describe_facts(result),
        commands=write_commands(result),
    )


def _describe_failure(result: CaseResult) -> dict[str, Any] | None:
    failure = result.failure
    if failure is None:
        return None
    named = {
        "status": failure.status,
        "code": failure.code,
        "type": failure.type,
        "parameter": failure.param,
        "request": failure.request_id,
        "asked to wait": f"{failure.retry_after:g} s" if failure.retry_after else None,
    }
    facts = [(name, str(value)) for name, value in named.items() if value is not None]
    return {"message": failure.message, "facts": facts, "hint": failure.hint}


def _find_error(result: CaseResult) -> str | None:
    place = result.error.location if result.error else None
    return str(place) if place else None


def _list_warnings(result: CaseResult) -> list[tuple[str, str | None, str | None]]:
    """Message, place and hint of each."""
    own = [(one.message, str(one.location), one.hint) for one in result.warnings]
    compared = result.comparison.warnings if result.comparison else ()
    return [*own, *((text, None, None) for text in compared)][:MAX_DIFFERENCES]


def _tell_comparison(result: CaseResult) -> str | None:
    """What the replies alone do not show: that they are equal, or that nobody compared them."""
    comparison = result.comparison
    if comparison is None or result.verdict is Verdict.NEW or result.sets is not None:
        return None
    if not comparison.compared:
        return "The reply is not compared with the accepted one."
    return None if Cause.REPLY in comparison.causes else "The reply is equal to the accepted one."


def _pick_differences(comparison: Comparison, *, beside: bool) -> Sequence[Markup]:
    """The differences of the reply, without those that the two replies beside each other show."""
    shown = [one for one in comparison.reply if one.changes or one.bounded or not beside]
    return _write_differences(shown)


def _write_differences(differences: Sequence[Difference]) -> Sequence[Markup]:
    return [write_difference(one) for one in differences[:MAX_DIFFERENCES]]


def _describe_outcome(outcome: Outcome) -> dict[str, Any]:
    if outcome.not_judged is not None:
        word = "not judged"
    elif outcome.error is not None:
        word = "error"
    else:
        word = "kept" if outcome.kept else "broken"
    rows = [
        ("found", outcome.found if outcome.found != outcome.expected else ""),
        ("where", outcome.where),
        ("why", outcome.error or outcome.not_judged or ""),
    ]
    return {
        "word": word,
        "kind": outcome.kind,
        "expected": outcome.expected,
        "rows": [(name, text) for name, text in rows if text],
        "details": outcome.details[:MAX_DIFFERENCES],
    }
