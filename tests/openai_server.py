"""A loopback server of our own that speaks the Chat Completions protocol, well and badly.

In a test::

    with OpenAIServer(text("hello")) as server:
        ...  # a client of server.base_url
    assert server.requests[0].json["model"] == "gpt-4o-mini"

As a program, for a person or a benchmark: ``python tests/openai_server.py --port 8080``.

It runs asyncio in a thread of its own and needs nothing but msgspec. What it answers comes, in this
order, from `script` (used up one by one), from `reply` (for all requests; a value or a function of
the request), else it echoes the last user message. All that it got is in `requests`. The program
answers ``--reply`` with bytes that are made once, so that a benchmark measures its client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

from msgspec import structs

if not __package__:  # started as a program: `tests` is not on its path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.openai_answers import (
    CHUNKED,
    STREAM,
    WHOLE,
    Answer,
    Fixed,
    Received,
    Script,
    bad_key,
    compose_chunk,
    compose_events,
    compose_head,
    compose_whole,
    echo,
    error,
    fix,
    hanging,
    out_of_quota,
    redirect,
    slow_down,
    text,
    tool_call,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "Answer",
    "Fixed",
    "OpenAIServer",
    "Received",
    "bad_key",
    "error",
    "fix",
    "hanging",
    "out_of_quota",
    "redirect",
    "slow_down",
    "text",
    "tool_call",
]

LONGEST_HOLD = 30.0


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
            if isinstance(answer, Fixed):
                # Counted from its arrival, so that what the server takes for others delays nobody.
                await asyncio.sleep(received.at + answer.delay - time.monotonic())
                self.answered += 1
                await wire.send_fixed(answer, streamed=received.json.get("stream") is True)
                return
            await wire.pause(answer.delay)
            if answer.cut == "before headers":
                raise ConnectionAbortedError
            self.answered += 1
            headers = [("x-request-id", f"req_{self.answered}"), *answer.headers]
            if answer.body is not None or answer.status != 200:
                await wire.send_whole(answer, headers, answer.body or b"")
            elif answer.events is not None or received.json.get("stream") is True:
                await wire.send_stream(answer, headers, compose_events(received.json, answer))
            else:
                body = json.dumps(compose_whole(received.json, answer), ensure_ascii=False)
                await wire.send_whole(answer, headers, body.encode())
        finally:
            self.in_flight -= 1

    def _answer(self, received: Received) -> Answer | Fixed:
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
            reply = echo
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
        length = ("content-length", str(len(body)))
        self._writer.write(compose_head(answer.status, headers, length, WHOLE))
        if answer.cut:
            self._writer.write(body[: len(body) // 2])
            await self._break()
        step = answer.split or max(1, len(body))
        for start in range(0, len(body), step):
            if start:
                # Not behind the last part: there the client's next request may come already.
                await self.pause(answer.chunk_delay)
                await asyncio.sleep(0)
            self._writer.write(body[start : start + step])
            await self._writer.drain()

    async def send_fixed(self, answer: Fixed, *, streamed: bool) -> None:
        if streamed:
            for chunk in answer.stream:
                self._writer.write(chunk)
        else:
            self._writer.write(answer.whole)
        await self._writer.drain()

    async def send_stream(
        self, answer: Answer, headers: list[tuple[str, str]], events: Iterator[bytes]
    ) -> None:
        self._writer.write(compose_head(200, headers, CHUNKED, STREAM))
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
        await self._chunk(b"")

    async def _hold(self, release: threading.Event | None) -> None:
        until = time.monotonic() + LONGEST_HOLD
        while release is not None and not release.is_set():
            if time.monotonic() > until:
                raise ConnectionAbortedError
            await self.pause(0.005)

    async def _chunk(self, data: bytes) -> None:
        self._writer.write(compose_chunk(data))
        await self._writer.drain()

    async def _break(self) -> None:
        """Let what was written arrive, and then no more."""
        await self._writer.drain()
        await asyncio.sleep(0.02)
        raise ConnectionAbortedError


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


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A loopback Chat Completions server.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--reply", help="the text of every reply; an echo where it is left out")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each reply")
    often = "how often a reply says it, each time as one chunk of a stream"
    parser.add_argument("--chunks", type=int, default=1, help=often)
    options = parser.parse_args()

    def echo_late(received: Received) -> Answer:
        return structs.replace(echo(received), delay=options.delay)

    reply: Script = echo_late
    if options.reply is not None:
        reply = fix(options.reply, chunks=options.chunks, delay=options.delay)
    with OpenAIServer(reply, port=options.port, keep_requests=False) as server:
        print(server.base_url, flush=True)  # noqa: T201 - the address is what the caller reads
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
