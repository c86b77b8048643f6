"""The way to one server and back: requests out, replies in, every failure a `NoReply`."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from promptrun.files.json import parse_fast
from promptrun.models import Failure
from promptrun.providers.openai_chat.body import Body, read_headers
from promptrun.providers.openai_chat.client import Client, build_client
from promptrun.providers.openai_chat.failures import (
    NoReply,
    broken_failure,
    causes,
    event_failure,
    protocol_failure,
    status_failure,
)
from promptrun.providers.openai_chat.stream import DONE, Assembler, EventReader, StreamError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from promptrun.models import Server
    from promptrun.providers.openai_chat.deadline import Deadline

MAX_ERROR_BYTES = 256 * 1024
LONGEST_ERROR = 5.0
"""Seconds that the body of an error is worth waiting for: its status says most."""
LONGEST_DRAIN = 0.25
"""Seconds that a connection is worth waiting for after the last event of its stream."""


def open_link(server: Server) -> Link | Failure:
    """A link to `server`; nothing is sent. A Failure of kind ``setup`` where it cannot work."""
    client = build_client(server, _refuse)
    return client if isinstance(client, Failure) else Link(client)


async def _refuse(response: Any) -> None:
    """Turn an answer that is no success into a NoReply, before the package reads its body."""
    if 200 <= response.status_code < 300:
        return
    body = b""
    # A body that breaks off, or never ends, must not hide the status.
    with suppress(Exception):
        async with asyncio.timeout(LONGEST_ERROR), aclosing(response.aiter_bytes()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > MAX_ERROR_BYTES:
                    break
    raise NoReply(status_failure(response.status_code, read_headers(response), body))


class Link:
    """An open client; responses are handed out unread, and closed by what reads them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._base = str(client.sdk.base_url).removesuffix("/")

    async def close(self) -> None:
        """Close every connection."""
        await self._client.sdk.close()

    async def send(self, method: str, path: str, deadline: Deadline, **body: Any) -> Body:
        """The answer to one request, its status a success and its body not read yet."""
        client = self._client
        call = getattr(client.sdk, method)
        try:
            response = await call(
                # A whole address spares the package the joining, a twentieth of a request's time.
                f"{self._base}{path}",
                cast_to=client.response_class,
                stream=True,
                stream_cls=client.stream_class,
                options=client.options,
                **body,
            )
        except client.errors as error:
            for cause in causes(error):
                # openai 1 wraps whatever a hook raises.
                if isinstance(cause, NoReply):
                    raise cause from None
            raise NoReply(broken_failure(error, client)) from error
        except (TypeError, ValueError, RecursionError) as error:
            message = f"the request cannot be written as JSON: {error}"
            raise NoReply(Failure(kind="protocol", message=message)) from error
        return Body(response, client, deadline)


async def read_stream(body: Body, assembler: Assembler, expected: int) -> dict[str, Any]:
    """The ``chat.completion`` that the events of `body` add up to; it is closed."""
    reader = EventReader()
    done = False
    try:
        while not done and (chunk := await body.next()) is not None:
            done = _take_events(reader.feed(chunk), assembler, body.headers)
        if done:
            await _drain(body)
        done = done or _take_events(reader.close(), assembler, body.headers)
        return assembler.finish(expected, done=done)
    except StreamError as problem:
        failure = protocol_failure(str(problem), body.headers, again=True)
        raise NoReply(failure) from None
    except RecursionError:
        message = "an event of the stream is nested too deeply"
        raise NoReply(protocol_failure(message, body.headers)) from None
    finally:
        await body.close()


def _take_events(events: Iterable[str], assembler: Assembler, headers: Mapping[str, str]) -> bool:
    """Add the events up; True at the one that says that it was the last."""
    for data in events:
        if data.strip() == DONE:
            return True
        try:
            chunk = parse_fast(data)
        except ValueError:
            raise StreamError("an event of the stream is no JSON, or only a part of it") from None
        failure = event_failure(chunk, headers)
        if failure is not None:
            raise NoReply(failure)
        assembler.add(chunk)
    return False


async def _drain(body: Body) -> None:
    """Read on to the end, so that the connection can be used again; the reply is whole already."""
    with suppress(TimeoutError, NoReply):
        async with asyncio.timeout(LONGEST_DRAIN):
            while await body.next() is not None:
                pass


def parse_whole(body: bytes, headers: Mapping[str, str]) -> Any:
    """The JSON of a whole body; NoReply where it is none, or tells of an error."""
    from msgspec.structs import replace

    try:
        raw = parse_fast(body.decode("utf-8-sig"))
    except ValueError as error:
        start = " ".join(body[:200].decode("utf-8", "replace").split())[:80]
        message = f"the server sent no JSON ({error}): `{start}`"
        raise NoReply(protocol_failure(message, headers)) from None
    failure = event_failure(raw, headers)
    if failure is not None:
        kind = "protocol" if failure.kind == "status" else failure.kind
        raise NoReply(replace(failure, kind=kind))
    return raw
