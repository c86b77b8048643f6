"""The HTTP client that the openai package is given: aiohttp where the package can use it.

aiohttp takes about half of the time that httpx takes for a request. The package brings its own
adapter from version 3 on, and uses the one of httpx-aiohttp from 1.89 on; before that, without
aiohttp, or where a proxy stands between, it is httpx, whose rules for proxies are kept.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

if TYPE_CHECKING:
    import ssl

LONGEST_HEADER = 64 * 1024
"""Bytes of one header; aiohttp by itself would refuse more than 8 KiB, and httpx takes more."""
KEEP_ALIVE = 5.0
"""Seconds that an idle connection is kept, as by the package: many servers close it then."""


class Hooks(Struct, frozen=True, kw_only=True):
    """What is awaited with each request before it is sent, and each response before it is read."""

    request: Callable[[Any], Awaitable[None]]
    response: Callable[[Any], Awaitable[None]]


def http_library(openai: Any) -> Any:
    """The module `httpx`, or `httpx2` from openai 3 on."""
    classes = openai.DefaultAsyncHttpxClient.__mro__
    base = next(kind for kind in classes if kind.__name__ == "AsyncClient")
    return sys.modules[base.__module__.partition(".")[0]]


def open_http(
    openai: Any, address: str, timeout: Any, hooks: Hooks
) -> tuple[Any, tuple[type[Exception], ...]]:
    """A client for `address` that follows no redirect, and all that it raises for a network.

    Raises ValueError, ImportError or OSError where the environment's proxy or certificates cannot
    be used. No server on this machine is reached through a proxy.
    """
    import ssl

    import anyio

    http = http_library(openai)
    url = urlsplit(address)
    trust_env = not _is_loopback(url.hostname or "")
    proxied = trust_env and _has_proxy()
    options = {
        "timeout": timeout,
        "follow_redirects": False,
        "trust_env": trust_env,
        "event_hooks": {"request": [hooks.request], "response": [hooks.response]},
    }
    # openai 3 lets the errors of sockets and of TLS through as they are.
    leaked = (OSError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)
    errors: tuple[type[Exception], ...] = (http.HTTPError, http.InvalidURL, *leaked)
    # Loading certificates takes as long as many requests; a context without any trusts nobody.
    secure = url.scheme == "https" or proxied
    verify = True if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    adapter = None if proxied else _find_adapter(openai)
    if adapter is None:
        # One connection for each request in flight, as many as are wanted.
        limits = http.Limits(max_connections=None, max_keepalive_connections=None)
        return openai.DefaultAsyncHttpxClient(**options, verify=verify, limits=limits), errors
    import aiohttp

    transport = adapter(verify=verify, trust_env=trust_env)
    transport.client = partial(_open_session, transport.ssl_context)
    # The adapter lets some of aiohttp's errors through as they are, too.
    errors = (*errors, aiohttp.ClientError)
    return openai.DefaultAioHttpClient(**options, transport=transport), errors


def _open_session(tls: ssl.SSLContext) -> Any:
    import aiohttp

    # No bound on connections: there is one for each request in flight.
    connector = aiohttp.TCPConnector(ssl=tls, limit=0, keepalive_timeout=KEEP_ALIVE)
    return aiohttp.ClientSession(
        connector=connector,
        # A cookie would be a header that the settings do not name.
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
    )


def _find_adapter(openai: Any) -> Any:
    """The class that brings aiohttp under the package's HTTP library; None where there is none.

    It stands beside the client of it that the package is built on.
    """
    for kind in getattr(openai, "DefaultAioHttpClient", object).__mro__:
        package = sys.modules.get(kind.__module__.rpartition(".")[0])
        adapter = getattr(package, "AiohttpTransport", None)
        if adapter is not None:
            return adapter
    return None


def _has_proxy() -> bool:
    from urllib.request import getproxies

    return any(name in {"http", "https", "all"} for name in getproxies())


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
