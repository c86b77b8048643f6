"""A reply: each of its choices with what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.reports.html.conversation import write_message
from promptrun.reports.html.look import fill
from promptrun.reports.text import write_choice

if TYPE_CHECKING:
    from markupsafe import Markup

    from promptrun.models import Choice, Reply

MAX_CHOICES: Final = 50
"""Choices of a reply that are shown; the rest is counted."""
_USUAL = {"stop", "tool_calls", "function_call"}


def write_reply(reply: Reply) -> Markup:
    """The choices of a reply, each with how it ended where that is not usual."""
    choices = reply.choices
    return fill(
        "reply.html",
        choices=[_describe(choice, several=len(choices) > 1) for choice in choices[:MAX_CHOICES]],
        more=len(choices) - MAX_CHOICES,
    )


def write_plain(choice: Choice) -> str:
    """The text of a choice, to be compared by; all that is nested too deeply is the same."""
    try:
        return write_choice(choice)
    except RecursionError:
        return "nested too deeply to be shown"


def _describe(choice: Choice, *, several: bool) -> dict[str, Any]:
    body = write_message(choice.message, json=True)
    usual = choice.finish_reason in _USUAL
    return {
        "number": choice.index + 1 if several else None,
        "ended": None if usual else choice.finish_reason or "no reason",
        "body": body,
    }
