"""Whether JSON is a chat completion, before anybody relies on it."""

from __future__ import annotations

from typing import Any


def describe_misfit(raw: Any) -> str | None:
    """Why `raw` is no ``chat.completion``; None where it is one.

    Checked is what the other stages read: choices with an index of their own, a message, and a
    finish reason that is text. All else of a reply is passed on unread.
    """
    choices = raw.get("choices") if isinstance(raw, dict) else None
    if not isinstance(choices, list):
        return "the server sent JSON that is no `chat.completion`: it has no `choices`"
    if not choices:
        return "the server sent a `chat.completion` without a choice"
    seen: set[int] = set()
    for position, choice in enumerate(choices):
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            return f"choice {position} of the reply has no message"
        index = choice.get("index", position)
        if type(index) is not int or index in seen:
            return f"choice {position} of the reply has no index of its own"
        seen.add(index)
        if not isinstance(choice.get("finish_reason"), str | None):
            return f"choice {position} of the reply has a `finish_reason` that is no text"
    return None
