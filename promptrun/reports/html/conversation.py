"""A request as a conversation, and the turns of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from promptrun.reports.html.json_tree import fits_line, parse_container, write_json_tree
from promptrun.reports.html.links import write_image, write_medium
from promptrun.reports.html.look import fill, show_long

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_TURNS: Final = 400
"""Turns of a conversation, and parts of one turn; the rest is counted."""
ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
"""The roles that have a look of their own."""

_SHOWN = {"role", "content", "name", "tool_calls", "function_call", "refusal", "tool_call_id"}


def write_conversation(body: Mapping[str, Any]) -> Markup:
    """The turns of a request body in the form of the wire, then its other fields as a tree."""
    messages = body.get("messages")
    turns = messages if isinstance(messages, list) else []
    fields = {name: value for name, value in body.items() if name != "messages"}
    return fill(
        "conversation.html",
        turns=[_describe_turn(turn) for turn in turns[:MAX_TURNS]],
        more=len(turns) - MAX_TURNS,
        fields=write_json_tree(fields) if fields else None,
    )


def write_text(text: str, *, json: bool = False) -> Markup:
    """A text of a conversation; as a tree, with `json`, where it spells a list or an object."""
    value = parse_container(text) if json else None
    if value is not None and fits_line(value):
        return write_json_tree(value)
    if value is not None:
        return Markup(
            '{}<details class="source"><summary>as text</summary>'
            '<pre class="text" dir="auto">{}</pre></details>'
        ).format(write_json_tree(value), show_long(text))
    return Markup('<pre class="text" dir="auto">{}</pre>').format(show_long(text))


def write_message(message: Mapping[str, Any], *, json: bool = False) -> Markup:
    """What one turn holds, in order: its content, refusal, calls, and what else there is."""
    return Markup("").join(_write_parts(message, json=json))


def _describe_turn(turn: Any) -> dict[str, Any]:
    message = turn if isinstance(turn, dict) else {"content": turn}
    role = _text(message.get("role"))
    name, answers = message.get("name"), message.get("tool_call_id")
    return {
        "role": "no role" if role is None else role,
        "kind": role if role in ROLES else "other",
        "name": _text(name),
        "answers": _text(answers),
        "body": write_message(message, json=role in {"assistant", "tool", "function"}),
    }


def _text(value: Any) -> str | None:
    """What is text; a server may send anything in its place, a list too."""
    return value if isinstance(value, str) else None


def _write_parts(message: Mapping[str, Any], *, json: bool) -> Iterator[Markup]:
    content = message.get("content")
    if isinstance(content, str):
        if content:
            yield write_text(content, json=json)
    elif isinstance(content, list):
        yield from (_write_part(part, json=json) for part in content[:MAX_TURNS])
        if len(content) > MAX_TURNS:
            yield Markup('<p class="more">… {} more parts</p>').format(len(content) - MAX_TURNS)
    elif content is not None:
        yield write_json_tree(content)
    if message.get("refusal"):
        yield Markup('<div class="refusal"><span class="label">refusal</span>{}</div>').format(
            write_text(str(message["refusal"]))
        )
    yield from map(_write_call, _find_calls(message))
    rest = {name: value for name, value in message.items() if name not in _SHOWN and value}
    if rest:
        yield Markup('<details class="source"><summary>other fields</summary>{}</details>').format(
            write_json_tree(rest)
        )


def _write_part(part: Any, *, json: bool) -> Markup:
    kind = _text(part.get("type")) if isinstance(part, dict) else None
    if kind in {"text", "refusal"} and isinstance(part.get(kind), str):
        return write_text(part[kind], json=json)
    medium = None if kind is None else part.get(kind)
    if kind == "image_url":
        return write_image(medium.get("url") if isinstance(medium, dict) else medium)
    if kind == "input_audio" and isinstance(medium, dict):
        return write_medium("sound", medium.get("data"))
    if kind == "file" and isinstance(medium, dict):
        named = medium.get("filename") or medium.get("file_id") or "file"
        return write_medium(str(named)[:200], medium.get("file_data"))
    return write_json_tree(part)


def _find_calls(message: Mapping[str, Any]) -> Sequence[Any]:
    calls = message.get("tool_calls")
    found = list(calls[:MAX_TURNS]) if isinstance(calls, list) else []
    older = message.get("function_call")
    return [*found, {"function": older}] if older else found


def _write_call(call: Any) -> Markup:
    for kind, given in (("function", "arguments"), ("custom", "input")):
        inner = call.get(kind) if isinstance(call, dict) else None
        if isinstance(inner, dict):
            arguments, called = inner.get(given), call.get("id")
            return fill(
                "call.html",
                name=str(inner.get("name")),
                id=_text(called),
                arguments=write_text(arguments, json=True)
                if isinstance(arguments, str)
                else write_json_tree(arguments),
            )
    return write_json_tree(call)
