"""Where requests go; this table is the one place that names the providers.

Importing it imports no engine: each row's module, and the packages below it, are loaded when a
request is about to be sent.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.models import Request, Server
    from promptrun.providers.base import OnProgress, Provider

_PROVIDERS = {
    "openai": "promptrun.providers.openai_chat:OpenAIChat",
    "azure": "promptrun.providers.openai_chat:OpenAIChat",
    "local": "promptrun.providers.local.model:LocalModel",
}


_LIMITS = {"local": "promptrun.providers.local.limits:unsupported"}
"""For the kinds of server that cannot serve every request: what says why not."""


def open_provider(server: Server, *, on_progress: OnProgress | None = None) -> Provider:
    """The provider for `server`, not opened yet: nothing is sent and nothing is started.

    `on_progress` is told the bytes had and the bytes in all while opening fetches something.
    """
    factory: Callable[..., Provider] = _load(_PROVIDERS[server.kind])
    return factory(server, on_progress) if server.kind == "local" else factory(server)


def unsupported(provider: str, request: Request) -> str | None:
    """Why the provider of that name cannot serve a request; None where it can be asked."""
    if provider not in _LIMITS:
        return None
    find_reason: Callable[[Request], str | None] = _load(_LIMITS[provider])
    return find_reason(request)


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
