from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from promptrun.models import Failure, Request
from promptrun.providers import open_provider
from promptrun.providers.openai_chat import body as body_module
from tests.openai_server import (
    Answer,
    OpenAIServer,
    Received,
    bad_key,
    error,
    hanging,
    out_of_quota,
    redirect,
    slow_down,
    text,
    tool_call,
)
from tests.providers.support import BODY, STREAM, ask, ask_failure, ask_reply, azure_at, server_at

pytestmark = pytest.mark.usefixtures("library")

JSON = (("content-type", "application/json"),)


def test_a_reply_is_what_the_server_sent_key_for_key() -> None:
    sent = b'{"choices":[{"index":0,"x":null,"message":{"role":"assistant","content":"\xed\x95\x9c"'
    sent += b',"z":1,"a":2},"finish_reason":"stop"}],"id":"i","model":"m-1"}'
    with OpenAIServer(Answer(body=sent, headers=JSON)) as server:
        reply = ask_reply(server_at(server), BODY)
    assert json.dumps(reply.raw, ensure_ascii=False, separators=(",", ":")).encode() == sent
    assert reply.choices[0].content == "한"
    assert (reply.request_id, reply.streamed) == ("req_1", False)
    assert reply.timings.total > 0
    assert reply.timings.first_piece is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(BODY, id="plain"),
        pytest.param(
            BODY | {"temperature": None, "seed": 2**62, "top_p": 1.0}, id="null and numbers"
        ),
        pytest.param(BODY | {"future_field": {"나": [1, None]}, "n": 1}, id="an unknown field"),
        pytest.param({"messages": [], "model": "", "stop": [], "tools": {}}, id="empty values"),
        pytest.param(
            {"model": "m", "messages": [{"role": "user", "content": 'a\u2028b\x00\\"/🎉'}]},
            id="odd characters",
        ),
        pytest.param(STREAM | {"stream_options": {"include_usage": True}}, id="a stream"),
    ],
)
def test_the_body_is_sent_byte_for_byte(body: dict[str, Any]) -> None:
    with OpenAIServer(text("ok")) as server:
        ask_reply(server_at(server), body)
        ask_reply(azure_at(server), body)
    expected = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    assert [request.body for request in server.requests] == [expected, expected]


@pytest.mark.parametrize(
    ("reply", "extra"),
    [
        pytest.param(text("할머니와 할아버지 🎉"), {}, id="text"),
        pytest.param(text(""), {}, id="no text at all"),
        pytest.param(Answer(contents=("one", "두울", "three")), {"n": 3}, id="three choices"),
        pytest.param(text("one two"), {"logprobs": True}, id="logprobs"),
        pytest.param(Answer(refusal="I cannot"), {}, id="a refusal"),
        pytest.param(text("cut sho", finish_reason="length"), {}, id="cut at its length"),
        pytest.param(
            Answer(tool_calls=(tool_call("f", '{"도시": "서울"}'), tool_call("g", "{}", "call_2"))),
            {},
            id="two tool calls",
        ),
        pytest.param(
            text("hm", extra_message={"reasoning_content": "let me think"}), {}, id="reasoning"
        ),
    ],
)
@pytest.mark.parametrize("split", [None, 1, 7], ids=["whole events", "1 byte", "7 bytes"])
def test_a_streamed_reply_equals_the_whole_one(
    reply: Answer, extra: dict[str, Any], split: int | None
) -> None:
    from msgspec.structs import replace

    body = BODY | extra
    shown: dict[int, str] = {}

    def show(index: int, piece: str) -> None:
        shown[index] = shown.get(index, "") + piece

    with OpenAIServer(replace(reply, split=split)) as server:
        whole = ask_reply(server_at(server), body)
        options = {"stream": True, "stream_options": {"include_usage": True}}
        streamed = ask_reply(server_at(server), body | options, on_piece=show)
    assert json.dumps(streamed.raw) == json.dumps(whole.raw)
    assert streamed.streamed
    assert shown == {c.index: c.content for c in whole.choices if c.content}
    assert (streamed.timings.first_piece is not None) == bool(shown)


def test_the_first_piece_is_shown_before_the_last_was_sent() -> None:
    release = threading.Event()
    # The server goes on only once a piece has been shown: were pieces kept back, it would hang.
    held = text("abcdefgh", piece=4, hold_after=2, release=release)
    shown: list[str] = []

    def show(_: int, piece: str) -> None:
        shown.append(piece)
        release.set()

    with OpenAIServer(held) as server:
        ask_reply(server_at(server), STREAM, on_piece=show)
    assert shown == ["abcd", "efgh"]


