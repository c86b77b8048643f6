"""The order of turns: a tool's answer follows the call that it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptrun.protocol.problem import Path, Report


def check_turns(messages: list[dict[str, Any]], path: Path, report: Report) -> None:
    """Note tool turns that answer no call, and calls that no tool turn answers.

    OpenAI refuses both; other servers may not. Nothing is judged where turns are still to be
    spliced in, or where an id is a template.
    """
    if any("messages_from" in message or _calls(message) is None for message in messages):
        return
    unanswered: dict[str, Path] = {}
    for index, message in enumerate(messages):
        place = (*path, index)
        if message["role"] == "tool":
            _answer(message["tool_call_id"], place, unanswered, report)
            continue
        _note_unanswered(unanswered, report)
        unanswered = {
            call["id"]: (*place, "tool_calls", position, "id")
            for position, call in enumerate(_calls(message) or ())
        }
    _note_unanswered(unanswered, report)


def _calls(message: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The tool calls of a turn; None where a template stands for any of them."""
    calls = message.get("tool_calls", [])
    return calls if isinstance(calls, list) and all(isinstance(c, dict) for c in calls) else None


def _answer(call: str, place: Path, unanswered: dict[str, Path], report: Report) -> None:
    if unanswered.pop(call, None) is None and not report.open(call):
        if any(report.open(other) for other in unanswered):
            return
        message = f"no call `{call}` stands in the assistant turn above"
        hint = "a `tool` turn answers one of that turn's `tool_calls` by its `id`"
        report.add((*place, "tool_call_id"), message, hint, lenient=True)
    elif report.open(call):
        unanswered.clear()


def _note_unanswered(unanswered: dict[str, Path], report: Report) -> None:
    for call, place in unanswered.items():
        if not report.open(call):
            hint = f"add a turn with `role: tool` and `tool_call_id: {call}`"
            report.add(
                place, f"the call `{call}` is answered by no `tool` turn", hint, lenient=True
            )
