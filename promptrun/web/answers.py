"""Answers of the server: pages, JSON, the package's own files, and errors in plain words."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from promptrun.reports.style import visible
from promptrun.web import pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec import DecodeError
    from starlette.exceptions import HTTPException
    from starlette.requests import Request


def page(text: str, status: int = 200) -> Response:
    """A page; half of a surrogate pair, which nothing can send, is shown as it is written."""
    return Response(_encode(text), status, media_type="text/html")


def as_json(values: Mapping[str, Any], status: int = 200) -> Response:
    """What the script asked for."""
    text = json.dumps(values, ensure_ascii=False)
    return Response(_encode(text), status, media_type="application/json")


def own_file(text: str, media_type: str) -> Response:
    """A style or a script of the package."""
    return Response(_encode(text), media_type=media_type)


def refuse(request: Request, status: int, words: str, hint: str | None = None) -> Response:
    """Why there is no answer: as JSON for the script, as a page for a person."""
    if "application/json" in request.headers.get("accept", ""):
        hinted = None if hint is None else visible(hint)
        return as_json({"error": visible(words), "hint": hinted}, status)
    return page(pages.write_refusal(status, words, hint), status)


async def tell_http(request: Request, error: HTTPException) -> Response:
    """An address that there is not, and a method that it does not take."""
    words = {404: "there is nothing at this address", 405: "this address takes another method"}
    answer = refuse(request, error.status_code, words.get(error.status_code, error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def tell_malformed(request: Request, error: DecodeError) -> Response:
    """A request that no page of ours sends."""
    return refuse(request, 400, f"the request cannot be read: {error}")


async def tell_bug(request: Request, error: Exception) -> Response:
    """A fault of our own: where it is, and nothing of the traceback."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    words = f"internal error in {place}: {type(error).__name__}: {error}; please report it"
    return refuse(request, 500, words)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
