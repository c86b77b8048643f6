"""How many tokens a request may take, before anybody has counted them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.protocol.usage import claimed_tokens

if TYPE_CHECKING:
    from promptrun.models import Reply, Request

_CHARACTERS = 3
"""Of a token: about four in English, and fewer in Korean."""
_PART = 1_000
"""Tokens of an image, a sound or a file: nobody but the server knows."""
_DESCRIBED = ("tools", "functions", "response_format", "prediction")
_ANSWER = 500
"""Tokens of an answer whose length the request leaves open."""


def estimate_tokens(request: Request) -> int:
    """Those of the messages, of what describes tools and forms, and of the answers asked for."""
    body = request.body
    messages = body.get("messages")
    asked = sum(map(_of_message, messages)) if isinstance(messages, list) else 0
    asked += sum(len(str(body[name])) for name in _DESCRIBED if name in body) // _CHARACTERS
    most = body.get("max_completion_tokens") or body.get("max_tokens") or _ANSWER
    choices = body.get("n") or 1
    return asked + most * choices


def used_tokens(reply: Reply) -> int | None:
    """What the server counted; None where it does not say."""
    return claimed_tokens(reply.raw, "total_tokens")


def _of_message(message: Any) -> int:
    if not isinstance(message, dict):
        return 0
    calls = len(str(message["tool_calls"])) // _CHARACTERS if "tool_calls" in message else 0
    content = message.get("content")
    if isinstance(content, str):
        return calls + len(content) // _CHARACTERS
    return calls + sum(map(_of_part, content)) if isinstance(content, list) else calls


def _of_part(part: Any) -> int:
    text = part.get("text") if isinstance(part, dict) else None
    return len(text) // _CHARACTERS if isinstance(text, str) else _PART
