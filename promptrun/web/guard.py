"""Who may ask: the browser that was given the address, from the very page that it got here.

Every site that is open in the same browser can send requests to the loopback interface, and every
program of the machine can. So each request has to prove itself:

- `Host` is this server's own, or a name that somebody else resolves to this address is used;
- it does not come from a page of another origin (`Sec-Fetch-Site`, `Origin`);
- it knows the token of the address, or has the cookie that was given for it;
- what changes something names the secret of the page as well, and is sent by a page of our own.
"""

from __future__ import annotations

from secrets import compare_digest, token_urlsafe
from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY: Final = 16 * 1024
"""Bytes of a request: an order names a filter, and no list of changes."""
PAGE_HEADER: Final = "X-Promptrun-Page"
"""Names the secret of the page."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_GO_ON: Final = (
    '<!DOCTYPE html><title>promptrun</title><meta http-equiv="refresh" content="0;url=/">'
)
_OWN_SITES: Final = {"", "none", "same-origin"}
"""What `Sec-Fetch-Site` may say: nothing, typed or opened by a program, from a page of ours."""


class Guard:
    """An ASGI application around another one, which only sees requests that may be answered."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        refuse: Callable[[Request, int, str], Response],
    ) -> None:
        """`refuse` makes the answer to a request that is not let through, from status and words."""
        self._app = app
        self._refuse = refuse
        self._hosts = _own_hosts(host, port)
        self._cookie = f"promptrun-{port}"
        self._pass = token_urlsafe(32)
        """What the cookie holds. Whoever reads it in a browser does not know the address by it."""
        self.token = token_urlsafe(32)
        """Opens the pages, as often as the address is followed."""
        self.secret = token_urlsafe(32)
        """Stands in the pages, and in each request that changes something."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through to the application."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        answer = self._check(request) or self._open(request)
        await (answer or self._app)(scope, receive, _with_headers(send))

    def _check(self, request: Request) -> Response | None:
        """The refusal of a request that no page of ours sends, whatever it knows."""
        if request.headers.get("host", "").lower() not in self._hosts:
            return self._turn_away(request, 400, "this address is not the one of the review")
        is_entry = request.url.path == "/" and "token" in request.query_params
        if request.headers.get("sec-fetch-site", "") not in _OWN_SITES and not is_entry:
            return self._turn_away(request, 403, "another site may ask for nothing here")
        if request.method not in {"GET", "HEAD", "POST"}:
            return self._turn_away(request, 405, "there is only GET, HEAD and POST")
        return None

    def _open(self, request: Request) -> Response | None:
        """The way in with the token of the address; a refusal of whoever has none."""
        given = request.query_params.get("token", "")
        if request.method == "GET" and request.url.path == "/" and given:
            return self._enter(request) if _same(given, self.token) else self._lock_out(request)
        if not _same(request.cookies.get(self._cookie, ""), self._pass):
            return self._lock_out(request)
        return self._check_order(request) if request.method == "POST" else None

    def _check_order(self, request: Request) -> Response | None:
        headers = request.headers
        if headers.get("origin", "").lower() != f"http://{headers['host'].lower()}":
            return self._refuse(request, 403, "another site may change nothing here")
        if not _same(headers.get(PAGE_HEADER, ""), self.secret):
            return self._refuse(request, 403, "this page is of another review: load it again")
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return self._refuse(request, 415, "the request is no JSON")
        length = headers.get("content-length", "")
        if not length.isdecimal() or "transfer-encoding" in headers:
            return self._refuse(request, 411, "the request does not say how long it is")
        if len(length) > 9 or int(length) > MAX_BODY:
            return self._refuse(request, 413, f"the request is longer than {MAX_BODY:,} bytes")
        return None

    def _enter(self, request: Request) -> Response:
        answer: Response
        if request.headers.get("sec-fetch-site", "") in _OWN_SITES:
            answer = RedirectResponse("/", 303)
        else:
            # Behind a link of another site, such as a terminal in the browser, the cookie would
            # not be sent with a redirect: it has to be a page of ours that goes on.
            answer = Response(_GO_ON, media_type="text/html")
        answer.set_cookie(self._cookie, self._pass, path="/", httponly=True, samesite="strict")
        return answer

    def _lock_out(self, request: Request) -> Response:
        return self._turn_away(
            request, 403, "open the address that `promptrun review --web` shows in the terminal"
        )

    def _turn_away(self, request: Request, status: int, words: str) -> Response:
        """The refusal of a stranger, who gets one answer of a connection, and no second one."""
        answer = self._refuse(request, status, words)
        answer.headers["Connection"] = "close"
        return answer


def _own_hosts(host: str, port: int) -> frozenset[str]:
    """What a browser calls this server; a tunnel to the usual address has other names for it."""
    names = ("127.0.0.1", "localhost", "[::1]") if host == "127.0.0.1" else (host,)
    # A browser leaves out the usual port.
    bare = names if port == 80 else ()
    return frozenset([*(f"{name}:{port}" for name in names), *bare])


def _same(given: str, right: str) -> bool:
    """Compared in a time that says nothing about how much of it is right."""
    return compare_digest(given.encode("utf-8", "surrogateescape"), right.encode())


def _with_headers(send: Send) -> Send:
    """Every answer keeps the rules of the house; one that sets a rule of its own keeps that."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
