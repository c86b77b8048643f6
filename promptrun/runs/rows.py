"""Values of the record ↔ rows of its tables; what is read is checked as text from outside."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import ValidationError, convert, to_builtins

from promptrun.files.tree import FileProblem
from promptrun.protocol.completion import describe_misfit
from promptrun.runs.record import RecordedCase, RecordedReply, RecordError, RunInfo, RunMeta
from promptrun.runs.schema import MAX_VALUE_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from promptrun.models import Digests

Row = dict[str, Any]
"""Column → value."""
_T = TypeVar("_T")

_DIGESTS = ("prompt", "settings", "model")
_INT64 = range(-(2**63), 2**63)


def meta_row(meta: RunMeta, began: str) -> Row:
    """The one row of `run`, as it stands until the run ends."""
    return {"began": began, "meta": _json(meta, "the settings of the run")}


def case_row(case: RecordedCase) -> Row:
    """The row of a case; RecordError where the case is too large or nested too deeply."""
    what = f"the case `{case.id}`"
    row = {
        "id": _text(case.id),
        "spec": _text(case.spec),
        "name": _text(case.case),
        "verdict": case.verdict.value,
        "provider": _text(case.provider),
        "causes": _json(case.causes, what),
        "reason": _text(case.reason),
        **digest_columns(case.digests),
        "snapshot": _text(case.snapshot),
        "warnings": _json(case.warnings, what),
        "notes": _json(case.notes, what),
        "request": None if case.request is None else _json(case.request, what),
    }
    return _within_bounds(row, what)


def reply_row(said: RecordedReply) -> Row:
    """The row of a reply; RecordError where it is too large or nested too deeply."""
    what = f"a reply of `{said.case}`"
    reply, failure = said.reply, said.failure
    row = {
        "case_id": _text(said.case),
        **digest_columns(said.digests),
        "provider": said.provider,
        "role": said.role,
        "ordinal": said.ordinal,
        "key": _text(said.key),
        "attempts": said.attempts,
        "queued": said.queued,
        "first_piece": reply.timings.first_piece if reply else None,
        "total": reply.timings.total if reply else None,
        "streamed": reply.streamed if reply else None,
        "request_id": _text(reply.request_id) if reply else None,
        "prompt_tokens": _count(said.prompt_tokens),
        "completion_tokens": _count(said.completion_tokens),
        "cost": said.cost,
        "failure": _json(failure, what) if failure else None,
        "raw": _json(reply.raw, what) if reply else None,
    }
    return _within_bounds(row, what)


def digest_columns(digests: Digests | None) -> Row:
    """The columns `prompt`, `settings` and `model`."""
    return {name: _text(getattr(digests, name, None)) for name in _DIGESTS}


def id_column(case_id: str) -> str | bytes | None:
    """The id of a case as the tables hold it."""
    return _text(case_id)


def read_info(row: Row, verdicts: Sequence[tuple[Any, int]], path: Path) -> RunInfo:
    """The row of `run`, and how many cases have each verdict; FileProblem for what is none."""
    return _convert(
        {
            "id": path.stem,
            "path": path,
            "meta": _value(row["meta"]),
            "began": row["began"],
            "ended": row["ended"],
            "state": row["state"],
            "exit_code": row["exit_code"],
            "verdicts": dict(verdicts),
        },
        RunInfo,
    )


def read_case(row: Row) -> RecordedCase:
    """The case that `case_row` turned into `row`; FileProblem for what is none."""
    fields = ("verdict", "provider", "reason", "snapshot")
    return _convert(
        {
            "spec": _string(row["spec"]),
            "case": _string(row["name"]),
            **{name: _string(row[name]) for name in fields},
            **{name: _value(row[name]) for name in ("causes", "warnings", "notes", "request")},
            "digests": None if row["prompt"] is None else _digests(row),
        },
        RecordedCase,
    )


def read_reply(row: Row) -> RecordedReply:
    """The reply that `reply_row` turned into `row`; FileProblem for what is none."""
    plain = ("role", "ordinal", "attempts", "queued", "prompt_tokens", "completion_tokens", "cost")
    reply = row["raw"] and {
        "raw": _value(row["raw"]),
        "timings": {"total": row["total"], "first_piece": row["first_piece"]},
        "request_id": _string(row["request_id"]),
        "streamed": {0: False, 1: True}.get(row["streamed"]),
    }
    said = _convert(
        {
            "case": _string(row["case_id"]),
            "digests": _digests(row),
            "key": _string(row["key"]),
            "provider": _string(row["provider"]),
            "reply": reply,
            "failure": _value(row["failure"]),
            **{name: row[name] for name in plain},
        },
        RecordedReply,
    )
    problem = _misfit(said)
    if problem:
        raise FileProblem(f"a row in it is none of a record: {problem}")
    return said


def _misfit(said: RecordedReply) -> str | None:
    """What no provider's answer is, though its types are right."""
    if (said.reply is None) is (said.failure is None):
        return "it has not exactly one of a reply and a failure"
    if said.attempts < 1 or said.ordinal < 0:
        return "its numbers count nothing"
    times = [said.queued]
    if said.reply:
        times += [said.reply.timings.total, said.reply.timings.first_piece]
    if not all(time is None or (isfinite(time) and time >= 0) for time in times):
        return "a time in it is none"
    if said.cost is not None and not isfinite(said.cost):
        return "its cost is no number"
    return describe_misfit(said.reply.raw) if said.reply else None


def _digests(row: Row) -> Row:
    return {name: _string(row[name]) for name in _DIGESTS}


def _text(text: str | None) -> str | bytes | None:
    """SQLite's text is UTF-8: one with half of a surrogate pair goes in as bytes."""
    if text is None or text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _string(value: Any) -> Any:
    """What `_text` was given; all else as it is, for `_convert` to refuse."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise FileProblem("a text in it is not UTF-8") from None


def _json(value: Any, what: str) -> str | bytes | None:
    try:
        return _text(json.dumps(to_builtins(value), ensure_ascii=False, separators=(",", ":")))
    except RecursionError:
        raise RecordError(f"{what} is not recorded: it is nested too deeply") from None


def _value(text: Any) -> Any:
    if text is None:
        return None
    text = _string(text)
    if not isinstance(text, str):
        raise FileProblem("a column of JSON holds a number")
    try:
        # Not `files.json.parse`: a server may send 1e400, which is written down as Infinity.
        return json.loads(text)
    except (ValueError, RecursionError):
        raise FileProblem("a column holds no JSON, or JSON that is nested too deeply") from None


def _count(number: int | None) -> int | None:
    """A server may claim any number of tokens; what no column can hold is not known."""
    return number if number is not None and number in _INT64 else None


def _within_bounds(row: Row, what: str) -> Row:
    # A character is at most four bytes: only a text that may be too long is counted.
    texts = [value for value in row.values() if isinstance(value, str | bytes)]
    if 4 * sum(map(len, texts)) > MAX_VALUE_BYTES:
        size = sum(len(one if isinstance(one, bytes) else one.encode()) for one in texts)
        if size > MAX_VALUE_BYTES - 1024:  # what else a row takes
            limit = MAX_VALUE_BYTES // 2**20
            raise RecordError(f"{what} is not recorded: it is larger than {limit} MiB")
    return row


def _convert(fields: Row, kind: type[_T]) -> _T:
    try:
        return convert(fields, kind)
    except ValidationError as error:
        raise FileProblem(f"a row in it is none of a record: {error}") from None
