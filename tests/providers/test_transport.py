"""What holds on each HTTP library that may lie below the package, and where they must agree."""

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
import ssl
import subprocess
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from promptrun.models import Failure, Reply, Request, Server
from promptrun.providers import open_provider
from promptrun.providers.openai_chat import link
from promptrun.providers.openai_chat.transport import Hooks, open_http
from tests.openai_server import Answer, OpenAIServer, text
from tests.providers.support import BODY, STREAM, ask, ask_failure, ask_reply, server_at

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

WHOLE = b'{"choices":[{"index":0,"message":{"content":"\xed\x95\x9c"},"finish_reason":"stop"}]}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
SIZED = HEAD + b"content-length: %d\r\n\r\n" % len(WHOLE)
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PIECE = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


pytestmark = pytest.mark.usefixtures("library")


@contextmanager
def raw_server(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that leaves all that it writes to `handler`."""
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.close()

    async def serve() -> None:
        stop = asyncio.Event()
        listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        port = listener.sockets[0].getsockname()[1]
        ready.set_result((asyncio.get_running_loop(), stop, port))
        await stop.wait()
        listener.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    loop, stop, port = ready.result(10)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def at(port: int, scheme: str = "http", **fields: Any) -> Server:
    given: dict[str, Any] = {"name": "x", "kind": "openai", "timeout": 10.0}
    return Server(**given | {"base_url": f"{scheme}://127.0.0.1:{port}/v1"} | fields)


async def read_request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    await reader.readexactly(int(length))


def sending(*parts: bytes, pause: float = 0.0, then: float = 0.0) -> Handler:
    """Read a request, write the parts with pauses between, wait, and close."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for position, part in enumerate(parts):
            await asyncio.sleep(pause if position else 0)
            writer.write(part)
            await writer.drain()
        await asyncio.sleep(then)

    return handle


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(HEAD + b"content-length: 100000\r\n\r\nabc")
    await writer.drain()
    await asyncio.sleep(0.05)
    # Closing a socket that lingers for no time is a reset.
    linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        pytest.param(
            sending(b""),
            "the connection to `{}` broke: Server disconnected without sending a response",
            id="closed before the headers",
        ),
        pytest.param(
            sending(SIZED, WHOLE[:9]),
            "the connection to `{}` broke: "
            "peer closed connection without sending complete message body",
            id="closed in the middle of a body",
        ),
        pytest.param(
            sending(EVENTS, chunk(PIECE), b"40\r\ndata"),
            "the connection to `{}` broke: "
            "peer closed connection without sending complete message body",
            id="closed in the middle of a chunk",
        ),
        pytest.param(reset, "the connection to `{}` broke: Connection reset by peer", id="a reset"),
    ],
)
def test_a_connection_that_breaks_says_the_same_on_every_library(
    handler: Handler, message: str
) -> None:
    with raw_server(handler) as port:
        failure = ask_failure(at(port), BODY)
    assert failure.message == message.format(f"http://127.0.0.1:{port}")
    assert (failure.kind, failure.again) == ("connection", True)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"SSH-2.0-server\r\n\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="a status that is no number"),
        pytest.param(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", id="a header without a colon"),
        pytest.param(HEAD + b"content-length: x\r\n\r\n", id="a length that is no number"),
        pytest.param(HEAD + b"x: " + b"y" * 2**20 + b"\r\n\r\n", id="a huge header"),
        pytest.param(EVENTS + b"zz\r\nab", id="a chunk without a size"),
    ],
)
@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
def test_what_is_no_http_is_a_broken_connection(answer: bytes, body: dict[str, Any]) -> None:
    with raw_server(sending(answer, then=0.1)) as port:
        failure = ask_failure(at(port), body)
    assert (failure.kind, failure.again) == ("connection", True), failure
    # In one line, and without what the server sent.
    assert "\n" not in failure.message
    assert "yyy" not in failure.message
    assert len(failure.message) < 200


