"""``tool_call: NAME`` or ``{name: NAME, arguments: {…}}``: which tool must be called.

One call of the choice must have that name, and each argument that is named must be there and equal
as JSON; others may be there, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.expect.arguments import check_keys, check_text
from promptrun.expect.family import Family, Finding, shorten
from promptrun.expect.values import same_json, show_json

if TYPE_CHECKING:
    from promptrun.expect.family import Choice, Evidence
    from promptrun.protocol import Path, Problem

_HINT = "for example `{name: get_weather, arguments: {city: Seoul}}`"
_MOST = 10
"""Calls that are listed."""


def _check(value: Any, path: Path) -> list[Problem]:
    from promptrun.protocol import Problem, shown

    if not isinstance(value, dict):
        return check_text(value, path)
    problems = check_keys(value, path, ("name", "arguments"), ("name",), _HINT)
    if "name" in value:
        problems += check_text(value["name"], (*path, "name"))
    arguments = value.get("arguments", {})
    if not isinstance(arguments, dict):
        message = f"`arguments` must be a mapping, not {shown(arguments)}"
        problems.append(Problem((*path, "arguments"), message, _HINT))
    return problems


def _test(argument: Any, choice: Choice, _evidence: Evidence) -> Finding:
    name, wanted = _split(argument)
    calls = _calls(choice)
    named = [arguments for called, arguments in calls if called == name]
    apart = [_apart(arguments, wanted) for arguments in named]
    found = "; ".join(f"{called}({_shown(arguments)})" for called, arguments in calls[:_MOST])
    if len(calls) > _MOST:
        found += f"; and {len(calls) - _MOST:,} more"
    if "" in apart:
        return Finding(kept=True, found=found)
    if apart:
        found += f": {apart[0]}"
    return Finding(kept=False, found=found or "no call of a tool")


def _calls(choice: Choice) -> list[tuple[str, Any]]:
    """The names and the arguments of all calls of a choice."""
    calls = choice.recorded.get("tool_calls")
    bodies = [
        call.get("function") or call.get("custom")
        for call in (calls if isinstance(calls, list) else [])
        if isinstance(call, dict)
    ]
    return [
        (body["name"], body.get("arguments", body.get("input")))
        for body in [*bodies, choice.recorded.get("function_call")]
        if isinstance(body, dict) and isinstance(body.get("name"), str)
    ]


def _apart(arguments: Any, wanted: dict[str, Any]) -> str:
    """In what the arguments of a call are not the wanted ones; empty where they are."""
    if not wanted:
        return ""
    if not isinstance(arguments, dict):
        return "its arguments are no JSON object"
    for name, value in wanted.items():
        if name not in arguments:
            return f"`{name}` is missing"
        if not same_json(arguments[name], value):
            return f"`{name}` is {show_json(arguments[name])}, not {show_json(value)}"
    return ""


def _shown(arguments: Any) -> str:
    return shorten(arguments) if isinstance(arguments, str) else show_json(arguments)


def _split(argument: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(argument, str):
        return argument, {}
    return argument["name"], argument.get("arguments", {})


def _describe(argument: Any) -> str:
    name, wanted = _split(argument)
    return f"{name} with {show_json(wanted)}" if wanted else name


FAMILY = Family(check=_check, test=_test, describe=_describe)
