"""Values of the record → rows of its tables, and the statements that take them."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from msgspec import json as fast_json
from msgspec import msgpack, to_builtins

from promptrun.errors import SpecError
from promptrun.runs.record import RecordedCase, RecordedReply, RecordError, RunMeta, RunTotals
from promptrun.runs.schema import MAX_VALUE_BYTES

if TYPE_CHECKING:
    from promptrun.models import Digests

Row = tuple[Any, ...]
"""The values of a row, in the order of its statement."""

BEGIN_RUN: Final = "INSERT INTO run (began, meta) VALUES (?, ?)"
END_RUN: Final = "UPDATE run SET ended = ?, state = ?, exit_code = ?, totals = ?"
REOPEN_RUN: Final = (
    "UPDATE run SET ended = NULL, state = NULL, exit_code = NULL, totals = NULL, meta = ?"
)
ADD_REPLY: Final = """INSERT INTO replies (
    case_id, prompt, settings, model, provider, role, ordinal, key, attempts, queued, first_piece,
    total, streamed, request_id, prompt_tokens, completion_tokens, cost, failure, raw
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
ADD_CASE: Final = """INSERT OR REPLACE INTO cases (
    id, spec, name, verdict, provider, causes, reason, prompt, settings, model, snapshot, warnings,
    notes, request, result
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
ADD_MEDIUM: Final = "INSERT OR IGNORE INTO media (sha256, type, data) VALUES (?, ?, ?)"

_INT64 = range(-(2**63), 2**63)


def _describe(value: Any) -> Any:
    """An error of a spec, as plain values; nothing else in a record needs it."""
    if isinstance(value, SpecError):
        return {"message": value.message, "location": value.location, "hint": value.hint}
    raise TypeError


_encode_fast = fast_json.Encoder(enc_hook=_describe).encode
_encode_binary = msgpack.Encoder(enc_hook=_describe).encode
_encode_any = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_ENDLESS = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")
"""A float in MessagePack that is infinite or no number; UTF-8 has no such bytes."""


def meta_row(meta: RunMeta) -> Row:
    """What stands in the one row of `run` from its beginning on, besides the time."""
    return (_json(meta, "the settings of the run"),)


def case_row(case: RecordedCase) -> Row:
    """The row of a case; RecordError where the case is too large or nested too deeply."""
    what = f"the case `{case.id}`"
    return _within_bounds(
        (
            _text(case.id),
            _text(case.spec),
            _text(case.case),
            case.verdict.value,
            _text(case.provider),
            _list(case.causes, what),
            _text(case.reason),
            *digest_values(case.digests),
            _text(case.snapshot),
            _list(case.warnings, what),
            _list(case.notes, what),
            None if case.request is None else _json(case.request, what),
            None if case.result is None else _json(case.result, what),
        ),
        what,
    )


def reply_row(said: RecordedReply) -> Row:
    """The row of a reply; RecordError where it is too large or nested too deeply."""
    what = f"a reply of `{said.case}`"
    reply, failure = said.reply, said.failure
    return _within_bounds(
        (
            _text(said.case),
            *digest_values(said.digests),
            _text(said.provider),
            said.role,
            said.ordinal,
            _text(said.key),
            said.attempts,
            said.queued,
            reply.timings.first_piece if reply else None,
            reply.timings.total if reply else None,
            reply.streamed if reply else None,
            _text(reply.request_id) if reply else None,
            _count(said.prompt_tokens),
            _count(said.completion_tokens),
            said.cost if said.cost is not None and isfinite(said.cost) else None,
            _json(failure, what) if failure else None,
            _json(reply.raw, what) if reply else None,
        ),
        what,
    )


def totals_text(totals: RunTotals) -> str:
    """What the run added up to, as the row of a run that has ended holds it."""
    return _encode_fast(totals).decode()


def digest_values(digests: Digests | None) -> Row:
    """The columns `prompt`, `settings` and `model`."""
    if digests is None:
        return None, None, None
    return _text(digests.prompt), _text(digests.settings), _text(digests.model)


def id_value(case_id: str) -> str | bytes | None:
    """The id of a case as the tables hold it."""
    return _text(case_id)


def size_of(row: Row) -> int:
    """How many characters and bytes a row holds."""
    size = 0
    for value in row:
        if type(value) is str or type(value) is bytes:
            size += len(value)
    return size


def _text(text: str | None) -> str | bytes | None:
    """SQLite's text is UTF-8: one with half of a surrogate pair goes in as bytes."""
    if text is None or text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _list(values: tuple[Any, ...], what: str) -> str | bytes | None:
    return _json(values, what) if values else "[]"


def _json(value: Any, what: str) -> str | bytes | None:
    """JSON text, Korean as Korean; a float without end stays what it is, as ``Infinity``."""
    try:
        # The fast encoder would write such a float as null, and says nothing.
        if not _ENDLESS.search(_encode_binary(value)):
            return _encode_fast(value).decode()
    except (UnicodeEncodeError, OverflowError, RecursionError):
        pass  # half a pair, an integer beyond 64 bits, or depth: the slow one knows some of them
    try:
        return _text(_encode_any(to_builtins(value, enc_hook=_describe)))
    except RecursionError:
        raise RecordError(f"{what} is not recorded: it is nested too deeply") from None


def _count(number: int | None) -> int | None:
    """A server may claim any number of tokens; what no column can hold is not known."""
    return number if number is not None and number in _INT64 else None


def _within_bounds(row: Row, what: str) -> Row:
    # A character is at most four bytes: only a text that may be too long is counted.
    if 4 * size_of(row) > MAX_VALUE_BYTES:
        texts = [value for value in row if isinstance(value, str | bytes)]
        size = sum(len(one if isinstance(one, bytes) else one.encode()) for one in texts)
        if size > MAX_VALUE_BYTES - 1024:  # what else a row takes
            limit = MAX_VALUE_BYTES // 2**20
            raise RecordError(f"{what} is not recorded: it is larger than {limit} MiB")
    return row