def test_a_server_that_nobody_can_find_is_out_of_reach() -> None:
    server = Server(name="x", kind="openai", base_url="http://nowhere.invalid/v1", timeout=5)
    failure = ask_failure(server, BODY)
    assert failure.kind == "connection"
    assert failure.message.startswith("cannot reach `http://nowhere.invalid`: ")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_refused_connection_says_so(host: str) -> None:
    with OpenAIServer() as server:
        base_url = f"http://{host}:{server.port}/v1"
    failure = ask_failure(server_at(server, base_url=base_url), BODY)
    assert failure.kind == "connection"
    assert failure.message.startswith(f"cannot reach `http://{host}:{server.port}`: ")
    assert "refused" in failure.message or "connection attempts failed" in failure.message


def test_tls_to_a_server_without_it_is_out_of_reach() -> None:
    async def complain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with raw_server(complain) as port:
        failure = ask_failure(at(port, "https"), BODY)
    assert (failure.kind, failure.again) == ("connection", True)
    assert failure.message.startswith(f"cannot reach `https://127.0.0.1:{port}`: ")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of models.test that nobody signed, and its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    both = tmp_path / "both.pem"
    name = ["-subj", "/CN=models.test", "-addext", "subjectAltName=DNS:models.test"]
    options = ["-newkey", "rsa:2048", "-nodes", "-days", "2", *name]
    files = ["-keyout", str(both), "-out", str(tmp_path / "certificate.pem")]
    subprocess.run(["openssl", "req", "-x509", *options, *files], check=True, capture_output=True)
    with both.open("ab") as whole:
        whole.write((tmp_path / "certificate.pem").read_bytes())
    return both


