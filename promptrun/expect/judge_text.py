"""What a judge reads, and what it answers: both are text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from promptrun.expect.family import Judgement, shorten

JUDGE_SPEC: Final = Path(__file__).with_name("judge.yaml")
"""The judge's own prompt, which is a spec like any other: `Question.spec` is None for it."""

LONGEST_CONVERSATION: Final = 20_000
"""Characters that a judge is shown of the conversation; the reply itself is shown whole."""

LONGEST_REASON: Final = 2_000
"""Characters of a reason that are kept."""


def conversation_text(messages: Any) -> str:
    """The messages as a person would read them: ``user: How late is it?``, one below the other.

    Of pictures, sounds and files only the kind is told, and of a long conversation its middle is
    left out.
    """
    if not isinstance(messages, list):
        return ""
    lines = [
        f"{message.get('role', '')}: {_content_text(message)}"
        for message in messages
        if isinstance(message, dict)
    ]
    text = "\n".join(lines)
    left_out = len(text) - LONGEST_CONVERSATION
    if left_out <= 0:
        return text
    half = LONGEST_CONVERSATION // 2
    return f"{text[:half]}\n[{left_out:,} characters are left out here]\n{text[-half:]}"


def whole_characters(text: str) -> str:
    """The text with a replacement sign for every half of a surrogate pair."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_judgement(text: str) -> Judgement:
    """The judgement that a judge's reply states: ``{"reason": "…", "score": 0.8}``.

    A fence around it may stand; text beside it may not, and neither may a key twice: what a judge
    quotes of the reply must never be taken for its own answer. Anything else is a failed
    judgement, whose reason says what was answered.
    """
    from promptrun.files.json import parse_faithfully

    try:
        answer = parse_faithfully(_without_fence(text))
    except ValueError:
        return _failed("no JSON", text)
    if not isinstance(answer, dict):
        return _failed("no JSON object", text)
    score, reason = answer.get("score"), answer.get("reason")
    if isinstance(score, bool) or not isinstance(score, int | float):
        return _failed("no score", text)
    if not 0 <= score <= 1:
        return _failed("a score that is not from 0 to 1", text)
    if not isinstance(reason, str) or not reason.strip():
        return _failed("no reason", text)
    return Judgement(score=float(score), reason=shorten(reason.strip(), LONGEST_REASON))


def _failed(what: str, text: str) -> Judgement:
    said = shorten(text.strip()) or "an empty text"
    return Judgement(score=None, reason=f"the judge gave {what}: {said}", failed=True)


def _without_fence(text: str) -> str:
    """The text inside a Markdown fence, where the fence is all that there is."""
    lines = text.strip().splitlines()
    if len(lines) > 2 and lines[0].rstrip() in {"```", "```json"} and lines[-1].strip() == "```":
        return "\n".join(lines[1:-1])
    return text


def _content_text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    pieces = [_part_text(part) for part in content] if isinstance(content, list) else []
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        pieces.append(f"[calls {function.get('name', 'a tool')}({function.get('arguments', '')})]")
    return "\n".join(pieces)


def _part_text(part: Any) -> str:
    if not isinstance(part, dict):
        return ""
    text = part.get("text", part.get("refusal"))
    return text if isinstance(text, str) else f"[{part.get('type', 'a part')}]"
