"""Rows of the tables → values of the record, checked as what comes from outside."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec import Struct, ValidationError, convert

from promptrun.errors import Location, SpecError
from promptrun.files.tree import FileProblem
from promptrun.protocol.completion import describe_misfit
from promptrun.runs.record import RecordedCase, RecordedReply, RunInfo, RunTotals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from sqlite3 import Connection

Row = dict[str, Any]
"""Column → value."""
_T = TypeVar("_T")


class _Mistake(Struct, frozen=True, kw_only=True):
    """A SpecError as it is written down."""

    message: str
    location: Location | None = None
    hint: str | None = None


# As the writer spells it: what sorts by its text must not be able to lie about its place.
_MOMENT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", re.ASCII)
_JSON = ("causes", "warnings", "notes", "request")
_DIGESTS = ("prompt", "settings", "model")
_COUNTS = range(-(2**63), 2**63)
"""What a whole number of ours can be; sums of such numbers can be written down."""
_FREE = {"raw", "body", "changes", "overrides", "settings"}
"""Fields that hold what others said, numbers of any size among it."""

# `sum` ends with an error where whole numbers grow too large; `total` never does.
SUMS: Final = """SELECT
    count(*) AS requests,
    count(failure) AS failures,
    CAST(total(attempts) AS INTEGER) AS attempts,
    iif(count(prompt_tokens), CAST(total(prompt_tokens) AS INTEGER), NULL) AS prompt_tokens,
    iif(count(completion_tokens), CAST(total(completion_tokens) AS INTEGER), NULL)
        AS completion_tokens,
    iif(count(cost), total(cost), NULL) AS cost"""
"""What rows of `replies` add up to, as the fields of RunTotals."""
MOST_SELECTED: Final = 10_000
"""Targets of one run; no writer names more."""
MOST_LETTERS: Final = 8_192
"""Characters of one of them."""


def read_info(row: Row, verdicts: Sequence[tuple[Any, int]], path: Path) -> RunInfo:
    """The row of `run`, and how many cases have each verdict; FileProblem for what is none."""
    for moment in (row["began"], row["ended"]):
        if isinstance(moment, str) and not _is_moment(moment):
            raise FileProblem("a row in it is none of a record: a time in it is none")
    info = _convert(
        {
            "id": path.stem,
            "path": path,
            "meta": _counted(row["meta"]),
            "began": row["began"],
            "ended": row["ended"],
            "state": row["state"],
            "exit_code": row["exit_code"],
            "verdicts": dict(verdicts),
            "totals": _read_totals(row),
        },
        RunInfo,
    )
    _check_selection(info.meta.selection if info.meta else ())
    return info


def _check_selection(selection: Sequence[str]) -> None:
    """Runs are found by these texts, each held against each."""
    if len(selection) > MOST_SELECTED:
        raise FileProblem(f"it was over more than {MOST_SELECTED:,} targets")
    if any(len(target) > MOST_LETTERS for target in selection):
        raise FileProblem(f"a target in it is longer than {MOST_LETTERS:,} characters")


def _is_moment(text: str) -> bool:
    from datetime import datetime

    try:
        return _MOMENT.fullmatch(text) is not None and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def count_rows(connection: Connection) -> RunTotals:
    """What the replies of an open record add up to; their sums are numbers, whatever they hold."""
    found = connection.execute(f"{SUMS} FROM replies")
    names = [column[0] for column in found.description]
    row = dict(zip(names, found.fetchone(), strict=True))
    if row["cost"] is not None:
        row["cost"] = round(row["cost"], 9) if isfinite(row["cost"]) else None
    return RunTotals(**row)


def read_case(row: Row) -> RecordedCase:
    """The case that `case_row` turned into `row`; FileProblem for what is none."""
    fields = ("verdict", "provider", "reason", "snapshot")
    case = _convert(
        {
            "spec": _string(row["spec"]),
            "case": _string(row["name"]),
            **{name: _string(row[name]) for name in fields},
            **{name: _value(row[name]) for name in _JSON},
            "result": _counted(row["result"]),
            "digests": None if row["prompt"] is None else _digests(row),
        },
        RecordedCase,
    )
    # Its replies are found by the id, so two cases of one id would each be told with all of them.
    told = case.id if case.result is None else case.result.id
    if not (_string(row["id"]) == case.id == told):
        raise FileProblem("a row in it is none of a record: it has the id of another case")
    return case


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


def _read_totals(row: Row) -> RunTotals | None:
    """What a run that has ended said of its sums; nobody relies on them but people."""
    value = _counted(row["totals"])
    totals = None if value is None else _convert(value, RunTotals)
    if totals and totals.cost is not None and not isfinite(totals.cost):
        raise FileProblem("its cost is no number")
    return totals


def _digests(row: Row) -> Row:
    return {name: _string(row[name]) for name in _DIGESTS}


def _string(value: Any) -> Any:
    """What `_text` was given; all else as it is, for `_convert` to refuse."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise FileProblem("a text in it is not UTF-8") from None


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


def _counted(text: Any) -> Any:
    """What `_value` gives, where every number of ours in it is one that can be counted with."""
    value = _value(text)
    left = [value]
    while left:
        one = left.pop()
        if type(one) is int and one not in _COUNTS:
            raise FileProblem("a row in it is none of a record: a number in it counts nothing")
        if isinstance(one, dict):
            left += [inner for name, inner in one.items() if name not in _FREE]
        elif isinstance(one, list):
            left += one
    return value


def _decode(kind: type, value: Any) -> Any:
    """An error of a spec, which the writer described; other values are what they are to be."""
    if kind is not SpecError:
        return value
    told = convert(value, _Mistake)
    return SpecError(told.message, location=told.location, hint=told.hint)


def _convert(fields: Row, kind: type[_T]) -> _T:
    try:
        return convert(fields, kind, dec_hook=_decode)
    except ValidationError as error:
        raise FileProblem(f"a row in it is none of a record: {error}") from None
