from __future__ import annotations

from typing import Any

import pytest

from promptrun.providers.openai_chat.stream import Assembler, EventReader, StreamError


def read(*chunks: bytes) -> list[str]:
    reader = EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + list(reader.close())


def assemble(
    *choices: dict[str, Any], expected: int = 1, done: bool = True, **head: Any
) -> dict[str, Any]:
    assembler = Assembler()
    for choice in choices:
        assembler.add({"object": "chat.completion.chunk", "choices": [choice]} | head)
    return assembler.finish(expected, done=done)


def piece(index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish}


END = piece(finish="stop")


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_events_are_the_same_wherever_the_network_cuts_the_bytes(line_end: bytes) -> None:
    lines = [": 안녕", 'data: {"a": "한글 🎉"}', "", "event: x", "data:one", "data:two", "", ""]
    whole = line_end.join(line.encode() for line in lines)
    expected = ['{"a": "한글 🎉"}', "one\ntwo"]
    for cut in range(len(whole)):
        assert read(whole[:cut], whole[cut:]) == expected
    assert read(*(whole[i : i + 1] for i in range(len(whole)))) == expected


def test_an_event_comes_out_as_soon_as_its_blank_line_is_there() -> None:
    reader = EventReader()
    assert list(reader.feed(b"data: 1\n")) == []
    assert list(reader.feed(b"\ndata: 2\n\ndata")) == ["1", "2"]


def test_the_end_of_a_stream_completes_an_event_without_its_blank_line() -> None:
    assert read(b"data: [DONE]") == ["[DONE]"]


def test_bytes_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(StreamError, match="not UTF-8"):
        read(b"data: \xff\n\n")


def test_choices_may_come_in_any_order() -> None:
    raw = assemble(
        piece(2, content="c"),
        piece(0, content="a"),
        piece(2, content="C", finish="stop"),
        piece(1, content="b", finish="length"),
        piece(0, content="A", finish="stop"),
        expected=3,
    )
    assert [
        (choice["index"], choice["message"]["content"], choice["finish_reason"])
        for choice in raw["choices"]
    ] == [(0, "aA", "stop"), (1, "b", "length"), (2, "cC", "stop")]


def test_tool_calls_are_put_together_by_their_own_index() -> None:
    def call(index: int, **fields: Any) -> dict[str, Any]:
        return piece(tool_calls=[{"index": index, **fields}])

    raw = assemble(
        call(1, id="b", type="custom", custom={"name": "g", "input": ""}),
        call(0, id="a", type="function", function={"name": "f", "arguments": ""}),
        call(0, function={"arguments": '{"x'}),
        call(1, custom={"input": "ra"}),
        call(0, function={"arguments": '": 1}'}, id="a", type="function"),
        call(1, custom={"input": "w"}),
        piece(finish="tool_calls"),
    )
    assert raw["choices"][0]["message"]["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "custom", "custom": {"name": "g", "input": "raw"}},
    ]