def test_a_server_that_answers_whole_when_asked_for_a_stream_is_understood() -> None:
    shown: list[str] = []
    with OpenAIServer() as server:
        whole = json.dumps(ask_reply(server_at(server), BODY).raw).encode()
        server.reply = Answer(body=whole, headers=JSON)
        reply = ask_reply(server_at(server), STREAM, on_piece=lambda _, piece: shown.append(piece))
    assert not reply.streamed
    assert shown == [reply.choices[0].content]


@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("answer", "kind", "again"),
    [
        pytest.param(bad_key(), "auth", False, id="bad key"),
        pytest.param(out_of_quota(), "quota", False, id="no quota"),
        pytest.param(slow_down(), "rate_limit", True, id="too many requests"),
        pytest.param(error(500), "status", True, id="server error"),
        pytest.param(error(400), "status", False, id="bad request"),
        pytest.param(redirect("https://elsewhere.test/"), "status", False, id="redirect"),
        pytest.param(Answer(cut="before headers"), "connection", True, id="cut before headers"),
        pytest.param(text("abcdef", cut="mid body"), "connection", True, id="cut in the middle"),
        pytest.param(Answer(body=b"<html>", headers=JSON), "protocol", False, id="no JSON"),
        pytest.param(Answer(body=b"", headers=JSON), "protocol", False, id="empty"),
        pytest.param(Answer(body=b"\xff", headers=JSON), "protocol", False, id="no UTF-8"),
        pytest.param(Answer(body=b"[" * 100_000, headers=JSON), "protocol", False, id="too deep"),
        pytest.param(Answer(body=b'{"choices":NaN}', headers=JSON), "protocol", False, id="NaN"),
        pytest.param(Answer(body=b'{"ok":true}', headers=JSON), "protocol", False, id="no choices"),
        pytest.param(
            Answer(body=b'{"choices":[]}', headers=JSON), "protocol", False, id="not one choice"
        ),
        pytest.param(
            Answer(body=b'{"error":{"message":"x","code":502}}', headers=JSON),
            "protocol",
            True,
            id="an error with status 200",
        ),
    ],
)
def test_every_failure_is_a_value(
    answer: Answer, kind: str, again: bool, body: dict[str, Any]
) -> None:
    with OpenAIServer(answer) as server:
        failure = ask_failure(server_at(server), body)
    assert (failure.kind, failure.again) == (kind, again), failure
    assert len(server.requests) == 1


def test_fields_and_headers_of_an_error_are_kept() -> None:
    headers = [("x-request-id", "req_own"), ("retry-after", "7")]
    said = error(429, "느리게", type="requests", code="rate_limit_exceeded", headers=headers)
    with OpenAIServer(said) as server:
        failure = ask_failure(server_at(server), BODY)
    assert failure == Failure(
        kind="rate_limit",
        message="느리게",
        status=429,
        code="rate_limit_exceeded",
        type="requests",
        request_id=failure.request_id,
        again=True,
        retry_after=7.0,
    )
    assert failure.request_id


@pytest.mark.parametrize("cut", ["before headers", "mid body"])
def test_a_status_is_told_even_where_its_body_breaks_off(cut: Any) -> None:
    body = b'{"error": {"message": "no"}}'
    with OpenAIServer(Answer(status=401, body=body, cut=cut)) as server:
        failure = ask_failure(server_at(server), BODY)
    assert failure.kind == ("connection" if cut == "before headers" else "auth")


def chunk(content: str | None = None, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        pytest.param((chunk("a"),), "protocol", id="no finish reason"),
        pytest.param((chunk("a"), 'data: {"choi'), "protocol", id="the middle of an event"),
        pytest.param((chunk("a"), "data: nonsense\n\n"), "protocol", id="no JSON"),
        pytest.param((chunk("a"), b"data: \xff\n\n"), "protocol", id="no UTF-8"),
        pytest.param((), "protocol", id="nothing"),
        pytest.param(({"choices": []},), "protocol", id="no choice"),
        pytest.param((chunk("a"), {"error": {"message": "x"}}), "status", id="an error event"),
        pytest.param(({"error": "x"}, chunk("a", "stop")), "status", id="an error before the text"),
    ],
)
@pytest.mark.parametrize("done", [False, True], ids=["cut", "with DONE"])
def test_a_cut_stream_is_never_accepted(events: tuple[Any, ...], kind: str, done: bool) -> None:
    with OpenAIServer(Answer(events=events, done=done)) as server:
        failure = ask_failure(server_at(server), STREAM)
    assert (failure.kind, failure.again) == (kind, True), failure


def test_a_stream_whose_connection_breaks_is_never_accepted() -> None:
    with OpenAIServer(text("abcdefgh", cut="mid event")) as server:
        failure = ask_failure(server_at(server), STREAM)
    assert (failure.kind, failure.again) == ("connection", True)


def test_no_quota_in_the_middle_of_a_stream_is_final() -> None:
    events = (chunk("a"), {"error": {"message": "x", "code": "insufficient_quota"}})
    with OpenAIServer(Answer(events=events)) as server:
        failure = ask_failure(server_at(server), STREAM)
    assert (failure.kind, failure.again) == ("quota", False)


