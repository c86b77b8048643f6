"""Messages are what the API takes, and three shapes that rendering replaces."""

from __future__ import annotations

from typing import Any

import pytest

from promptrun.protocol import Problem, check_messages

USER: dict[str, Any] = {"role": "user", "content": "hi"}
CALL: dict[str, Any] = {
    "id": "c1",
    "type": "function",
    "function": {"name": "f", "arguments": "{}"},
}


def check(*messages: Any, **options: bool) -> list[Problem]:
    return check_messages(list(messages), ("messages",), **options)


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def image(url: Any, **more: Any) -> dict[str, Any]:
    return user({"type": "image_url", "image_url": {"url": url, **more}})


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "x"}, {"role": "developer", "content": "y"}, USER],
        [user({"type": "text", "text": "a"}), image("images/a.png", detail="low")],
        [image("https://example.org/a.png"), image("data:image/png;base64,AAAA")],
        [image("{{ picture }}"), image("{{- row.pictures[0] -}}")],
        [user({"type": "input_audio", "input_audio": {"data": "a.wav"}})],
        [user({"type": "file", "file": {"file_data": "a.pdf", "filename": "a.pdf"}})],
        [USER, {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}],
        [USER, {"role": "assistant", "content": None, "refusal": "no"}],
        [USER, {"role": "assistant", "audio": {"id": "a"}}],
        [
            USER,
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "4"},
        ],
        [
            USER,
            {
                "role": "assistant",
                "tool_calls": [{"id": "x", "type": "custom", "custom": {"name": "c", "input": ""}}],
            },
            {"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": "4"}]},
        ],
        [{"role": "function", "name": "f", "content": "4"}],
        [{"role": "user", "name": "kim", "content": {"file": "prompts/a.md"}}],
        [{"messages_from": "turns.yaml"}, {"messages_from": "{{ history }}"}, USER],
        [{"role": "{{ role }}", "content": "x"}],
        [{"messages_from": "turns.yaml"}, {"role": "tool", "tool_call_id": "c", "content": ""}],
    ],
)
def test_what_can_be_sent_has_no_problems(messages: list[Any]) -> None:
    assert check_messages(messages, ("messages",)) == []


@pytest.mark.parametrize(
    ("message", "path", "text"),
    [
        ("hi", (), "`messages[0]` must be a mapping, not `hi`"),
        ({"content": "x"}, (), "`role` is missing in `messages[0]`"),
        ({"role": "usr", "content": "x"}, ("role",), "`role` cannot be `usr`"),
        ({"role": 1, "content": "x"}, ("role",), "`role` must be text, not `1`"),
        ({"role": "user"}, (), "`content` is missing in `messages[0]`"),
        (
            {"role": "user", "content": None},
            ("content",),
            "`content` must be text or a list of parts, not `null`",
        ),
        (
            {"role": "user", "content": 5},
            ("content",),
            "`content` must be text or a list of parts, not `5`",
        ),
        ({**USER, "nme": "x"}, ("nme",), "unknown key `nme`"),
        ({**USER, "tool_calls": []}, ("tool_calls",), "unknown key `tool_calls`"),
        ({"role": "tool", "content": "x"}, (), "`tool_call_id` is missing in `messages[0]`"),
        (user({"type": "txt"}), ("content", 0, "type"), "`type` cannot be `txt`"),
        (user({"text": "a"}), ("content", 0), "`type` is missing in `content[0]`"),
        (user({"type": "text"}), ("content", 0), "`text` is missing in `content[0]`"),
        (
            user({"type": "text", "text": "a", "txt": ""}),
            ("content", 0, "txt"),
            "unknown key `txt`",
        ),
        (
            user({"type": "image_url", "image_url": "a.png"}),
            ("content", 0, "image_url"),
            "`image_url` must be a mapping",
        ),
        (
            image("https://example.org/{{ secret }}.png"),
            ("content", 0, "image_url", "url"),
            "`url` is composed: `https://example.org/{{ secret }}.png`",
        ),
        (
            image("{{ 'https://example.org/' ~ secret }}"),
            ("content", 0, "image_url", "url"),
            "`url` is composed: `{{ 'https://example.org/' ~ secret }}`",
        ),
        (
            image("file:///etc/passwd"),
            ("content", 0, "image_url", "url"),
            "`url` cannot begin with `file:`",
        ),
        (image(3), ("content", 0, "image_url", "url"), "`url` must be text, not `3`"),
        (
            {"role": "assistant", "tool_calls": [{**CALL, "type": "func"}]},
            ("tool_calls", 0, "type"),
            "`type` cannot be `func`",
        ),
        (
            {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f"}}]},
            ("tool_calls", 0, "function"),
            "`arguments` is missing in `function`",
        ),
        (
            {
                "role": "assistant",
                "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {"a": 1}}}],
            },
            ("tool_calls", 0, "function", "arguments"),
            "`arguments` must be text, not a mapping",
        ),
        ({"messages_from": "x", "role": "user"}, ("role",), "unknown key `role`"),
        ({"messages_from": ""}, ("messages_from",), "`messages_from` must not be empty"),
        (
            {"role": "user", "content": {"file": ""}},
            ("content", "file"),
            "`file` must not be empty",
        ),
    ],
)
def test_a_mistake_in_a_message_is_an_error_for_every_server(
    message: Any, path: tuple[Any, ...], text: str
) -> None:
    [problem] = check(message)
    assert (problem.path, problem.message) == (("messages", 0, *path), text)
    assert not problem.lenient


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (image("a.png", detail="hi"), "`detail` cannot be `hi`"),
        ({"role": "assistant"}, "`content` is missing in `messages[0]`"),
        (
            {**image("a.png"), "role": "system"},
            "a part `image_url` cannot stand in a message of this role",
        ),
        (
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            "the call `c1` is answered by no `tool` turn",
        ),
        (
            {"role": "tool", "tool_call_id": "c9", "content": ""},
            "no call `c9` stands in the assistant turn above",
        ),
    ],
)
def test_what_only_openai_refuses_is_lenient(message: Any, text: str) -> None:
    [problem] = check(message)
    assert problem.message == text
    assert problem.lenient


def test_a_template_for_an_id_or_a_call_is_not_judged() -> None:
    asked = {"role": "assistant", "tool_calls": [{**CALL, "id": "{{ id }}"}]}
    assert check(USER, asked, {"role": "tool", "tool_call_id": "{{ id }}", "content": ""}) == []
    assert check(USER, {"role": "assistant", "tool_calls": "{{ calls }}"}) == []


@pytest.mark.parametrize("value", ["hi", {"role": "user"}, None, 3])
def test_messages_are_a_list(value: Any) -> None:
    [problem] = check_messages(value, ("messages",))
    assert problem.message.startswith("`messages` must be a list")


def test_a_template_for_all_messages_is_told_of_messages_from() -> None:
    [problem] = check_messages("{{ history }}", ("messages",))
    assert problem.hint is not None
    assert "messages_from" in problem.hint


def test_no_message_at_all_is_an_error() -> None:
    assert [problem.message for problem in check()] == ["`messages` must have at least one message"]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": {"file": "a.md"}},
        {"messages_from": "turns.yaml"},
        user({"type": "input_audio", "input_audio": {"data": "AAAA"}}),
        {"role": "{{ role }}", "content": "x"},
    ],
)
def test_what_rendering_replaces_is_an_error_when_rendered(message: Any) -> None:
    assert check(message) == []
    assert check(message, rendered=True)


def test_text_with_braces_is_text_when_rendered() -> None:
    assert check({"role": "user", "content": "{{ x }}"}, rendered=True) == []