def test_tool_calls_without_an_index_begin_with_their_ids() -> None:
    def call(**fields: Any) -> dict[str, Any]:
        return piece(tool_calls=[fields])

    raw = assemble(
        call(id="a", function={"name": "f", "arguments": "1"}),
        call(function={"arguments": "2"}),
        call(id="b", function={"name": "g", "arguments": "3"}),
        END,
    )
    calls = raw["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == ["12", "3"]


def test_texts_are_joined_and_a_later_null_takes_nothing_back() -> None:
    raw = assemble(
        piece(role="assistant", content=None, refusal=None),
        piece(reasoning_content="thi", refusal="no"),
        piece(reasoning_content="nk", refusal=" way", content=None),
        piece(refusal=None, audio={"id": "x", "transcript": "a"}),
        piece(audio={"transcript": "b", "expires_at": 5}, annotations=[1]),
        END,
    )
    assert raw["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": "no way",
        "reasoning_content": "think",
        "audio": {"id": "x", "transcript": "ab", "expires_at": 5},
        "annotations": [1],
    }


def test_a_character_in_two_halves_is_one_character() -> None:
    raw = assemble(piece(content="\ud83c"), piece(content="\udf89 축하"), END)
    assert raw["choices"][0]["message"]["content"] == "🎉 축하"


def test_logprobs_are_strung_together() -> None:
    def token(text: str) -> dict[str, Any]:
        entry = {"token": text, "logprob": -1}
        return piece(content=text) | {"logprobs": {"content": [entry], "refusal": None}}

    raw = assemble(token("a"), token("b"), END | {"logprobs": None})
    logprobs = raw["choices"][0]["logprobs"]
    assert [entry["token"] for entry in logprobs["content"]] == ["a", "b"]
    assert logprobs["refusal"] is None


def test_the_head_keeps_the_last_value_that_says_something() -> None:
    assembler = Assembler()
    azure = {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"a": 1}]}
    assembler.add(azure | {"object": ""})
    head = {"id": "x", "model": "m", "created": 1, "obfuscation": "zz", "usage": None}
    assembler.add(head | {"choices": [piece(content="a", finish="stop")]})
    assembler.add(head | {"choices": [], "usage": {"total_tokens": 3}, "service_tier": "flex"})
    assembler.add(head | {"choices": [], "usage": None})
    raw = assembler.finish(1, done=True)
    assert list(raw) == [
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "service_tier",
        "prompt_filter_results",
    ]
    assert (raw["id"], raw["object"], raw["model"]) == ("x", "chat.completion", "m")
    assert (raw["usage"], raw["service_tier"]) == ({"total_tokens": 3}, "flex")


def test_a_usage_that_never_came_is_left_out() -> None:
    assert "usage" not in assemble(END, usage=None)


def test_pieces_are_shown_as_they_come_and_the_first_is_timed() -> None:
    shown: list[tuple[int, str]] = []
    assembler = Assembler(lambda index, text: shown.append((index, text)))
    assembler.add({"choices": [piece(content="")]})
    assert assembler.first_piece is None
    assembler.add({"choices": [piece(1, content="b"), piece(content="a")]})
    assert shown == [(1, "b"), (0, "a")]
    assert assembler.first_piece is not None


@pytest.mark.parametrize(
    ("choices", "expected", "done"),
    [
        pytest.param([piece(content="a")], 1, True, id="no finish reason"),
        pytest.param([END, piece(1, content="a")], 2, True, id="one of two unfinished"),
        pytest.param([END], 2, False, id="one of two never came, and no DONE"),
        pytest.param([], 1, True, id="nothing but DONE"),
    ],
)
def test_a_stream_that_ends_early_is_no_reply(
    choices: list[dict[str, Any]], expected: int, done: bool
) -> None:
    with pytest.raises(StreamError, match="ended before"):
        assemble(*choices, expected=expected, done=done)


def test_a_finished_stream_needs_no_done() -> None:
    assert assemble(piece(content="a"), END, done=False)["choices"][0]["message"]["content"] == "a"


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(5, id="a number"),
        pytest.param({"choices": None}, id="choices that are no list"),
        pytest.param({"choices": [7]}, id="a choice that is no object"),
        pytest.param({"choices": [{"index": "0", "delta": {}}]}, id="an index that is text"),
        pytest.param({"choices": [{"index": True}]}, id="an index that is a truth value"),
        pytest.param({"choices": [{"index": 0, "delta": [1]}]}, id="a delta that is a list"),
        pytest.param({"choices": [piece(tool_calls=["x"])]}, id="a tool call that is text"),
    ],
)
def test_chunks_out_of_form_are_refused(chunk: Any) -> None:
    with pytest.raises(StreamError):
        Assembler().add(chunk)


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param([{"tool_calls": {"a": 1}}, {"tool_calls": [{"id": "x"}]}], id="calls"),
        pytest.param([{"content": ["x"]}, {"content": "y"}, {"content": {"z": 1}}], id="content"),
        pytest.param([{"role": 5}, {"role": "assistant"}, {"": None}], id="role and empty key"),
    ],
)
def test_values_that_change_their_type_crash_nothing(deltas: list[dict[str, Any]]) -> None:
    whole = assemble(*(piece(**delta) for delta in deltas), END)
    [choice] = whole["choices"]
    assert choice["finish_reason"] == END["finish_reason"]
