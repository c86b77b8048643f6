"""Why there is no reply: what servers and networks say, as `models.Failure`.

The fields of an error are taken from its body and its headers, never from the text of the
package's exceptions: that changed its form between versions.
"""

from __future__ import annotations

import errno
import math
import os
from typing import TYPE_CHECKING, Any, Literal

from promptrun.files.json import parse
from promptrun.models import Failure
from promptrun.providers.openai_chat.limits import read_limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from promptrun.providers.openai_chat.client import Client

LONGEST_MESSAGE = 4_000

# OpenAI's own, measured: each comes as a 429, and none of them passes by itself.
_QUOTA = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)
_SLOWER = frozenset({"rate_limit_exceeded", "slow_down", "server_is_overloaded"})
_PASSING_STATUS = frozenset({408, 409, 429})

_Kind = Literal["rate_limit", "quota", "auth", "status"]


class NoReply(Exception):
    """There is no reply; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def status_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """What a status other than 2xx means; `headers` have their names in lower case."""
    fields = _error_fields(_parsed(body))
    message = fields.get("message") or _plain_text(body)
    if 300 <= status < 400:
        message = f"the server redirects to `{headers.get('location', '')[:200]}`"
    failure = _failure(fields, message or f"the server answered with status {status}", status)
    if failure.kind in {"status", "rate_limit"} and headers.get("x-should-retry") in _TRUTH:
        failure = _with(failure, again=_TRUTH[headers["x-should-retry"]])
    return _with(
        failure,
        request_id=request_id(headers),
        retry_after=retry_after(headers) if failure.again else None,
        limits=read_limits(headers),
    )


_TRUTH = {"true": True, "false": False}


def event_failure(chunk: Any, headers: Mapping[str, str]) -> Failure | None:
    """The failure that an event or a body with status 200 tells of; None where it tells none."""
    if not isinstance(chunk, dict) or not (chunk.get("error") or chunk.get("object") == "error"):
        return None
    fields = _error_fields(chunk)
    failure = _failure(fields, fields.get("message") or "the server reports an error", None)
    again = failure.kind not in {"quota", "auth"}
    limits = read_limits(headers)
    return _with(failure, request_id=request_id(headers), again=again, limits=limits)


def _failure(fields: dict[str, Any], message: str, status: int | None) -> Failure:
    names = {_text(fields.get("code")), _text(fields.get("type"))} - {None}
    kind: _Kind = "status"
    if names & _QUOTA or status == 402:
        kind = "quota"
    elif status == 401 or (status == 403 and "model_not_found" not in names):
        kind = "auth"
    elif status == 429 or "rate_limit_exceeded" in names:
        kind = "rate_limit"
    passing = status in _PASSING_STATUS or (status or 0) >= 500 or bool(names & _SLOWER)
    return Failure(
        kind=kind,
        message=message[:LONGEST_MESSAGE],
        hint=_HINTS.get(kind) if not 300 <= (status or 0) < 400 else _REDIRECT_HINT,
        status=status,
        code=_text(fields.get("code")),
        type=_text(fields.get("type")),
        param=_text(fields.get("param")),
        again=passing and kind in {"rate_limit", "status"},
    )


_HINTS = {
    "auth": "check the key, and what its project may use",
    "quota": "add credit or raise the limit of the account",
}
_REDIRECT_HINT = (
    "a key stays with its host, so no redirect is followed: set `base_url` to the new one"
)


def protocol_failure(message: str, headers: Mapping[str, str], *, again: bool = False) -> Failure:
    """What came is not what the protocol says."""
    return Failure(
        kind="protocol",
        message=message,
        request_id=request_id(headers),
        again=again,
        limits=read_limits(headers),
    )


def broken_failure(error: BaseException, client: Client) -> Failure:
    """What an exception of the HTTP library means: nobody there, too slow, or broken off."""
    chain = list(causes(error))
    names = {name for link in chain for name in _class_names(link)}
    # The package takes an aiohttp that lost its server, or found none, for one that waited for it.
    aiohttp = "ClientError" in names
    if names & ({"ServerTimeoutError"} if aiohttp else {"ConnectTimeout", "PoolTimeout"}):
        seconds = f"{client.connect_timeout:g} seconds"
        message = f"`{client.host}` accepted no connection within {seconds}"
        return Failure(kind="timeout", message=message, again=True)
    if not aiohttp and "TimeoutException" in names:
        return Failure(kind="timeout", message=f"`{client.host}` sent nothing in time", again=True)
    reason = _reason(chain, names)
    if names & ({"ClientConnectorError"} if aiohttp else {"ConnectError", "ProxyError"}):
        hint = "is the server running, and is its address right?"
        message = f"cannot reach `{client.host}`: {reason}"
        return Failure(kind="connection", message=message, hint=hint, again=True)
    message = f"the connection to `{client.host}` broke: {reason}"
    return Failure(kind="connection", message=message, again=True)


def _reason(chain: list[BaseException], names: set[str]) -> str:
    """Why, in words that are the same for every HTTP library; `chain` is outermost first."""
    said = next(filter(None, map(_system_reason, reversed(chain))), "")
    if said:
        return said
    if "ClientPayloadError" in names and any("ConnectionResetError" in str(link) for link in chain):
        return os.strerror(errno.ECONNRESET)  # aiohttp tells of it in its text alone
    for name, words in _WORDS.items():
        if name in names:
            return words
    for link in chain:
        if "HttpProcessingError" in _class_names(link):
            # What stands behind the colon is what the server sent.
            told = " ".join(str(getattr(link, "message", "")).split()).partition(":")[0]
            return f"its answer is no HTTP that can be read ({told})"
    # httpx counts the bytes behind its reasons.
    return str(chain[-1]).partition(" (")[0].rstrip(".") or type(chain[-1]).__name__


_WORDS = {
    "ServerDisconnectedError": "Server disconnected without sending a response",
    "ClientPayloadError": "peer closed connection without sending complete message body",
}


def _system_reason(error: BaseException) -> str:
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)  # asyncio puts the address in place of the reason
    return (error.strerror or "") if isinstance(error, OSError) else ""


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what led to it, the outermost first."""
    for _ in range(20):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _class_names(error: BaseException) -> Iterator[str]:
    return (kind.__name__ for kind in type(error).__mro__)


