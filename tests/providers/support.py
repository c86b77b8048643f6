"""One request through a real provider, for tests that speak of one request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from promptrun.models import Failure, Reply, Request, Server
from promptrun.providers import open_provider

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.openai_server import OpenAIServer

BODY: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": "안녕하세요 hello 🎉"}],
}
STREAM = BODY | {"stream": True}


def server_at(server: OpenAIServer, **fields: Any) -> Server:
    given: dict[str, Any] = {
        "name": "openai",
        "kind": "openai",
        "base_url": server.base_url,
        "timeout": 10.0,
    }
    return Server(**given | {"api_key": "sk-test-0123456789"} | fields)


def azure_at(server: OpenAIServer, **fields: Any) -> Server:
    given = {"kind": "azure", "base_url": server.host, "api_version": "2024-06-01"}
    return server_at(server, **given | fields)


def ask(
    server: Server, body: dict[str, Any], on_piece: Callable[[int, str], None] | None = None
) -> Reply | Failure:
    """Open a provider, send one request, close it; a setup failure is the outcome, too."""

    async def exchange() -> Reply | Failure:
        provider = open_provider(server)
        try:
            return await provider.open() or await provider.complete(
                Request(body=body), on_piece=on_piece
            )
        finally:
            await provider.close()

    return asyncio.run(exchange())


def ask_reply(server: Server, body: dict[str, Any], **options: Any) -> Reply:
    outcome = ask(server, body, **options)
    assert isinstance(outcome, Reply), outcome
    return outcome


def ask_failure(server: Server, body: dict[str, Any], **options: Any) -> Failure:
    outcome = ask(server, body, **options)
    assert isinstance(outcome, Failure), outcome
    return outcome
