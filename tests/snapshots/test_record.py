"""Requests and replies in the shape of a snapshot."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.compare import compare
from promptrun.models import CompareRules
from promptrun.snapshots import (
    content_text,
    digest_request,
    make_snapshot,
    parse_snapshot,
    recall_reply,
    record_reply,
    record_request,
    request_as_kept,
)
from promptrun.snapshots.dump import dump_snapshot
from tests.snapshots.examples import PNG, body, reply, text_reply

AUTO = CompareRules()


def only_choice(content: Any, mode: Any = "auto") -> dict[str, Any]:
    (choice,) = record_reply(text_reply(content), CompareRules(mode=mode))["choices"]
    return dict(choice)


def test_a_recorded_request_has_the_prompt_on_top_and_settings_below_parameters() -> None:
    sent = body(stream=True, temperature=0, response_format={"type": "text"}, top_k=3)
    recorded = record_request(sent)
    assert list(recorded) == ["model", "messages", "response_format", "parameters"]
    assert recorded["parameters"] == {"stream": True, "temperature": 0, "top_k": 3}


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        pytest.param({"messages": [{"role": "user", "content": "x"}]}, {"prompt"}, id="message"),
        pytest.param({"tools": []}, {"prompt"}, id="tools"),
        pytest.param({"response_format": {"type": "text"}}, {"prompt"}, id="response format"),
        pytest.param({"temperature": 1}, {"settings"}, id="a parameter"),
        pytest.param({"extra_of_a_server": 1}, {"settings"}, id="a server's own field"),
        pytest.param({"model": "gpt-5"}, {"model"}, id="model"),
        pytest.param({"stream": True, "user": "u", "metadata": {"a": "b"}}, set(), id="neutral"),
        pytest.param({"model": "m", "seed": 1, "tools": []}, {"prompt", "settings", "model"}),
    ],
)
def test_a_change_moves_the_digest_of_its_own_part_alone(changes: Any, moved: set[str]) -> None:
    before, after = digest_request(body()), digest_request(body() | changes)
    parts = ("prompt", "settings", "model")
    assert {part for part in parts if getattr(before, part) != getattr(after, part)} == moved


def test_digests_do_not_depend_on_the_order_of_keys() -> None:
    one = body(temperature=0, logit_bias={"1": 2, "3": 4}, seed=1)
    other = dict(reversed(one.items())) | {"logit_bias": {"3": 4, "1": 2}}
    other["messages"] = [dict(reversed(message.items())) for message in one["messages"]]
    assert digest_request(one) == digest_request(other)


def test_numbers_as_keys_count_as_the_text_that_is_sent() -> None:
    assert digest_request(body(logit_bias={50256: -100})) == digest_request(
        body(logit_bias={"50256": -100})
    )


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        pytest.param(
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            {"type": "image/png", "bytes": 8},
            id="image",
        ),
        pytest.param(
            {"type": "input_audio", "input_audio": {"data": "AAEC", "format": "wav"}},
            {"bytes": 3},
            id="audio",
        ),
        pytest.param(
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAEC"}},
            {"type": "application/pdf", "bytes": 3},
            id="file as a data URL",
        ),
        pytest.param(
            {"type": "image_url", "image_url": {"url": "DATA:text/plain,hello"}},
            {"type": "text/plain", "bytes": 5},
            id="data URL without base64",
        ),
        pytest.param(
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,###"}},
            {"type": "image/png", "bytes": 3},
            id="broken base64",
        ),
    ],
)
def test_inline_media_are_recorded_by_digest_and_size(part: Any, expected: dict[str, Any]) -> None:
    recorded = record_request(body({"role": "user", "content": [part]}))
    (kept,) = recorded["messages"][0]["content"]
    inner = kept[part["type"]]
    (described,) = [value for value in inner.values() if isinstance(value, dict)]
    assert len(described.pop("sha256")) == 64
    assert described == expected


def test_another_image_moves_the_prompt() -> None:
    def sent(url: str) -> Any:
        return body({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]})

    assert digest_request(sent(PNG)).prompt != digest_request(sent(PNG[:-2] + "B=")).prompt
    assert "iVBOR" not in json.dumps(record_request(sent(PNG)))


def test_text_and_remote_urls_stay_as_they_are() -> None:
    parts = [
        {"type": "text", "text": PNG},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    assert record_request(body({"role": "user", "content": parts}))["messages"][0]["content"] == (
        parts
    )


def test_a_reply_keeps_the_answer_and_nothing_that_differs_between_equal_replies() -> None:
    recorded = record_reply(text_reply("안녕"), AUTO)
    assert recorded == {
        "model": "gpt-4o-mini-2024-07-18",
        "system_fingerprint": "fp_34232",
        "choices": [{"finish_reason": "stop", "content": "안녕"}],
    }


def test_choices_stand_by_their_index() -> None:
    raw = reply({"content": "a"}, {"content": "b"})
    raw["choices"].reverse()
    assert [choice["content"] for choice in record_reply(raw, AUTO)["choices"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("mode", "content", "expected"),
    [
        ("auto", '{"b": [2, 1], "a": "가"}', {"json": {"a": "가", "b": [2, 1]}}),
        ("auto", " [1] ", {"json": [1]}),
        ("auto", "5", {"content": "5"}),
        ("json", "5", {"json": 5}),
        ("json", "null", {"json": None}),
        ("shape", '{"a": 1}', {"json": {"a": 1}}),
        ("text", '{"a": 1}', {"content": '{"a": 1}'}),
        ("exact", '{"a": 1}', {"content": '{"a": 1}'}),
        ("json", "no JSON", {"content": "no JSON"}),
        ("auto", '```json\n{"a": 1}\n```', {"content": '```json\n{"a": 1}\n```'}),
        ("auto", "", {"content": ""}),
    ],
)
def test_content_is_json_where_the_mode_says_so(mode: Any, content: str, expected: Any) -> None:
    assert only_choice(content, mode) == {"finish_reason": "stop"} | expected


def test_keys_of_json_are_sorted_at_every_depth() -> None:
    assert content_text(only_choice('{"b": {"d": 1, "c": 2}, "a": 0}')) == (
        '{"a":0,"b":{"c":2,"d":1}}'
    )
    assert list(only_choice('{"b": {"d": 1, "c": 2}, "a": 0}')["json"]["b"]) == ["c", "d"]


def test_tool_calls_lose_their_ids_and_have_parsed_arguments() -> None:
    calls = [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"b":1,"a":2}'}},
        {"id": "2", "type": "function", "function": {"name": "g", "arguments": "{cut"}},
        {"id": "3", "type": "custom", "custom": {"name": "h", "input": "SELECT 1"}},
    ]
    (choice,) = record_reply(reply({"content": None, "tool_calls": calls}), AUTO)["choices"]
    assert choice["tool_calls"] == [
        {"type": "function", "function": {"name": "f", "arguments": {"a": 2, "b": 1}}},
        {"type": "function", "function": {"name": "g", "arguments": "{cut"}},
        {"type": "custom", "custom": {"name": "h", "input": "SELECT 1"}},
    ]
    assert "content" not in choice


def test_a_recalled_reply_has_the_wire_shape_of_tool_calls() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"b": 1}'}}]
    made = make_snapshot(
        "s",
        "c",
        request_as_kept(body()),
        record_reply(reply({"tool_calls": calls}), AUTO),
        keep_request=False,
    )
    (choice,) = recall_reply(made).choices
    assert choice.message["tool_calls"] == [
        {"type": "function", "function": {"name": "f", "arguments": '{"b":1}'}}
    ]


def test_a_transcript_is_part_of_the_answer_and_the_way_to_it_is_not() -> None:
    message = {
        "content": None,
        "audio": {"id": "a", "data": "AAAA", "expires_at": 1, "transcript": "안녕"},
        "reasoning_content": "hm",
        "function_call": {"name": "f", "arguments": "[1]"},
        "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.example"}}],
    }
    (choice,) = record_reply(reply(message), AUTO)["choices"]
    assert choice == {
        "finish_reason": "stop",
        "function_call": {"name": "f", "arguments": [1]},
        "audio": {"transcript": "안녕"},
        "annotations": message["annotations"],
    }


def test_a_pair_of_surrogates_that_a_stream_cut_is_made_whole() -> None:
    assert only_choice("\ud83d\ude00 \ud83d")["content"] == "😀 \ud83d"


@pytest.mark.parametrize(
    "text", ["[1e400]", "[NaN]", "[-Infinity]", "[" * 100_000, "[" * 65 + "]" * 65]
)
def test_json_that_cannot_be_kept_without_loss_stays_text(text: str) -> None:
    assert only_choice(text) == {"finish_reason": "stop", "content": text}


def test_the_deepest_value_that_is_kept_can_be_written_where_the_file_adds_most() -> None:
    deep = "[" * 64 + "]" * 64
    call = {"type": "function", "function": {"name": "f", "arguments": deep}}
    made = make_snapshot(
        "s",
        "c",
        request_as_kept(body()),
        record_reply(reply({"tool_calls": [call]}), AUTO),
        keep_request=True,
    )
    assert isinstance(made.reply["choices"][0]["tool_calls"][0]["function"]["arguments"], list)
    dump_snapshot(made)


def test_a_huge_number_is_kept_digit_by_digit() -> None:
    number = 10**400
    assert only_choice(f"[{number}]")["json"] == [number]
    assert only_choice(f"[{'9' * 5000}]") == {
        "finish_reason": "stop",
        "content": f"[{'9' * 5000}]",
    }


def test_a_list_of_too_many_values_stays_text() -> None:
    text = json.dumps([0] * 100_001)
    assert only_choice(text) == {"finish_reason": "stop", "content": text}


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"choices": None},
        {"choices": {"0": {}}},
        {"choices": [None, 5, "x", []], "model": 7, "system_fingerprint": ["x"]},
        {"choices": [{"index": "0"}, {"index": True}, {"index": 10**40}]},
        {"choices": [{"message": "text", "finish_reason": {"a": 1}}]},
        text_reply(5),
        text_reply([{"type": "text", "text": "x"}]),
        text_reply(float("nan")),
        text_reply({1, 2}),
        reply({"tool_calls": [None, 5, {}, {"function": 5}, {"function": {"arguments": [1]}}]}),
        reply({"tool_calls": "x", "function_call": 5, "audio": [], "refusal": {"a": 1}}),
        reply({"annotations": {"a": float("inf")}}),
    ],
)
def test_a_hostile_reply_is_recorded_written_and_recalled(raw: Any) -> None:
    made = make_snapshot(
        "specs/a.yaml", "c", request_as_kept(body()), record_reply(raw, AUTO), keep_request=True
    )
    dump_snapshot(made)
    assert record_reply(recall_reply(made).raw, AUTO) == made.reply


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "content": st.text() | json_values.map(json.dumps) | json_values,
        "refusal": st.none() | st.text(),
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {"function": st.fixed_dictionaries({"name": st.text(), "arguments": json_values})}
            )
        ),
        "function_call": json_values,
        "annotations": json_values,
    },
)


@settings(max_examples=300, deadline=None)
@given(messages, st.sampled_from(["auto", "exact", "text", "json", "shape"]))
def test_recording_a_recalled_reply_gives_the_same_snapshot(message: Any, mode: Any) -> None:
    rules = CompareRules(mode=mode)
    made = make_snapshot(
        "s", "c", request_as_kept(body()), record_reply(reply(message), rules), keep_request=False
    )
    recalled = recall_reply(made)
    assert record_reply(recalled.raw, rules) == made.reply
    live = [content_text(choice) for choice in made.reply["choices"]]
    assert live == [choice.content for choice in recalled.choices]


@pytest.mark.parametrize("mode", ["auto", "json", "shape"])
@pytest.mark.parametrize(
    "text", ['{"a":1e400}', '[{"a":[-1e999]}]', '{"a":1,"a":2}', '[{"b":{"a":1,"a":1}}]']
)
def test_json_that_a_value_would_not_say_whole_stays_text(text: str, mode: str) -> None:
    assert only_choice(text, mode)["content"] == text


def odd_messages(value: Any) -> dict[str, dict[str, Any]]:
    return {
        "an unknown type": {"tool_calls": [{"type": "search", "search": {"query": value}}]},
        "a function with no name": {"tool_calls": [{"type": "function", "function": {"x": value}}]},
        "a function that is text": {"tool_calls": [{"type": "function", "function": value}]},
        "no body": {"tool_calls": [{"x": value}]},
        "calls that are text": {"tool_calls": value},
        "a function_call that is text": {"function_call": value},
        "a function_call with no name": {"function_call": {"arguments": value, "x": 1}},
        "audio that is text": {"audio": value},
        "audio without a transcript": {"audio": {"id": "a", "text": value}},
    }


@pytest.mark.parametrize("name", odd_messages(""))
def test_what_is_odd_is_recorded_raw_so_that_a_difference_shows(name: str) -> None:
    one, other = (
        make_snapshot(
            "s",
            "c",
            request_as_kept(body()),
            record_reply(reply({"content": "x"} | odd_messages(value)[name]), AUTO),
            keep_request=True,
        )
        for value in ("one", "other")
    )
    assert compare(one, one, AUTO).equal
    (difference,) = compare(one, other, AUTO).reply
    assert "one" in repr(difference)
    assert parse_snapshot(dump_snapshot(one), "x") == one
    assert record_reply(recall_reply(one).raw, AUTO) == one.reply


def test_ids_of_odd_calls_and_audio_are_left_out() -> None:
    def recorded(number: str) -> dict[str, Any]:
        call = {"id": number, "type": "search", "query": "x"}
        audio = {"id": number, "expires_at": number, "text": "x"}
        return record_reply(reply({"tool_calls": [call], "audio": audio}), AUTO)

    assert recorded("1") == recorded("2")


def test_a_call_with_nulls_is_the_call_without_them() -> None:
    function = {"name": "f", "arguments": '{"a": 1}'}
    bare: dict[str, Any] = {"type": "function", "function": function}
    padded = bare | {"custom": None}
    assert record_reply(reply({"tool_calls": [padded]}), AUTO) == record_reply(
        reply({"tool_calls": [bare]}), AUTO
    )