def request_id(headers: Mapping[str, str]) -> str | None:
    """The name under which the server's owner finds this request."""
    found = headers.get("x-request-id") or headers.get("apim-request-id")
    return found[:200] if found else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait; None where it does not say, or nothing that parses."""
    exact = _seconds(headers.get("retry-after-ms"))
    if exact is not None:
        return exact / 1000
    said = headers.get("retry-after")
    seconds = _seconds(said)
    return seconds if seconds is not None or said is None else _until(said)


def _seconds(said: str | None) -> float | None:
    try:
        value = float(said or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _until(date: str) -> float | None:
    from email.utils import parsedate_to_datetime
    from time import time

    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time())
    except (ValueError, OverflowError, OSError):
        return None


def _parsed(body: bytes) -> Any:
    try:
        return parse(body.decode("utf-8"))
    except ValueError:
        return None


def _error_fields(data: Any) -> dict[str, Any]:
    """The fields of an error in the forms that compatible servers give it."""
    if isinstance(data, list) and data:
        data = data[0]
    if not isinstance(data, dict):
        return {}
    error = data.get("error", data)
    if isinstance(error, str):
        return {"message": error}
    if not isinstance(error, dict):
        return {}
    message = error.get("message") or error.get("detail")
    return {**error, "message": message if isinstance(message, str) else None}


def _plain_text(body: bytes) -> str:
    return " ".join(body[:2_000].decode("utf-8", "replace").split())[:300]


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value[:200]
    return str(value) if type(value) is int else None


def _with(failure: Failure, **fields: Any) -> Failure:
    from msgspec.structs import replace

    return replace(failure, **fields)
