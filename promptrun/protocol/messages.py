"""Messages: roles, content, parts and tool calls.

The shapes are those of openai's parameter types, and three of promptrun's own that rendering
replaces: ``content: {file: NAME}``, ``- messages_from: X``, and media named by a relative path.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from promptrun.protocol.checks import (
    items,
    mapping,
    name_of,
    nullable,
    one_of,
    tagged,
    text,
    text_or,
    unknown_key,
)
from promptrun.protocol.problem import Path, Problem, Report, is_template, shown
from promptrun.protocol.turns import check_turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.protocol.problem import Check

ROLES = ("system", "developer", "user", "assistant", "tool", "function")

_WHOLE_VARIABLE = re.compile(r"\{\{-?\s*[^\W\d]\w*(?:\.[^\W\d]\w*|\[\d+\])*\s*-?\}\}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_ALLOWED_SCHEMES = frozenset({"https", "http", "data"})


def check_messages(value: Any, path: Path, *, rendered: bool = False) -> list[Problem]:
    """What is wrong with a list of messages that stands at `path`.

    With `rendered`, the three shapes that rendering replaces are mistakes, and ``{{`` is text.
    """
    report = Report(rendered=rendered)
    if not isinstance(value, list):
        hint = 'turns from a variable are `- messages_from: "{{ history }}"`'
        message = f"{name_of(path)} must be a list, not {shown(value)}"
        report.add(path, message, hint if is_template(value) else None)
        return report.problems
    if not value:
        report.add(path, f"{name_of(path)} must have at least one message")
    for index, entry in enumerate(value):
        _check_entry(entry, (*path, index), report)
    if not report.problems:
        check_turns(value, path, report)
    return report.problems


def _check_entry(entry: Any, path: Path, report: Report) -> None:
    if not isinstance(entry, dict):
        hint = "a message is `role: user` and `content: …`"
        report.add(path, f"{name_of(path)} must be a mapping, not {shown(entry)}", hint)
    elif "messages_from" in entry and not report.rendered:
        _spliced(entry, path, report)
    elif "role" not in entry:
        report.add(path, f"`role` is missing in {name_of(path)}", _roles())
        for name in entry.keys() - _ANY_ROLE:
            unknown_key(name, path, _ANY_ROLE, report)
    elif isinstance(entry["role"], str) and (check := _MESSAGES.get(entry["role"])):
        check(entry, path, report)
    else:
        one_of(*ROLES, lenient=False)(entry["role"], (*path, "role"), report)


def _roles() -> str:
    return "the roles are " + ", ".join(f"`{role}`" for role in ROLES[:-1])


def _media(value: Any, path: Path, report: Report) -> None:
    """Where a picture, a sound or a file comes from.

    A composed URL could carry text of the prompt to a stranger's host, so a template must be one
    whole variable.
    """
    if not isinstance(value, str):
        report.add(path, f"{name_of(path)} must be text, not {shown(value)}")
    elif not value:
        report.add(path, f"{name_of(path)} must not be empty")
    elif report.open(value):
        if not _WHOLE_VARIABLE.fullmatch(value):
            message = f"{name_of(path)} is composed: {shown(value)}"
            report.add(path, message, "write it out, or as one whole variable: `{{ image }}`")
    elif (scheme := _SCHEME.match(value)) and scheme[1].lower() not in _ALLOWED_SCHEMES:
        message = f"{name_of(path)} cannot begin with `{scheme[0]}`"
        report.add(path, message, "an `https:` or `data:` URL, or a path relative to the spec")


def _image(value: Any, path: Path, report: Report) -> None:
    if isinstance(value, str):
        report.add(path, "`image_url` must be a mapping", "write `image_url: {url: …}`")
        return
    fields = {"url": _media, "detail": one_of("auto", "low", "high", "original")}
    mapping(fields, required=["url"])(value, path, report)


def _audio(value: Any, path: Path, report: Report) -> None:
    # Rendering finds the format of a file in its bytes.
    required = ["data", "format"] if report.rendered else ["data"]
    fields = {"data": _media, "format": one_of("wav", "mp3")}
    mapping(fields, required=required)(value, path, report)


def _arguments(value: Any, path: Path, report: Report) -> None:
    if isinstance(value, dict | list):
        hint = 'write the JSON as text: `\'{"city": "Seoul"}\'`'
        report.add(path, f"{name_of(path)} must be text, not {shown(value)}", hint)
    else:
        text()(value, path, report)


_type = text()
_breakpoint = mapping({"mode": one_of("explicit"), "ttl": one_of("30m", "12h")}, required=["mode"])


def _part(name: str, check: Check) -> Check:
    keys = {"type": _type, name: check}
    if name != "refusal":
        keys["prompt_cache_breakpoint"] = _breakpoint
    return mapping(keys, required=[name])


PARTS: dict[str, Check] = {
    "text": _part("text", text()),
    "image_url": _part("image_url", _image),
    "input_audio": _part("input_audio", _audio),
    "file": _part(
        "file", mapping({"file_data": _media, "file_id": text(empty=False), "filename": text()})
    ),
    "refusal": _part("refusal", text()),
}
_any_part = tagged(PARTS)
_file = mapping({"file": text(empty=False)})


def _content(*kinds: str, null: bool = False) -> Check:
    """Text, or parts of these kinds; a part of another kind is lenient."""

    def check_part(value: Any, path: Path, report: Report) -> None:
        _any_part(value, path, report)
        kind = value.get("type") if isinstance(value, dict) else None
        if isinstance(kind, str) and kind in PARTS and kind not in kinds:
            hint = "it takes " + ", ".join(f"`{name}`" for name in kinds)
            message = f"a part `{kind}` cannot stand in a message of this role"
            report.add((*path, "type"), message, hint, lenient=True)

    parts = items(check_part, fewest=1)

    def check(value: Any, path: Path, report: Report) -> None:
        if isinstance(value, str) or (null and value is None):
            return
        if isinstance(value, dict) and "file" in value and not report.rendered:
            _file(value, path, report)
        elif isinstance(value, list):
            parts(value, path, report)
        else:
            hint = "quote it to make it text" if isinstance(value, int | float) else None
            message = f"{name_of(path)} must be text or a list of parts, not {shown(value)}"
            report.add(path, message, hint)

    return check


CONTENT_TEXT = _content("text")

_call_id = text(empty=False)
_tool_calls = items(
    tagged(
        {
            kind: mapping(
                {
                    "id": _call_id,
                    "type": _type,
                    kind: mapping({"name": text(), value: _arguments}, required=["name", value]),
                },
                required=["id", kind],
            )
            for kind, value in (("function", "arguments"), ("custom", "input"))
        }
    ),
    fewest=1,
)
_function_call = mapping({"name": text(), "arguments": _arguments}, required=["name", "arguments"])


def _message(required: tuple[str, ...] = ("content",), **fields: Check) -> Check:
    return mapping({"role": _type, "name": text(longest=64), **fields}, required=required)


_assistant_keys = _message(
    (),
    content=_content("text", "refusal", null=True),
    refusal=nullable(text()),
    audio=nullable(mapping({"id": text()}, required=["id"])),
    tool_calls=_tool_calls,
    function_call=nullable(_function_call),
)
_ASSISTANT_SAYS = ("content", "tool_calls", "function_call", "refusal", "audio")


def _assistant(value: dict[str, Any], path: Path, report: Report) -> None:
    _assistant_keys(value, path, report)
    if all(value.get(name) is None for name in _ASSISTANT_SAYS):
        message = f"`content` is missing in {name_of(path)}"
        report.add(path, message, "or `tool_calls`, where it called a tool", lenient=True)


_tool = mapping(
    {"role": _type, "content": _content("text"), "tool_call_id": _call_id},
    required=["content", "tool_call_id"],
)
_MESSAGES: dict[str, Callable[[dict[str, Any], Path, Report], None]] = {
    "system": _message(content=_content("text")),
    "developer": _message(content=_content("text")),
    "user": _message(content=_content("text", "image_url", "input_audio", "file")),
    "assistant": _assistant,
    "tool": _tool,
    "function": _message(("content", "name"), content=text_or(nullable(text()), text())),
}
_ANY_ROLE = frozenset({"role", "name", "tool_call_id", "messages_from", *_ASSISTANT_SAYS})
_spliced = mapping({"messages_from": text(empty=False)})
