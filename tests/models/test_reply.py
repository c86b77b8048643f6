"""What a reply holds, whoever wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from promptrun.models import Choice, Reply, Timings


def choices(raw: Any) -> list[Choice]:
    return Reply(raw={"choices": raw}, timings=Timings(total=0.1)).choices


def test_choices_come_by_their_index() -> None:
    first, second = choices(
        [
            {"index": 1, "finish_reason": "length", "message": {"content": "할머니"}},
            {"index": 0, "finish_reason": "stop", "message": {"content": "할아버지"}},
        ]
    )
    assert (first.content, first.finish_reason) == ("할아버지", "stop")
    assert (second.content, second.finish_reason) == ("할머니", "length")


@pytest.mark.parametrize("raw", [None, 5, "abc", {"a": 1}, True, []])
def test_where_there_is_no_list_there_are_no_choices(raw: Any) -> None:
    assert choices(raw) == []


@pytest.mark.parametrize(
    "raw", [5, None, "x", [1], {}, {"message": "x"}, {"message": [1], "finish_reason": 3}]
)
def test_a_choice_that_is_none_says_nothing(raw: Any) -> None:
    assert choices([raw]) == [Choice(index=0, finish_reason=None, message={})]


@pytest.mark.parametrize("index", ["a", None, 1.5, True, [], {}])
def test_an_index_that_is_none_is_the_place(index: Any) -> None:
    first, second = choices([{"index": 0}, {"index": index}])
    assert (first.index, second.index) == (0, 1)
