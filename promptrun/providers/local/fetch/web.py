"""Reading from the web: pages, and downloads that go on where they stopped."""

from __future__ import annotations

import os
import re
import ssl
from http.client import HTTPException
from time import sleep
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.providers.base import OnProgress

TRIES = 3
"""How often in a row a connection may bring nothing."""

_CHUNK = 1 << 18
_LONGEST_PAGE = 16 << 20
_SILENCE = 30.0
_PAUSE = 0.5


class CutError(Exception):
    """The network or the server gave up; what was read until then is kept."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Page(NamedTuple):
    """What a server answered."""

    url: str
    """After redirects."""
    is_json: bool
    body: bytes


def read_page(url: str, accept: str) -> Page:
    """The page at an http or https address; CutError where it cannot be had."""
    response = _ask(_opener(), url, {"Accept": accept})
    with response:
        body = _read(response, _LONGEST_PAGE + 1)
        if len(body) > _LONGEST_PAGE:
            raise CutError("the page is too large")
        return Page(response.url, "json" in response.headers.get("Content-Type", ""), body)


def fetch_rest(url: str, part: Path, *, most: int, on_progress: OnProgress | None) -> None:
    """Bring `part` to the whole file at `url`, from its present end on.

    `on_progress` is told the bytes had and the bytes in all. Raises CutError where the server
    cannot be reached, refuses, or names more than `most` bytes, and OSError where `part` cannot be
    written. Whether the bytes are right is for the caller to find out.
    """
    opener = _opener()
    fruitless = 0
    while True:
        had = part.stat().st_size if part.exists() else 0
        try:
            _read_on(opener, url, part, had, most, on_progress)
        except CutError:
            got_on = part.exists() and part.stat().st_size > had
            fruitless = 0 if got_on else fruitless + 1
            if fruitless == TRIES:
                raise
            sleep(_PAUSE)
        else:
            return


def _read_on(
    opener: OpenerDirector,
    url: str,
    part: Path,
    had: int,
    most: int,
    on_progress: OnProgress | None,
) -> None:
    try:
        response = _ask(opener, url, {"Range": f"bytes={had}-"} if had else {})
    except CutError as error:
        if had and error.status == 416:
            # There is no more than that.
            return
        raise
    with response:
        done, total = _place(response, had)
        if total > most:
            raise CutError(f"the server names {total} bytes, and at most {most} are right")
        with part.open("ab" if done else "wb") as file:
            while chunk := _read(response, min(_CHUNK, most + 1 - done)):
                file.write(chunk)
                done += len(chunk)
                if on_progress is not None:
                    on_progress(done, max(total, done))
    if done < total:
        raise CutError(f"the connection ended after {done} of {total} bytes")


def _ask(opener: OpenerDirector, url: str, headers: dict[str, str]) -> Any:
    try:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise CutError("it lies at no address of the web")
        request = Request(url, headers={"Accept-Encoding": "identity", **headers})  # noqa: S310
        return opener.open(request, timeout=_SILENCE)
    except HTTPError as error:
        error.close()
        raise CutError(f"the server answers {error.code}", error.code) from None
    except (OSError, HTTPException, ValueError) as error:
        raise CutError(f"no connection: {getattr(error, 'reason', error)}") from None


def _place(response: Any, had: int) -> tuple[int, int]:
    """The first byte's position and the whole file's size; 0 for a size that is not told."""
    if response.status == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if span is None or int(span[1]) != had:
            raise CutError("the server sends another part than was asked for")
        return had, int(span[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else 0


def _read(response: Any, count: int) -> bytes:
    try:
        data: bytes = response.read(count)
    except (OSError, HTTPException) as error:
        raise CutError(f"the connection broke: {error}") from None
    return data


def _opener() -> OpenerDirector:
    # Built by hand: the usual one also opens `file:` and `ftp:`.
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(context=_certificates()),
        HTTPRedirectHandler(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _certificates() -> ssl.SSLContext:
    """The authorities that pip trusts, where a variable names them; else the system's."""
    named = os.environ.get("PIP_CERT") or os.environ.get("REQUESTS_CA_BUNDLE")
    try:
        if named and os.path.isdir(named):  # noqa: PTH112 - a text of the environment
            return ssl.create_default_context(capath=named)
        return ssl.create_default_context(cafile=named)
    except OSError as error:
        raise CutError(f"the certificates in `{named}` cannot be read: {error}") from None
