"""How many tokens a request may take, before anybody has counted them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptrun.models import Reply, Request

_CHARACTERS = 3
"""Of a token: about four in English, and fewer in Korean."""
_PART = 1_000
"""Tokens of an image, a sound or a file: nobody but the server knows."""
_ANSWER = 500
"""Tokens of an answer whose length the request leaves open."""


def estimate_tokens(request: Request) -> int:
    """Those of the messages and of the answers that they ask for."""
    body = request.body
    messages = body.get("messages")
    asked = sum(map(_of_message, messages)) if isinstance(messages, list) else 0
    most = body.get("max_completion_tokens") or body.get("max_tokens") or _ANSWER
    choices = body.get("n") or 1
    return asked + most * choices


def used_tokens(reply: Reply) -> int | None:
    """What the server counted; None where it does not say."""
    usage = reply.raw.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if type(total) is int and total >= 0 else None


def _of_message(message: Any) -> int:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return len(content) // _CHARACTERS
    if isinstance(content, list):
        return sum(map(_of_part, content))
    return 0


def _of_part(part: Any) -> int:
    text = part.get("text") if isinstance(part, dict) else None
    return len(text) // _CHARACTERS if isinstance(text, str) else _PART
