"""Calls of tools and functions in the shape of a snapshot, and back."""

from __future__ import annotations

from typing import Any

from promptrun.snapshots.plain import as_text, joined, keep, parse_kept


def recorded_calls(calls: Any) -> Any:
    """``tool_calls`` as a snapshot keeps it, without ids; what is no list is kept as it is."""
    return [_recorded_call(call) for call in calls] if isinstance(calls, list) else keep(calls)


def _recorded_call(call: Any) -> Any:
    if not isinstance(call, dict):
        return keep(call)
    if not _is_known_call(call):
        return keep({k: value for k, value in call.items() if k not in {"id", "index"}})
    recorded: dict[str, Any] = {"type": call["type"]} if call.get("type") else {}
    if call.get("function") is not None:
        recorded["function"] = recorded_function(call["function"])
    if call.get("custom") is not None:
        recorded["custom"] = {k: as_text(call["custom"].get(k, "")) for k in ("name", "input")}
    return recorded


def _is_known_call(call: dict[str, Any]) -> bool:
    """Whether all that a call says is known; any other is kept raw, so that a difference shows."""
    # Some servers write out as null what a call has not.
    bodies = [body for body in (call.get("function"), call.get("custom")) if body is not None]
    known_type = call.get("type") in (None, "", "function", "custom")
    return known_type and bool(bodies) and all(map(_is_named, bodies))


def _is_named(body: Any) -> bool:
    return isinstance(body, dict) and isinstance(body.get("name"), str) and body["name"] != ""


def recorded_function(function: Any) -> Any:
    """What is called and with what, arguments as JSON where they are; without a name, all of it."""
    if not _is_named(function):
        return keep(function)
    arguments = as_text(function.get("arguments", ""))
    try:
        parsed = parse_kept(arguments, structures_only=True)
    except ValueError:
        parsed = arguments
    return {"name": joined(function["name"]), "arguments": parsed}


def recalled_calls(calls: Any) -> Any:
    """What `recorded_calls` was given, but for ids; recording it again gives the same."""
    return [_recalled_call(call) for call in calls] if isinstance(calls, list) else calls


def _recalled_call(call: Any) -> Any:
    if not isinstance(call, dict) or not call.get("function") or not _is_known_call(call):
        return call
    return call | {"function": recalled_function(call["function"])}


def recalled_function(function: Any) -> Any:
    """The function call with its arguments as text again."""
    if not _is_named(function):
        return function
    return function | {"arguments": as_text(function.get("arguments", ""))}
