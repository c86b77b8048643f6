from __future__ import annotations

from typing import Any

import pytest

from promptrun.compare import compare
from promptrun.models import Cause, CompareRules, Difference
from tests.compare.snapshots import choice, snapshot


def message(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def moved(
    old: dict[str, Any], new: dict[str, Any], *, keep_request: bool = True
) -> tuple[Difference, ...]:
    accepted, replied = (
        snapshot(choice(content="a"), request={"model": "m"} | request, keep_request=keep_request)
        for request in (old, new)
    )
    return compare(accepted, replied, CompareRules(mode="text")).request


def talk(*turns: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(turns)}


def test_a_changed_message_is_shown_as_its_text() -> None:
    system = message("system", "Be kind.")
    (difference,) = moved(
        talk(system, message("user", "Hi")), talk(system, message("user", "안녕"))
    )
    assert difference == Difference(where="messages[1] (user)", old="Hi", new="안녕")


def test_an_inserted_message_moves_no_other() -> None:
    turns = [message("user", f"turn {number}") for number in range(6)]
    added = [*turns[:2], message("assistant", "new"), *turns[2:]]
    assert moved(talk(*turns), talk(*added)) == (
        Difference(where="messages[2] (assistant)", new="new"),
    )
    assert moved(talk(*added), talk(*turns)) == (
        Difference(where="messages[2] (assistant)", old="new"),
    )


def test_beside_an_inserted_message_a_changed_one_keeps_its_partner() -> None:
    old = talk(message("user", "Tell me about the river Han"))
    new = talk(message("system", "Be kind."), message("user", "Tell me about the river Nakdong"))
    assert {one.where: (one.old, one.new) for one in moved(old, new)} == {
        "messages[0] (system)": (None, "Be kind."),
        "messages[1] (user)": (
            "Tell me about the river Han",
            "Tell me about the river Nakdong",
        ),
    }


def test_another_role_is_shown_as_json() -> None:
    (difference,) = moved(talk(message("system", "a")), talk(message("developer", "a")))
    assert [(one.path, one.old, one.new) for one in difference.changes] == [
        ("$.role", "system", "developer")
    ]


def test_parts_of_a_message_are_shown_as_json() -> None:
    def parts(text: str) -> dict[str, Any]:
        return talk(message("user", [{"type": "text", "text": text}]))

    (difference,) = moved(parts("a"), parts("b"))
    assert difference.where == "messages[0] (user)"
    assert difference.changes[0].path == "$.content[0].text"


def test_tools_are_shown_by_path() -> None:
    def with_tool(description: str) -> dict[str, Any]:
        tool = {"type": "function", "function": {"name": "f", "description": description}}
        return talk(message("user", "a")) | {"tools": [tool]}

    (difference,) = moved(with_tool("old"), with_tool("new"))
    assert difference.where == "tools"
    assert difference.changes[0].path == "$[0].function.description"
    (added,) = moved(talk(message("user", "a")), with_tool("new"))
    assert added.old is None


def test_a_setting_is_shown_with_both_values() -> None:
    same = talk(message("user", "a"))
    differences = moved(
        same | {"parameters": {"temperature": 0, "seed": 1, "stop": "x"}},
        same | {"parameters": {"temperature": 0.7, "top_p": 1, "stop": "x"}},
    )
    assert differences == (
        Difference(where="temperature", old="0", new="0.7"),
        Difference(where="seed", old="1"),
        Difference(where="top_p", new="1"),
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(0, 0.0, id="0 and 0.0"),
        pytest.param("1", 1, id="a text and a number"),
        pytest.param({"50256": 1}, {"50256": 1.0}, id="inside an object"),
    ],
)
def test_a_setting_moves_with_its_spelling_as_its_digest_does(old: Any, new: Any) -> None:
    same = talk(message("user", "a"))
    differences = moved(same | {"parameters": {"x": old}}, same | {"parameters": {"x": new}})
    (difference,) = differences
    assert difference.where == "x"
    assert difference.changes or difference.old != difference.new


@pytest.mark.parametrize("cause", [Cause.PROMPT, Cause.SETTINGS])
def test_a_request_kept_as_a_digest_says_so(cause: Cause) -> None:
    old = talk(message("user", "a")) | {"parameters": {"seed": 1}}
    new = {
        Cause.PROMPT: talk(message("user", "b")) | {"parameters": {"seed": 1}},
        Cause.SETTINGS: talk(message("user", "a")) | {"parameters": {"seed": 2}},
    }[cause]
    (difference,) = moved(old, new, keep_request=False)
    assert difference.where == f"{cause} (known by its digest only)"
    assert difference.old != difference.new


def test_nothing_is_shown_of_a_request_that_did_not_move() -> None:
    same = talk(message("user", "a"))
    assert moved(same, same) == ()
