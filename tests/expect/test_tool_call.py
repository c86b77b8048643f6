from __future__ import annotations

from typing import Any

import pytest

from tests.expect.judging import found_in, problems

HINT = "for example `{name: get_weather, arguments: {city: Seoul}}`"


@pytest.mark.parametrize(
    ("argument", "path", "message", "hint"),
    [
        (7, (), "`tool_call` must be text, not `7`", 'quote it to make it text: `"7"`'),
        (
            "",
            (),
            "`tool_call` is an empty text",
            "every reply keeps it: write what must stand there, or leave the rule out",
        ),
        ({"arguments": {}}, (), "`name` is missing in `tool_call`", HINT),
        (
            {"name": 7},
            ("name",),
            "`name` must be text, not `7`",
            'quote it to make it text: `"7"`',
        ),
        (
            {"name": "a", "arguments": [1]},
            ("arguments",),
            "`arguments` must be a mapping, not a list",
            HINT,
        ),
        (
            {"name": "a", "argument": {}},
            ("argument",),
            "unknown key `argument`",
            "did you mean `arguments`?",
        ),
    ],
)
def test_a_wrong_argument_is_a_mistake(
    argument: Any, path: tuple[str, ...], message: str, hint: str
) -> None:
    (problem,) = problems("tool_call", argument)
    assert (problem.path, problem.message, problem.hint) == (path, message, hint)


def called(*calls: tuple[str, Any]) -> dict[str, Any]:
    bodies = [{"name": name, "arguments": arguments} for name, arguments in calls]
    return {"tool_calls": [{"type": "function", "function": body} for body in bodies]}


@pytest.mark.parametrize(
    ("wanted", "arguments"),
    [
        ({"city": "서울"}, {"city": "서울", "days": 3}),
        ({"days": 3}, {"days": 3.0}),
        ({"where": {"a": 1, "b": [2]}}, {"where": {"b": [2], "a": 1}}),
        ({}, "no JSON"),
        ({"city": None}, {"city": None}),
    ],
)
def test_the_arguments_that_are_named_must_be_equal(wanted: dict[str, Any], arguments: Any) -> None:
    argument = {"name": "find", "arguments": wanted}
    assert found_in("tool_call", argument, called(("find", arguments))).kept


@pytest.mark.parametrize(
    ("wanted", "arguments", "told"),
    [
        ({"city": "서울"}, {"city": "부산"}, '`city` is "부산", not "서울"'),
        ({"city": None}, {}, "`city` is missing"),
        ({"n": 1}, {"n": True}, "`n` is true, not 1"),
        ({"n": [1, 2]}, {"n": [2, 1]}, "`n` is [2,1], not [1,2]"),
        ({"n": 1}, "n=1", "its arguments are no JSON object"),
    ],
)
def test_an_argument_that_differs_is_told(
    wanted: dict[str, Any], arguments: Any, told: str
) -> None:
    argument = {"name": "find", "arguments": wanted}
    found = found_in("tool_call", argument, called(("find", arguments)))
    assert not found.kept
    assert found.found.endswith(f": {told}")


def test_one_of_several_calls_is_enough() -> None:
    calls = called(("find", {"q": 1}), ("stop", {}), ("find", {"q": 2}))
    assert found_in("tool_call", {"name": "find", "arguments": {"q": 2}}, calls).kept
    broken = found_in("tool_call", {"name": "find", "arguments": {"q": 3}}, calls)
    assert broken.found == 'find({"q":1}); stop({}); find({"q":2}): `q` is 1, not 3'


def test_many_calls_are_counted() -> None:
    found = found_in("tool_call", "x", called(*[("a", {})] * 12)).found
    assert found.endswith("a({}); and 2 more")


@pytest.mark.parametrize(
    "recorded",
    [
        {"tool_calls": "not a list"},
        {"tool_calls": [None, "text", {"function": None}, {"function": {"name": 3}}]},
        {"function_call": "find"},
        {"content": "find"},
    ],
)
def test_what_is_no_call_keeps_nothing(recorded: dict[str, Any]) -> None:
    found = found_in("tool_call", "find", recorded)
    assert (found.kept, found.found) == (False, "no call of a tool")
