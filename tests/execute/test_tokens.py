from __future__ import annotations

from typing import Any

import pytest

from promptrun.execute.tokens import estimate_tokens, used_tokens
from promptrun.models import Reply, Request, Timings


def estimate(**body: Any) -> int:
    asked = {"messages": [{"role": "user", "content": "가" * 300}], "max_tokens": 10}
    return estimate_tokens(Request(body=asked | body))


def test_messages_and_the_longest_answer_are_counted() -> None:
    assert estimate() == 110
    assert estimate(n=3) == 130
    assert estimate(max_completion_tokens=50) == 150


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [{"type": "function", "function": {"name": "f", "description": "x" * 3000}}]},
        {"response_format": {"type": "json_schema", "json_schema": {"description": "x" * 3000}}},
        {
            "messages": [
                {"role": "assistant", "tool_calls": [{"function": {"arguments": "x" * 3300}}]}
            ]
        },
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x" * 3300}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}, {"type": "text"}]}]},
    ],
    ids=["tools", "a schema", "calls of earlier turns", "parts of text", "an image"],
)
def test_all_that_a_model_reads_is_counted(body: dict[str, Any]) -> None:
    assert estimate(**body) >= 1000


@pytest.mark.parametrize("messages", [None, "x", [None, 3, "x"], [{"content": None}], [{}]])
def test_what_is_no_message_counts_nothing(messages: Any) -> None:
    assert estimate(messages=messages) == 10


@pytest.mark.parametrize(
    ("usage", "used"), [({"total_tokens": 7}, 7), ({"total_tokens": -1}, None), (None, None)]
)
def test_what_was_used_is_what_the_server_says(usage: Any, used: int | None) -> None:
    assert used_tokens(Reply(raw={"usage": usage}, timings=Timings(total=1))) == used
