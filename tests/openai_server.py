"""A loopback server of our own that speaks the Chat Completions protocol, well and badly.

In a test::

    with OpenAIServer(text("hello")) as server:
        ...  # a client of server.base_url
    assert server.requests[0].json["model"] == "gpt-4o-mini"

As a program, for a person or a benchmark: ``python tests/openai_server.py --port 8080``.

It runs asyncio in a thread of its own and needs nothing but msgspec. What it answers comes, in this
order, from `script` (used up one by one), from `reply` (for all requests; a value or a function of
the request), else it echoes the last user message. All that it got is in `requests`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct, field

CREATED = 1_700_000_000
LONGEST_HOLD = 30.0


class Received(Struct, frozen=True, kw_only=True):
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

    @property
    def json(self) -> Any:
        """The body, parsed; None for an empty one."""
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
    """Seconds before each event but the first."""
    hold_after: int | None = None
    """Send this many events, then wait until `release` is set."""
    release: threading.Event | None = None
    events: tuple[Any, ...] | None = None
    """The events in place of the model's: dicts and lists are sent as JSON, text and bytes are
    written as they stand, line ends and all."""
    done: bool = True
    """Whether ``data: [DONE]`` ends the stream."""


Script = Answer | Callable[[Received], Answer]


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


class OpenAIServer:
    """The server, listening on 127.0.0.1 inside a ``with`` block."""

    def __init__(
        self,
        reply: Script | None = None,
        script: Iterable[Script] = (),
        *,
        port: int = 0,
        models: Iterable[str] = ("gpt-4o-mini", "gpt-4o"),
        keep_requests: bool = True,
    ) -> None:
        self.reply = reply
        self.script: deque[Script] = deque(script)
        self.models = tuple(models)
        self.requests: list[Received] = []
        self.accepted = 0
        """How many connections there have been."""
        self.answered = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.port = port
        self._keep_requests = keep_requests
        self._connections: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="openai-server", daemon=True)

    @property
    def host(self) -> str:
        """``http://127.0.0.1:PORT``: what Azure's client is given."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What OpenAI's client is given: with ``/v1``."""
        return f"{self.host}/v1"

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        return len(self._connections)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the loopback server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def wait_idle(self, seconds: float = 5.0) -> bool:
        """Wait until no client is connected; whether that came true in time."""
        until = time.monotonic() + seconds
        while self._connections and time.monotonic() < until:
            time.sleep(0.005)
        return not self._connections

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        listener = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, limit=2**20, backlog=1024
        )
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        listener.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.accepted += 1
        try:
            while (received := await _read_request(reader)) is not None:
                await self._serve_one(received, _Wire(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a client that leaves, a cut that was asked for, and the end of the server
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _serve_one(self, received: Received, wire: _Wire) -> None:
        if self._keep_requests:
            self.requests.append(received)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            answer = self._answer(received)
            await wire.pause(answer.delay)
            if answer.cut == "before headers":
                raise ConnectionAbortedError
            self.answered += 1
            headers = [("x-request-id", f"req_{self.answered}"), *answer.headers]
            if answer.body is not None or answer.status != 200:
                await wire.send_whole(answer, headers, answer.body or b"")
            elif answer.events is not None or received.json.get("stream") is True:
                await wire.send_stream(answer, headers, _events(received.json, answer))
            else:
                body = json.dumps(_completion(received.json, answer), ensure_ascii=False)
                await wire.send_whole(answer, headers, body.encode())
        finally:
            self.in_flight -= 1

    def _answer(self, received: Received) -> Answer:
        if received.method == "GET" and received.path.endswith("/models"):
            data = [{"id": name, "object": "model", "owned_by": "us"} for name in self.models]
            return Answer(body=json.dumps({"object": "list", "data": data}).encode())
        azure = received.path.startswith("/openai/deployments/")
        if not received.path.endswith("/chat/completions") or (
            azure and "api-version" not in received.query
        ):
            return error(404, f"Invalid URL ({received.method} {received.path})")
        reply = self.script.popleft() if self.script else self.reply
        if reply is None:
            reply = _echo
        return reply(received) if callable(reply) else reply


class _Wire:
    """The side of HTTP that writes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def pause(self, seconds: float) -> None:
        """Sleep, unless the client goes away: then ConnectionResetError, as at a real server."""
        if seconds <= 0:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._reader.read(1), seconds)
            raise ConnectionResetError

    async def send_whole(self, answer: Answer, headers: list[tuple[str, str]], body: bytes) -> None:
        self._head(answer.status, headers, ("content-length", str(len(body))), "application/json")
        if answer.cut:
            self._writer.write(body[: len(body) // 2])
            await self._break()
        step = answer.split or max(1, len(body))
        for start in range(0, len(body), step):
            self._writer.write(body[start : start + step])
            await self._writer.drain()
            if answer.split:
                await asyncio.sleep(0)

    async def send_stream(
        self, answer: Answer, headers: list[tuple[str, str]], events: Iterator[bytes]
    ) -> None:
        framing = ("transfer-encoding", "chunked")
        self._head(200, headers, framing, "text/event-stream; charset=utf-8")
        for sent, event in enumerate(events):
            if sent == answer.hold_after:
                await self._hold(answer.release)
            if sent:
                await self.pause(answer.chunk_delay)
            if answer.cut and sent == 2:
                await self._chunk(event[: len(event) // 2])
                await self._break()
            step = answer.split or len(event)
            for start in range(0, len(event), step):
                await self._chunk(event[start : start + step])
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def _hold(self, release: threading.Event | None) -> None:
        until = time.monotonic() + LONGEST_HOLD
        while release is not None and not release.is_set():
            if time.monotonic() > until:
                raise ConnectionAbortedError
            await self.pause(0.005)

    async def _chunk(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writer.drain()

    async def _break(self) -> None:
        """Let what was written arrive, and then no more."""
        await self._writer.drain()
        await asyncio.sleep(0.02)
        raise ConnectionAbortedError

    def _head(
        self, status: int, headers: list[tuple[str, str]], framing: tuple[str, str], content: str
    ) -> None:
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = [("content-type", content), *headers]
        lines = "".join(f"{name}: {value}\r\n" for name, value in (*headers, framing))
        self._writer.write(f"HTTP/1.1 {status} Answer\r\n{lines}\r\n".encode("latin-1"))


async def _read_request(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    url = urlsplit(target)  # a client of a proxy sends the whole address
    return Received(
        method=method,
        path=url.path,
        query=parse_qs(url.query) if url.query else {},
        headers=headers,
        body=body,
        at=time.monotonic(),
    )


def _echo(received: Received) -> Answer:
    """What the user said last, in the form that the request asks for."""
    request = received.json
    said = [turn["content"] for turn in request["messages"] if turn["role"] == "user"]
    content = said[-1] if said else ""
    if isinstance(content, list):
        content = " ".join(part.get("text", f"[{part['type']}]") for part in content)
    choice = request.get("tool_choice")
    if request.get("tools") and (choice == "required" or isinstance(choice, dict)):
        name = request["tools"][0]["function"]["name"]
        return Answer(tool_calls=(tool_call(name, json.dumps({"said": content})),))
    if request.get("response_format", {}).get("type", "text") != "text":
        return text(json.dumps({"said": content}, ensure_ascii=False))
    copies = range(1, (request.get("n") or 1) + 1)
    return Answer(contents=tuple(content if i == 1 else f"{content} ({i})" for i in copies))


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


def _completion(request: dict[str, Any], answer: Answer) -> dict[str, Any]:
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


def _events(request: dict[str, Any], answer: Answer) -> Iterator[bytes]:
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


def main() -> None:
    """Serve until interrupted, or until standard input of the parent closes."""
    parser = argparse.ArgumentParser(description="A loopback Chat Completions server.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--reply", help="the text of every reply; an echo where it is left out")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each reply")
    options = parser.parse_args()
    reply: Script | None = None
    if options.reply is not None or options.delay:
        reply = text(options.reply or "hello", delay=options.delay)
    with OpenAIServer(reply, port=options.port, keep_requests=False) as server:
        print(server.base_url, flush=True)  # noqa: T201 - the address is what the caller reads
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
