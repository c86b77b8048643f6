"""Fields that are right one by one can be wrong together."""

from __future__ import annotations

from typing import Any

import pytest

from promptrun.protocol import check_json_mode, check_together


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"top_logprobs": 3}, "`top_logprobs` needs `logprobs: true`"),
        ({"top_logprobs": 3, "logprobs": False}, "`top_logprobs` needs `logprobs: true`"),
        ({"stream_options": {}}, "`stream_options` needs `stream: true`"),
        ({"tool_choice": "auto"}, "`tool_choice` needs `tools`"),
        ({"parallel_tool_calls": False}, "`parallel_tool_calls` needs `tools`"),
        ({"function_call": "auto"}, "`function_call` needs `functions`"),
        (
            {"max_tokens": 1, "max_completion_tokens": 1},
            "`max_tokens` cannot stand beside `max_completion_tokens`",
        ),
        ({"functions": [1], "tools": [1]}, "`functions` cannot stand beside `tools`"),
        ({"modalities": ["text", "audio"]}, "`modalities` with `audio` needs `audio`"),
    ],
)
def test_a_rule_that_joins_fields_is_lenient(fields: dict[str, Any], message: str) -> None:
    [problem] = check_together(fields)
    assert problem.message == message
    assert problem.lenient
    assert problem.path[0] in fields


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"top_logprobs": 3, "logprobs": True},
        {"top_logprobs": 3, "logprobs": "{{ logprobs }}"},
        {"top_logprobs": None},
        {"stream_options": {}, "stream": True},
        {"tools": [1], "tool_choice": "auto"},
        {"max_tokens": 1, "max_completion_tokens": None},
    ],
)
def test_what_goes_together_has_no_problems(fields: dict[str, Any]) -> None:
    assert check_together(fields) == []


def test_a_rendered_text_is_no_switch() -> None:
    assert check_together({"top_logprobs": 3, "logprobs": "{{ x }}"}, rendered=True)


JSON_MODE = {"type": "json_object"}


@pytest.mark.parametrize(
    "content",
    ["Answer in JSON.", "json형식으로", [{"type": "text", "text": "as Json"}]],
    ids=["capitals", "inside Korean text", "a part"],
)
def test_json_mode_with_the_word_is_right(content: Any) -> None:
    body = {"response_format": JSON_MODE, "messages": [{"role": "user", "content": content}]}
    assert check_json_mode(body) is None


@pytest.mark.parametrize(
    "messages",
    [[], [{"role": "user", "content": "hi"}], [{"role": "assistant", "content": None}], [3], None],
)
def test_json_mode_without_the_word_is_told(messages: Any) -> None:
    problem = check_json_mode({"response_format": JSON_MODE, "messages": messages})
    assert problem is not None
    assert problem.lenient
    assert problem.path == ("response_format",)


def test_other_formats_need_no_word() -> None:
    assert check_json_mode({"messages": []}) is None
    assert check_json_mode({"response_format": {"type": "text"}, "messages": []}) is None
