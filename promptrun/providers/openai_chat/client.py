"""The openai package, held to one resolved server: what it sends, where to, and what it follows.

The package reads a dozen environment variables by itself, and its HTTP library follows redirects
with Azure's key still on. Here everything comes from the `Server`: headers are built from it alone,
no redirect is followed, and no server on this machine is reached through a proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from promptrun.models import Failure
from promptrun.providers.openai_chat.transport import Hooks, http_library, open_http

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from promptrun.models import Server

OFFICIAL = "https://api.openai.com/v1"

_KEPT_HEADERS = frozenset(
    {b"host", b"connection", b"user-agent", b"accept", b"content-type", b"content-length"}
)
"""What HTTP itself needs; all else that the package adds tells of the machine or its variables."""


class Client(Struct, frozen=True, kw_only=True):
    """The package's client, and what it takes to use it in every version."""

    sdk: Any
    """An ``AsyncOpenAI``."""
    response_class: type
    """The ``Response`` of httpx, or of httpx2 from openai 3 on."""
    stream_class: type
    options: dict[str, Any]
    """Of each request: the package makes anew what is not given."""
    errors: tuple[type[Exception], ...]
    """All that the package and the libraries below it raise when a network or a server fails."""
    host: str
    """``http://127.0.0.1:8080``, for messages."""
    connect_timeout: float
    """Seconds until the server accepts a connection, for messages."""


def build_client(server: Server, on_response: Callable[[Any], Awaitable[None]]) -> Client | Failure:
    """The client for `server`; a Failure of kind ``setup`` where its settings cannot work.

    `on_response` is awaited with each response before its body is read, and may raise.
    """
    address = server.base_url or OFFICIAL
    problem = _problem(server, address)
    if problem:
        return Failure(kind="setup", message=problem)
    try:
        import openai
    except ImportError as error:
        hint = "install it: pip install 'openai>=1.40.6,<4'"
        message = f"the package `openai` cannot be imported: {error}"
        return Failure(kind="setup", message=message, hint=hint)
    http = http_library(openai)
    connect = min(server.timeout, server.connect_timeout)
    # All that comes after connecting is timed around the whole exchange.
    timeout = http.Timeout(None, connect=connect, pool=connect)
    hooks = Hooks(request=_hold_headers(http, server), response=on_response)
    try:
        http_client, http_errors = open_http(openai, address, timeout, hooks)
    except (ValueError, ImportError, OSError) as error:
        hint = "look at HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and SSL_CERT_FILE"
        message = f"the proxy or the certificates of the environment cannot be used: {error}"
        return Failure(kind="setup", message=message, hint=hint)
    return Client(
        sdk=_sdk_client(openai, server, address, timeout, http_client),
        response_class=http.Response,
        stream_class=openai.AsyncStream,
        options={"headers": {}, "max_retries": 0, "timeout": timeout},
        errors=(openai.OpenAIError, *http_errors),
        host=_origin(address),
        connect_timeout=connect,
    )


def _hold_headers(http: Any, server: Server) -> Callable[[Any], Awaitable[None]]:
    identity = http.Headers(_identity(server)).raw

    async def hold_headers(request: Any) -> None:
        kept = [pair for pair in request.headers.raw if pair[0].lower() in _KEPT_HEADERS]
        request.headers = http.Headers([*kept, *identity])

    return hold_headers


def _sdk_client(openai: Any, server: Server, address: str, timeout: Any, http_client: Any) -> Any:
    # A value for each of these keeps the package from looking into the environment; the headers
    # that they lead to are replaced on the way out.
    given = {
        "api_key": server.api_key or "none",
        "organization": server.organization or "",
        "project": server.project or "",
        "timeout": timeout,
        "max_retries": 0,
        "http_client": http_client,
    }
    if server.kind == "azure":
        azure = {"azure_endpoint": address.rstrip("/"), "api_version": server.api_version}
        sdk = openai.AsyncAzureOpenAI(**given, **azure)
    else:
        sdk = openai.AsyncOpenAI(**given, base_url=address)
    return _with_few_headers(openai, sdk)


def _with_few_headers(openai: Any, sdk: Any) -> Any:
    """The client without most of the headers that `_hold_headers` drops or sets anew.

    To make them, and to carry them that far, takes a twentieth of a request's time.
    """
    omit = getattr(openai, "Omit", None)  # older versions do not export it
    if omit is None:
        return sdk
    # Without the one that holds a key the package would send nothing.
    owned = ("x-stainless-", "openai-")
    names = [name for name in sdk.default_headers if name.lower().startswith(owned)]
    return sdk.with_options(default_headers=dict.fromkeys(names, omit()))


def _identity(server: Server) -> dict[str, str]:
    # Replies are small, and an encoded one could unfold to any size in a single read.
    headers = {"accept-encoding": "identity"}
    if server.api_key and server.kind == "azure":
        headers["api-key"] = server.api_key
    elif server.api_key:
        headers["authorization"] = f"Bearer {server.api_key}"
    if server.organization:
        headers["openai-organization"] = server.organization
    if server.project:
        headers["openai-project"] = server.project
    return headers


def _problem(server: Server, address: str) -> str | None:
    for name in ("api_key", "organization", "project", "api_version"):
        value = getattr(server, name)
        # Said here without its value: the HTTP library would show a bad header, key and all.
        if value and not (value.isascii() and value.isprintable() and " " not in value):
            return f"`{name}` holds a space, a line end or a character that no header may hold"
    if server.kind == "azure" and not (server.base_url and server.api_version):
        return "Azure needs its endpoint as `base_url`, and an `api_version`"
    try:
        url = urlsplit(address)
        usable = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    return None if usable else f"`{address}` is no address of a server"


def _origin(address: str) -> str:
    url = urlsplit(address)
    host = url.netloc.rpartition("@")[2]
    return f"{url.scheme}://{host}"