@pytest.mark.parametrize("events", [(chunk("a"), chunk(finish="stop"))])
def test_a_finished_stream_without_done_is_a_reply(events: tuple[Any, ...]) -> None:
    with OpenAIServer(Answer(events=events, done=False)) as server:
        assert ask_reply(server_at(server), STREAM).choices[0].content == "a"


def test_a_second_choice_that_never_came_is_missed_without_done() -> None:
    events = (chunk("a"), chunk(finish="stop"))
    with OpenAIServer(Answer(events=events, done=False)) as server:
        failure = ask_failure(server_at(server), STREAM | {"n": 2})
    assert failure.message == "the stream ended before all choices had come"


def test_a_connection_is_used_again_after_a_stream() -> None:
    async def five_times(server: OpenAIServer) -> None:
        provider = open_provider(server_at(server))
        await provider.open()
        for _ in range(5):
            await provider.complete(Request(body=STREAM))
        await provider.close()

    with OpenAIServer() as server:
        asyncio.run(five_times(server))
        assert server.accepted == 1


@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
def test_a_server_that_hangs_is_a_timeout(body: dict[str, Any]) -> None:
    with OpenAIServer(hanging()) as server:
        failure = ask_failure(server_at(server, timeout=0.2), body)
        assert server.wait_idle()
    assert (failure.kind, failure.again) == ("timeout", True)


def test_the_timeout_counts_for_the_whole_reply() -> None:
    # Each piece comes in time; all of them together do not.
    with OpenAIServer(text("abcdefgh", piece=1, chunk_delay=0.1)) as server:
        failure = ask_failure(server_at(server, timeout=0.4), STREAM)
    assert failure.message == "no whole reply within 0.4 seconds"


def test_nobody_there_says_where_it_was_looked_for() -> None:
    with OpenAIServer() as server:
        gone = server_at(server)
    failure = ask_failure(gone, BODY)
    assert (failure.kind, failure.again) == ("connection", True)
    assert failure.message == f"cannot reach `{server.host}`: Connection refused"


@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
def test_a_huge_reply_is_refused(body: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "MAX_REPLY_BYTES", 2**20)
    with OpenAIServer(text("x" * 2**21, piece=2**16)) as server:
        failure = ask_failure(server_at(server), body)
        assert server.wait_idle()
    assert (failure.kind, failure.again) == ("protocol", False)
    assert failure.message == "the reply is larger than 1 MiB"


def test_an_error_of_any_size_is_read_within_bounds() -> None:
    with OpenAIServer(Answer(status=500, body=b"x" * 2**24)) as server:
        failure = ask_failure(server_at(server), BODY)
    assert (failure.kind, len(failure.message) < 10_000) == ("status", True)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1, 2}, "\ud800"],
    ids=["NaN", "infinity", "a set", "half a character"],
)
def test_what_is_no_json_is_not_sent(value: Any) -> None:
    with OpenAIServer() as server:
        failure = ask_failure(server_at(server), BODY | {"x": value})
    assert (failure.kind, failure.again) == ("protocol", False)
    assert failure.message.startswith("the request cannot be written as JSON")
    assert not server.requests


def test_malformed_header_values_crash_nothing() -> None:
    headers = (
        ("retry-after", "\xff\xfe"),
        ("retry-after-ms", "1e"),
        ("x-request-id", "\xe9" * 500),
    )
    with OpenAIServer(error(429, headers=headers)) as server:
        failure = ask_failure(server_at(server), BODY)
    assert (failure.kind, failure.retry_after) == ("rate_limit", None)


def test_a_mistake_in_the_caller_is_raised() -> None:
    def show(_: int, __: str) -> None:
        raise OSError("the screen is gone")

    with OpenAIServer(text("abc")) as server, pytest.raises(OSError, match="the screen is gone"):
        ask(server_at(server), STREAM, on_piece=show)


def test_models_are_listed_by_name() -> None:
    async def listed(server: Any) -> Any:
        provider = open_provider(server)
        await provider.open()
        try:
            return await provider.list_models()
        finally:
            await provider.close()

    with OpenAIServer(models=("b", "a", "c")) as server:
        assert asyncio.run(listed(server_at(server))) == ["a", "b", "c"]
        assert asyncio.run(listed(azure_at(server))) == ["a", "b", "c"]
        server.models = ()
        assert asyncio.run(listed(server_at(server))) == []


def test_a_question_can_be_answered_by_a_function() -> None:
    def reply(received: Received) -> Answer:
        return text(received.json["messages"][0]["content"].upper())

    with OpenAIServer(reply) as server:
        content = ask_reply(server_at(server), BODY).choices[0].content
    assert content == "안녕하세요 HELLO 🎉"
