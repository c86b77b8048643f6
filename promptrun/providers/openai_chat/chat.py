"""Chat Completions through the openai package: OpenAI's own server, Azure's, and compatible ones.

The package carries requests and responses; bodies are read here, streamed or not, so that they are
bounded and a stream that was cut is never taken for one that ended.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from promptrun.models import Failure, Reply, Timings
from promptrun.providers.openai_chat.completion import describe_miscount, describe_misfit
from promptrun.providers.openai_chat.deadline import Deadline
from promptrun.providers.openai_chat.failures import NoReply, protocol_failure, request_id
from promptrun.providers.openai_chat.limits import read_limits
from promptrun.providers.openai_chat.link import Link, open_link, parse_whole, read_stream
from promptrun.providers.openai_chat.stream import Assembler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from promptrun.models import Request, Server
    from promptrun.providers.base import OnPiece

_T = TypeVar("_T")


class OpenAIChat:
    """A `Provider` for one server of kind ``openai`` or ``azure``.

    A body is sent as ``json.dumps(body, ensure_ascii=False, separators=(",", ":"))`` in UTF-8, by
    every version of the package with httpx 0.28 or newer; older ones write the same JSON escaped.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._link_or_none: Link | None = None

    async def open(self) -> Failure | None:
        """Build the client; nothing is sent. Importing the package takes most of a second."""
        link = open_link(self._server)
        if isinstance(link, Failure):
            return link
        self._link_or_none = link
        return None

    async def close(self) -> None:
        """Close every connection."""
        link, self._link_or_none = self._link_or_none, None
        if link is not None:
            await link.close()

    async def complete(
        self, request: Request, *, on_piece: OnPiece | None = None
    ) -> Reply | Failure:
        """Send one request, once."""
        return await self._within_time(lambda deadline: self._exchange(request, on_piece, deadline))

    async def list_models(self) -> list[str] | Failure:
        """The ids under ``/models``."""
        return await self._within_time(self._list_models)

    async def _within_time(self, exchange: Callable[[Deadline], Awaitable[_T]]) -> _T | Failure:
        deadline = Deadline(self._server)
        try:
            async with deadline:
                return await exchange(deadline)
        except NoReply as outcome:
            return outcome.failure
        except TimeoutError:
            return deadline.failure()

    async def _list_models(self, deadline: Deadline) -> list[str]:
        body = await self._link().send("get", "/models", deadline)
        listed = parse_whole(await body.read(), body.headers)
        entries = listed.get("data") if isinstance(listed, dict) else None
        if not isinstance(entries, list):
            raise NoReply(Failure(kind="protocol", message="the server sent no list of models"))
        names = (entry.get("id") for entry in entries if isinstance(entry, dict))
        return sorted({name for name in names if isinstance(name, str)})

    async def _exchange(
        self, request: Request, on_piece: OnPiece | None, deadline: Deadline
    ) -> Reply:
        started = monotonic()
        body = await self._link().send("post", self._path(request), deadline, body=request.body)
        streamed = _is_stream(request, body.headers)
        first_piece = None
        count = request.body.get("n")
        expected = count if type(count) is int else 1
        if streamed:
            assembler = Assembler(on_piece)
            raw = await read_stream(body, assembler, expected)
            if assembler.first_piece is not None:
                first_piece = assembler.first_piece - started
        else:
            raw = parse_whole(await body.read(), body.headers)
        misfit = describe_misfit(raw)
        if misfit:
            raise NoReply(protocol_failure(misfit, body.headers))
        miscount = describe_miscount(raw, expected)
        if miscount:
            raise NoReply(protocol_failure(miscount, body.headers, again=True))
        reply = Reply(
            raw=raw,
            timings=Timings(total=monotonic() - started, first_piece=first_piece),
            request_id=request_id(body.headers),
            streamed=streamed,
            limits=read_limits(body.headers),
        )
        if on_piece is not None and not streamed:
            _show_whole(reply, on_piece)
        return reply

    def _path(self, request: Request) -> str:
        if self._server.kind != "azure":
            return "/chat/completions"
        # Quoted here: older versions of the package put the model into the path as it stands.
        model = quote(str(request.body.get("model", "")), safe="")
        return f"/deployments/{model}/chat/completions"

    def _link(self) -> Link:
        if self._link_or_none is None:
            raise RuntimeError("the provider is not open")
        return self._link_or_none


def _is_stream(request: Request, headers: Mapping[str, str]) -> bool:
    """Some servers answer whole though a stream was asked for, or forget to say that it is one."""
    content_type = headers.get("content-type", "").lower()
    return "event-stream" in content_type or (request.streams and "json" not in content_type)


def _show_whole(reply: Reply, on_piece: OnPiece) -> None:
    for choice in reply.choices:
        if choice.content:
            on_piece(choice.index, choice.content)
