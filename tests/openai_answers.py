"""What `tests.openai_server` answers: replies, failures and streams, as values that a test writes.

An `Answer` is what a model would say and how it gets there; `compose_whole` and `compose_events`
put it into the form of the Chat Completions protocol.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct, field

CREATED = 1_700_000_000

WHOLE = "application/json"
STREAM = "text/event-stream; charset=utf-8"
CHUNKED = ("transfer-encoding", "chunked")


class Received(Struct, frozen=True, kw_only=True, dict=True):
    """One request as it came over the wire."""

    method: str
    path: str
    """Without the query."""
    query: dict[str, list[str]]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    at: float
    """`time.monotonic()` when it was read whole."""

    @cached_property
    def json(self) -> Any:
        """The body, parsed once; None for an empty one."""
        return json.loads(self.body) if self.body else None


class Answer(Struct, frozen=True, kw_only=True):
    """What the server answers to one request; `text`, `error` and their like make them.

    The first group is what a model would say, the second how HTTP carries it, the third what is
    particular to a stream. With `body` or a status other than 200 it is sent as it is; all else
    becomes a ``chat.completion``, or its chunks where the request says ``stream: true``.
    """

    content: str | None = None
    contents: tuple[str, ...] = ()
    """One text a choice, where the n choices are to differ."""
    refusal: str | None = None
    tool_calls: tuple[dict[str, Any], ...] = ()
    finish_reason: str | None = None
    model: str | None = None
    fingerprint: str = "fp_loopback"
    extra_message: dict[str, Any] = field(default_factory=dict)
    """Further keys of the message, such as reasoning_content."""

    status: int = 200
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    """Seconds before the first byte of the answer."""
    split: int | None = None
    """Write the body this many bytes at a time, so that characters and events come in parts."""
    cut: Literal["before headers", "mid body", "mid event"] | None = None
    """Where the connection breaks; in a stream both of the latter mean the middle of an event."""

    piece: int = 4
    """How many characters one chunk carries."""
    chunk_delay: float = 0.0
    """Seconds before each event but the first, and between the parts of a body that is `split`."""
    hold_after: int | None = None
    """Send this many events, then wait until `release` is set."""
    release: threading.Event | None = None
    events: tuple[Any, ...] | None = None
    """The events in place of the model's: dicts and lists are sent as JSON, text and bytes are
    written as they stand, line ends and all."""
    done: bool = True
    """Whether ``data: [DONE]`` ends the stream."""


class Fixed(Struct, frozen=True, kw_only=True):
    """The same answer to every request, its bytes made beforehand; `fix` makes one."""

    whole: bytes
    """The response, status line and headers included."""
    stream: tuple[bytes, ...]
    """Where the request says ``stream: true``: the head, and then a chunk each."""
    delay: float = 0.0
    """Seconds before the first byte."""


Script = Answer | Fixed | Callable[[Received], "Answer | Fixed"]


def text(content: str, **fields: Any) -> Answer:
    """A reply that says `content`."""
    return Answer(content=content, **fields)


def tool_call(name: str, arguments: str, call_id: str = "call_1") -> dict[str, Any]:
    """One entry of `Answer.tool_calls`."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def error(
    status: int, message: str = "it went wrong", *, headers: Any = (), **fields: Any
) -> Answer:
    """A failure in OpenAI's own form; `fields` are its type, code and param."""
    named = {"type": None, "param": None, "code": None} | fields
    body = json.dumps({"error": {"message": message} | named}).encode()
    return Answer(status=status, body=body, headers=tuple(headers))


