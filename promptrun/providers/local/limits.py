"""Which requests the embedded model cannot serve: known without starting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptrun.models import Request

MOST_CHOICES = 8
_UNREADABLE = {"image_url": "an image", "input_audio": "audio", "file": "a file"}


def unsupported(request: Request) -> str | None:
    """Why the embedded model cannot serve this request; None where it can be asked."""
    body = request.body
    for position, message in enumerate(body.get("messages") or ()):
        for part in _objects(message.get("content")):
            if part.get("type") in _UNREADABLE:
                held = _UNREADABLE[part["type"]]
                return f"the embedded model reads text only, and messages[{position}] holds {held}"
    if "audio" in (body.get("modalities") or ()):
        return "the embedded model writes text only, and `modalities` asks for audio"
    for tool in _objects(body.get("tools")):
        if tool.get("type") == "custom":
            return "the embedded model calls functions only, and a tool is `custom`"
    if count_choices(request) > MOST_CHOICES:
        return f"the embedded model gives at most {MOST_CHOICES} choices, and `n` is {body['n']}"
    return None


def count_choices(request: Request) -> int:
    """How many answers a request asks for."""
    count = request.body.get("n")
    return count if type(count) is int else 1


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
