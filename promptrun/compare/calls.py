"""The tool calls of two choices, one by one in their order. Their ids are new in every reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.compare.values import compare_json
from promptrun.compare.write import write_json
from promptrun.models import CompareRules, Difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BODIES = ("arguments", "input")


def compare_calls(
    where: str,
    old: dict[str, Any],
    new: dict[str, Any],
    compare_body: Callable[[str, Any, Any], Difference | None],
) -> Iterator[Difference | None]:
    """What differs between the calls of two choices.

    Which tool is called counts in every mode; arguments are JSON and `compare_body` judges them.
    """
    olds, news = _calls_of(old), _calls_of(new)
    names = list(olds) + [name for name in news if name not in olds]
    for name in names:
        place = f"{where}, {name}"
        if name not in news:
            yield Difference(where=place, old=write_json(olds[name]))
        elif name not in olds:
            yield Difference(where=place, new=write_json(news[name]))
        else:
            old_head, old_body = _split(olds[name])
            new_head, new_body = _split(news[name])
            yield compare_json(place, old_head, new_head, CompareRules())
            for part in _BODIES:
                if part in old_body or part in new_body:
                    body = f"{place} {part}"
                    yield compare_body(body, old_body.get(part), new_body.get(part))


def _calls_of(choice: dict[str, Any]) -> dict[str, Any]:
    listed = choice.get("tool_calls") or []
    calls = (
        {f"tool_calls[{position}]": _without_id(call) for position, call in enumerate(listed)}
        if isinstance(listed, list)
        else {"tool_calls": listed}
    )
    if "function_call" in choice:  # what `tool_calls` replaced
        calls["function_call"] = {"function": choice["function_call"]}
    return calls


def _without_id(call: Any) -> Any:
    if not isinstance(call, dict):
        return call
    return {name: value for name, value in call.items() if name not in {"id", "index"}}


def _split(call: Any) -> tuple[Any, dict[str, Any]]:
    """What is called, and with what."""
    body: dict[str, Any] = {}
    if not isinstance(call, dict):
        return call, body
    head: dict[str, Any] = {}
    for kind, inner in call.items():
        if isinstance(inner, dict):
            body |= {name: inner[name] for name in _BODIES if name in inner}
            inner = {name: inner[name] for name in inner if name not in _BODIES}  # noqa: PLW2901 - the part of it that is left
        head[kind] = inner
    return head, body