def slow_down(**headers: str) -> Answer:
    """A 429 that passes; headers such as ``retry_after_ms="20"``."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    code = "rate_limit_exceeded"
    return error(429, "Rate limit reached", type="requests", code=code, headers=named)


def out_of_quota() -> Answer:
    """A 429 that does not pass."""
    code = "insufficient_quota"
    return error(429, "You exceeded your current quota", type=code, code=code)


def bad_key() -> Answer:
    """A 401."""
    kind, code = "invalid_request_error", "invalid_api_key"
    return error(401, "Incorrect API key provided", type=kind, code=code)


def hanging() -> Answer:
    """Nothing, for as long as the client waits."""
    return Answer(delay=3600.0)


def redirect(location: str, status: int = 307) -> Answer:
    """A pointer to somewhere else."""
    return Answer(status=status, body=b"", headers=(("location", location),))


def echo(received: Received) -> Answer:
    """What the user said last, in the form that the request asks for."""
    request = received.json
    content = said_last(request)
    choice = request.get("tool_choice")
    if request.get("tools") and (choice == "required" or isinstance(choice, dict)):
        name = request["tools"][0]["function"]["name"]
        return Answer(tool_calls=(tool_call(name, json.dumps({"said": content})),))
    if request.get("response_format", {}).get("type", "text") != "text":
        return text(json.dumps({"said": content}, ensure_ascii=False))
    copies = range(1, (request.get("n") or 1) + 1)
    return Answer(contents=tuple(content if i == 1 else f"{content} ({i})" for i in copies))


def said_last(request: dict[str, Any]) -> str:
    """The text of the last message of the user."""
    said = [turn["content"] for turn in request["messages"] if turn["role"] == "user"]
    content = said[-1] if said else ""
    if isinstance(content, list):
        return " ".join(part.get("text", f"[{part['type']}]") for part in content)
    return str(content)


def _messages(request: dict[str, Any], answer: Answer) -> list[dict[str, Any]]:
    count = request.get("n") or 1
    contents: list[str | None] = list(answer.contents or (answer.content,) * count)
    calls = {"tool_calls": list(answer.tool_calls)} if answer.tool_calls else {}
    return [
        {"role": "assistant", "content": content, **calls, "refusal": answer.refusal}
        | answer.extra_message
        for content in contents
    ]


def _finish(answer: Answer) -> str:
    return answer.finish_reason or ("tool_calls" if answer.tool_calls else "stop")


def _usage(request: dict[str, Any], answer: Answer) -> dict[str, int]:
    prompt = len(json.dumps(request["messages"])) // 4
    completion = sum(len(m["content"] or "") // 4 + 1 for m in _messages(request, answer))
    total = prompt + completion
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}


def _head_of(request: dict[str, Any], answer: Answer, kind: str) -> dict[str, Any]:
    model = answer.model or request.get("model")
    return {"id": "chatcmpl-loopback", "object": kind, "created": CREATED, "model": model}


def _pieces(content: str | None, size: int) -> list[str]:
    content = content or ""
    return [content[start : start + size] for start in range(0, len(content), size)]


def _logprobs(request: dict[str, Any], tokens: list[str]) -> dict[str, Any] | None:
    if not request.get("logprobs"):
        return None
    entries = [
        {"token": token, "logprob": -0.25, "bytes": list(token.encode()), "top_logprobs": []}
        for token in tokens
    ]
    return {"content": entries, "refusal": None}


def compose_head(
    status: int, headers: Iterable[tuple[str, str]], framing: tuple[str, str], content_type: str
) -> bytes:
    """The status line and the headers; `content_type` counts where `headers` name none."""
    pairs = [*headers, framing]
    if not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.insert(0, ("content-type", content_type))
    lines = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return f"HTTP/1.1 {status} Answer\r\n{lines}\r\n".encode("latin-1")


def compose_chunk(data: bytes) -> bytes:
    """One chunk of a body whose length nobody knows yet."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def fix(content: str, *, chunks: int = 1, delay: float = 0.0) -> Fixed:
    """An answer that says `content` so many times as it has `chunks`; each is streamed as one."""
    request: dict[str, Any] = {"model": "gpt-4o-mini", "messages": []}
    answer = text(content * chunks, piece=max(1, len(content)))
    body = json.dumps(compose_whole(request, answer), ensure_ascii=False).encode()
    named = [("x-request-id", "req_fixed")]
    length = ("content-length", str(len(body)))
    events = map(compose_chunk, compose_events(request, answer))
    return Fixed(
        whole=compose_head(200, named, length, WHOLE) + body,
        stream=(compose_head(200, named, CHUNKED, STREAM), *events, compose_chunk(b"")),
        delay=delay,
    )


def compose_whole(request: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """The ``chat.completion`` that answers `request`."""
    choices = [
        {
            "index": index,
            "message": message,
            "logprobs": _logprobs(request, _pieces(message["content"], answer.piece)),
            "finish_reason": _finish(answer),
        }
        for index, message in enumerate(_messages(request, answer))
    ]
    return _head_of(request, answer, "chat.completion") | {
        "choices": choices,
        "usage": _usage(request, answer),
        "service_tier": "default",
        "system_fingerprint": answer.fingerprint,
    }


def compose_events(request: dict[str, Any], answer: Answer) -> Iterator[bytes]:
    """The events of the stream that answers `request`, each with its closing blank line."""
    if answer.events is not None:
        yield from (_event(event) for event in answer.events)
    else:
        yield from (_event(chunk) for chunk in _chunks(request, answer))
    if answer.done:
        yield b"data: [DONE]\n\n"


def _event(event: Any) -> bytes:
    if isinstance(event, bytes):
        return event
    if isinstance(event, str):
        return event.encode()
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


def _chunks(request: dict[str, Any], answer: Answer) -> Iterator[dict[str, Any]]:
    counted = bool((request.get("stream_options") or {}).get("include_usage"))
    head = _head_of(request, answer, "chat.completion.chunk")
    head |= {"service_tier": "default", "system_fingerprint": answer.fingerprint}
    tail = {"usage": None} if counted else {}
    deltas = [list(_deltas(m, answer.piece)) for m in _messages(request, answer)]
    longest = max(len(of_choice) for of_choice in deltas)
    for position in range(longest):
        for index, of_choice in enumerate(deltas):
            if position < len(of_choice):
                delta = of_choice[position]
                tokens = [delta["content"]] if delta.get("content") else []
                logprobs = _logprobs(request, tokens) if tokens else None
                choice = {"index": index, "delta": delta, "logprobs": logprobs}
                yield head | {"choices": [choice | {"finish_reason": None}]} | tail
    for index in range(len(deltas)):
        choice = {"index": index, "delta": {}, "logprobs": None, "finish_reason": _finish(answer)}
        yield head | {"choices": [choice]} | tail
    if counted:
        yield head | {"choices": [], "usage": _usage(request, answer)}


def _deltas(message: dict[str, Any], size: int) -> Iterator[dict[str, Any]]:
    """OpenAI's own way: keys and empty texts first, then the texts piece by piece."""
    calls = message.get("tool_calls", [])
    first = dict(message) | {"content": None if message["content"] is None else ""}
    first["refusal"] = None if message["refusal"] is None else ""
    if calls:
        function = calls[0]["function"] | {"arguments": ""}
        first["tool_calls"] = [{"index": 0} | calls[0] | {"function": function}]
    yield first
    for key in ("content", "refusal"):
        for piece in _pieces(message[key], size):
            yield {key: piece}
    for index, call in enumerate(calls):
        if index:
            function = call["function"] | {"arguments": ""}
            yield {"tool_calls": [{"index": index} | call | {"function": function}]}
        for piece in _pieces(call["function"]["arguments"], size):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