@pytest.mark.parametrize("trusted", [False, True], ids=["a stranger's", "one of SSL_CERT_FILE"])
def test_a_server_is_known_by_its_certificate(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    find = socket.getaddrinfo

    def find_here(host: Any, *rest: Any, **options: Any) -> Any:
        return find("127.0.0.1" if host in {"models.test", b"models.test"} else host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", find_here)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with raw_server(sending(SIZED + WHOLE), tls) as port:
        address = f"https://models.test:{port}"
        outcome = ask(at(port, base_url=f"{address}/v1"), BODY)
    if trusted:
        assert isinstance(outcome, Reply), outcome
    else:
        assert isinstance(outcome, Failure)
        assert outcome.kind == "connection"
        assert outcome.message.startswith(f"cannot reach `{address}`: ")
        assert "CERTIFICATE_VERIFY_FAILED" in outcome.message


def test_a_connection_that_is_not_accepted_is_a_timeout_of_its_own() -> None:
    with ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # Once the queue is full, further attempts get no answer at all.
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        failure = ask_failure(at(port, connect_timeout=0.3), BODY)
    message = f"`http://127.0.0.1:{port}` accepted no connection within 0.3 seconds"
    assert (failure.kind, failure.again, failure.message) == ("timeout", True, message)


STALLED = "the reply stopped in the middle: nothing more came for 0.2 seconds"


@pytest.mark.parametrize(
    ("handler", "body"),
    [
        pytest.param(sending(SIZED, WHOLE[:9], then=5), BODY, id="a whole reply"),
        pytest.param(sending(EVENTS, chunk(PIECE), then=5), STREAM, id="a stream"),
    ],
)
def test_a_reply_that_stops_in_the_middle_is_a_timeout(
    handler: Handler, body: dict[str, Any]
) -> None:
    with raw_server(handler) as port:
        failure = ask_failure(at(port, idle_timeout=0.2), body)
    assert (failure.kind, failure.again, failure.message) == ("timeout", True, STALLED)


@pytest.mark.parametrize(
    ("handler", "body"),
    [
        pytest.param(sending(b"", SIZED + WHOLE, pause=0.5), BODY, id="a whole reply"),
        pytest.param(
            sending(b"", EVENTS + chunk(PIECE + END) + chunk(b""), pause=0.5), STREAM, id="a stream"
        ),
        pytest.param(
            sending(EVENTS, chunk(PIECE + END) + chunk(b""), pause=0.5),
            STREAM,
            id="a stream whose headers come first",
        ),
    ],
)
def test_a_model_may_think_for_longer_than_a_reply_may_stop(
    handler: Handler, body: dict[str, Any]
) -> None:
    with raw_server(handler) as port:
        assert ask_reply(at(port, idle_timeout=0.2), body).choices


def test_a_stream_that_goes_on_slowly_is_a_reply() -> None:
    parts = [chunk(PIECE)] * 8
    with raw_server(sending(EVENTS, *parts, chunk(END) + chunk(b""), pause=0.1)) as port:
        reply = ask_reply(at(port, idle_timeout=0.4), STREAM)
    assert reply.choices[0].content == "a" * 8


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_status_is_told_even_where_its_body_never_ends(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "LONGEST_ERROR", 0.2)
    answer = b'HTTP/1.1 %d No\r\ncontent-length: 999\r\n\r\n{"error":' % status
    with raw_server(sending(answer, then=5)) as port:
        failure = ask_failure(at(port), BODY)
    assert failure.status == status


def test_no_cookie_is_sent_back() -> None:
    async def twice(server: Server) -> None:
        provider = open_provider(server)
        await provider.open()
        for _ in range(2):
            await provider.complete(Request(body=BODY))
        await provider.close()

    headers = (("set-cookie", "a=b; Path=/"),)
    with OpenAIServer(text("ok", headers=headers)) as server:
        asyncio.run(twice(server_at(server, base_url=f"http://localhost:{server.port}/v1")))
    assert len(server.requests) == 2
    assert not any("cookie" in request.headers for request in server.requests)


async def ask_often(server: Server, count: int) -> None:
    """Many requests at once through one provider, which is closed at the end."""
    provider = open_provider(server)
    assert await provider.open() is None
    request = Request(body=BODY)
    outcomes = await asyncio.gather(*(provider.complete(request) for _ in range(count)))
    assert [one for one in outcomes if not isinstance(one, Reply)] == []
    await provider.close()


def test_as_many_requests_are_in_flight_as_are_asked() -> None:
    with OpenAIServer(text("ok", delay=1.0)) as server:
        asyncio.run(ask_often(server_at(server, timeout=30.0), 250))
    assert server.most_in_flight == 250


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(text("abcdefgh"), id="replies"),
        pytest.param(text("abcdefgh", cut="mid body"), id="cut bodies"),
        pytest.param(Answer(delay=60), id="timeouts"),
        pytest.param(Answer(status=500, body=b"x" * 2**20), id="long errors"),
    ],
)
@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
def test_closing_leaves_nothing_behind(answer: Answer, body: dict[str, Any]) -> None:
    async def exchange(server: Server) -> set[asyncio.Task[Any]]:
        provider = open_provider(server)
        await provider.open()
        await asyncio.gather(*(provider.complete(Request(body=body)) for _ in range(5)))
        await provider.close()
        await asyncio.sleep(0.05)
        return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}

    with OpenAIServer(answer) as server, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        left = asyncio.run(exchange(server_at(server, timeout=0.5)))
        gc.collect()
        assert server.wait_idle()
    assert left == set()
    assert [str(one.message) for one in told if one.category is ResourceWarning] == []


def test_aiohttp_carries_requests_wherever_the_package_can_use_it(library: str) -> None:
    import openai

    async def ignore(_: Any) -> None: ...

    hooks = Hooks(request=ignore, response=ignore)
    client, _ = open_http(openai, "http://127.0.0.1:1/v1", 5.0, hooks)
    carrier = type(client._transport).__name__  # noqa: SLF001 - no other place tells
    modern = tuple(map(int, openai.__version__.split(".")[:2])) >= (1, 89)
    wanted = modern and library == "as installed"
    assert carrier == ("AiohttpTransport" if wanted else "AsyncHTTPTransport")
