"""Rules that join several fields of a request; all of them are OpenAI's, so all are lenient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.protocol.problem import Problem, is_template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NEEDS = (
    # A field, the field that it needs, and what mends it.
    ("tool_choice", "tools", "add the tools, or leave `tool_choice` out"),
    ("parallel_tool_calls", "tools", "add the tools, or leave `parallel_tool_calls` out"),
    ("function_call", "functions", "add the functions, or leave `function_call` out"),
)
APART = (
    ("max_tokens", "max_completion_tokens", "keep `max_completion_tokens`"),
    ("functions", "tools", "keep `tools`: it replaces `functions`"),
    ("function_call", "tool_choice", "keep `tool_choice`: it replaces `function_call`"),
)
"""Fields that exclude each other: the older one, the newer one, and what mends it."""


def check_together(fields: Mapping[str, Any], *, rendered: bool = False) -> list[Problem]:
    """What is wrong with fields that are right one by one; paths begin with the field's name."""
    problems = [
        Problem((name,), f"`{name}` needs `{needed}`", hint, lenient=True, key=True)
        for name, needed, hint in _NEEDS
        if _is_set(fields, name) and not _is_set(fields, needed)
    ]
    problems += [
        Problem((name,), f"`{name}` cannot stand beside `{other}`", hint, lenient=True, key=True)
        for name, other, hint in APART
        if _is_set(fields, name) and _is_set(fields, other)
    ]
    for name, switch in (("top_logprobs", "logprobs"), ("stream_options", "stream")):
        value = fields.get(switch)
        known = rendered or not is_template(value)
        if _is_set(fields, name) and value is not True and known:
            message, hint = f"`{name}` needs `{switch}: true`", f"add `{switch}: true`"
            problems.append(Problem((name,), message, hint, lenient=True, key=True))
    modalities = fields.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities and not _is_set(fields, "audio"):
        hint = "add `audio: {voice: alloy, format: mp3}`"
        problems.append(
            Problem(("modalities",), "`modalities` with `audio` needs `audio`", hint, lenient=True)
        )
    return problems


def _is_set(fields: Mapping[str, Any], name: str) -> bool:
    return fields.get(name) is not None


def check_json_mode(body: Mapping[str, Any]) -> Problem | None:
    """JSON mode without the word "json" in any message, which OpenAI refuses with a 400.

    `body` is a rendered request. The reason: without the word a model may write blanks until it
    runs out of tokens.
    """
    response_format = body.get("response_format")
    if not isinstance(response_format, dict) or response_format.get("type") != "json_object":
        return None
    if any("json" in text.lower() for text in _texts(body.get("messages"))):
        return None
    return Problem(
        ("response_format",),
        "JSON mode needs the word `json` in a message",
        "say in a message that the answer is to be JSON, or use `type: json_schema`",
        lenient=True,
    )


def _texts(messages: Any) -> Iterator[str]:
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            yield content
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
