"""A reply of a set as what is measured of it: the parts of its choices, as they are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from promptrun.compare.content import Json, as_text
from promptrun.compare.text import normalise
from promptrun.compare.write import write_json
from promptrun.files.json import canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.compare.content import Reader
    from promptrun.compare.mode import Mode

    Choice = dict[str, Any]
    Part = Json | str | None

_APART: Final = {"finish_reason", "content", "json", "refusal", "tool_calls", "function_call"}
"""The keys of a choice that are parts of their own; all others together are one."""
_BODIES: Final = ("arguments", "input")

_TEXTS: Final[dict[str, Callable[[str], str]]] = {
    "auto": normalise,
    "text": normalise,
    "exact": str,
    "json": str,
    "shape": lambda _text: "",
}
"""What a mode makes of a text before it is measured. A text's shape is that it is a text."""


class ChoiceParts(NamedTuple):
    """One choice. A part that is not there is None."""

    finish_reason: Part
    content: Part
    refusal: Part
    tools: Part
    """Which tools are called, as one text: another one is another answer, whatever it is given."""
    arguments: Part
    other: Part

    def key(self) -> str:
        """A text that is equal for equal choices."""
        parts = {name: part for name, part in self._asdict().items() if part is not None}
        return write_plainly({name: [isinstance(part, Json), part] for name, part in parts.items()})


def read_choice(choice: Choice, mode: Mode, name: str, reader: Reader) -> ChoiceParts:
    """The parts of a recorded choice under the mode of that name."""
    finish_reason = choice.get("finish_reason") if mode.finish_reason else None
    content, refusal = reader.content(choice), choice.get("refusal") or None
    settle = _TEXTS[name]
    heads, bodies = _read_calls(choice)
    others = {name: reader.json(choice[name]) for name in choice.keys() - _APART}
    return ChoiceParts(
        finish_reason=finish_reason,
        content=settle(content) if isinstance(content, str) else content,
        refusal=None if refusal is None else settle(reader.text(refusal)),
        tools=write_plainly(heads) if heads else None,
        arguments=Json([reader.json(body) for body in bodies]) if bodies else None,
        other=Json(others) if others else None,
    )


MAX_LINE: Final = 200
"""Characters of JSON that are shown on one line."""


def show_reply(choices: list[Choice]) -> str:
    """A reply for people: what was said, else which tools are called; choices by empty lines."""
    return "\n\n".join(_show_choice(choice) for choice in choices)


def _show_choice(choice: Choice) -> str:
    if "json" in choice:
        line = write_plainly(choice["json"])
        text = line if len(line) <= MAX_LINE else as_text(Json(choice["json"]))
    else:
        text = choice.get("content") or choice.get("refusal") or None
    calls = {name: choice[name] for name in ("tool_calls", "function_call") if choice.get(name)}
    if calls:
        called = write_json(calls)
        return f"{text}\n{called}" if text else called
    return text or ""


def _read_calls(choice: Choice) -> tuple[list[Any], list[Any]]:
    """What is called, without ids, which are new in every reply; and with what."""
    listed = choice.get("tool_calls") or []
    calls = list(listed) if isinstance(listed, list) else [listed]
    if "function_call" in choice:  # what `tool_calls` replaced
        calls.append({"function_call": choice["function_call"]})
    heads: list[Any] = []
    bodies: list[Any] = []
    for call in calls:
        heads.append(call)
        if not isinstance(call, dict):
            continue
        head = {name: value for name, value in call.items() if name not in {"id", "index"}}
        for kind, inner in head.items():
            if isinstance(inner, dict):
                bodies += [inner[name] for name in _BODIES if name in inner]
                head[kind] = {name: inner[name] for name in inner if name not in _BODIES}
        heads[-1] = head
    return heads, bodies


def write_plainly(value: Any) -> str:
    """A text that is equal for equal values; they can be of any depth."""
    try:
        return canonical(value)
    except RecursionError:
        return write_json(value)
