"""What the cases of a record add up to, counted by SQLite: all of them, or some targets' alone."""

# ruff: noqa: S608 - the statements are put together from this module's own constants

from __future__ import annotations

import json
import re
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, ValidationError, convert

from promptrun.files.tree import FileProblem
from promptrun.models import Verdict
from promptrun.runs.record import RunTotals
from promptrun.runs.rows import SUMS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from sqlite3 import Connection

EVERYTHING: Final = "."
"""The target that holds every case."""
_HIGHEST = "\U0010ffff"
_ENDS = re.compile("/|::")
"""Where the name of an outer target may end."""
_MOST_LEVELS = 200
_MOST_VERDICTS = 100
_MOST: Final = 1e15
"""Of tokens and of dollars: what a record claims beyond that is none of them."""

# Ids that hold half of a surrogate pair are bytes, which sort behind all texts.
_WANTED: Final = """WITH texts AS (
    SELECT json_extract(value, '$[0]') AS low, json_extract(value, '$[1]') AS high
    FROM json_each(?)
), wanted AS (
    SELECT low, high FROM texts
    UNION ALL SELECT CAST(low AS BLOB), CAST(high AS BLOB) FROM texts
)"""
_IDS: Final = f"""{_WANTED}
SELECT id FROM wanted CROSS JOIN cases ON id >= low AND id < high ORDER BY cases.rowid"""
_VERDICTS: Final = f"""{_WANTED}
SELECT verdict, count(*) FROM wanted CROSS JOIN cases ON id >= low AND id < high
GROUP BY verdict LIMIT {_MOST_VERDICTS}"""
_REPLIES: Final = f"""{_WANTED}
SELECT replies.* FROM wanted CROSS JOIN replies ON case_id >= low AND case_id < high"""
# A record may hold anything: what is no time is left out.
_TIMES: Final = f"""SELECT total FROM ({_REPLIES})
WHERE role <> 'judge' AND typeof(total) IN ('real', 'integer') AND total BETWEEN 0 AND 1e9
ORDER BY total"""
_COUNT_TIMES: Final = f"SELECT count(*) FROM ({_TIMES})"
_TOTALS: Final = f"{SUMS} FROM ({_REPLIES})"


class Figures(Struct, frozen=True, kw_only=True):
    """What the cases of one run add up to."""

    verdicts: dict[Verdict, int]
    """How many cases have each."""
    totals: RunTotals
    """Of every request that was sent for them, those to judges too."""
    timed: int
    """Replies to the cases; the next two are of their latencies."""
    median: float | None
    """Seconds; None where no reply came. So is the next one."""
    p95: float | None
    """95 % of the replies came within this time."""


def narrow(targets: Iterable[str]) -> tuple[str, ...]:
    """The targets without those that lie in another one, so that no case counts twice."""
    once = sorted(set(targets))
    if EVERYTHING in once:
        return (EVERYTHING,)
    return tuple(
        one for one in once if not any(holds(other, one) for other in once if other != one)
    )


def holds(outer: str, inner: str) -> bool:
    """Whether a target is `inner` or something that `inner` lies in: a folder, a spec, a case."""
    if outer in {EVERYTHING, inner}:
        return True
    return inner.startswith((f"{outer}/", f"{outer}::"))


def meet(some: Collection[str], others: Collection[str]) -> bool:
    """Whether two lists of targets share anything: one of either is or holds one of the other."""
    return _reach(some, set(others)) or _reach(others, set(some))


def _reach(inner: Collection[str], outer: set[str]) -> bool:
    return any(around in outer for target in inner for around in _targets_around(target))


def _targets_around(target: str) -> Iterator[str]:
    """The target itself, and those that hold it, the outermost `_MOST_LEVELS` of them."""
    yield EVERYTHING
    yield target
    for end in islice(_ENDS.finditer(target), _MOST_LEVELS):
        yield target[: end.start()]


def read_figures(connection: Connection, targets: Sequence[str]) -> Figures:
    """The figures of the cases below `targets`, spelled as `RunMeta.selection` is.

    FileProblem for what no promptrun wrote. What the memory holds does not grow with the cases.
    """
    wanted = _wanted(targets)
    verdicts = dict(connection.execute(_VERDICTS, (wanted,)).fetchall())
    (timed,) = connection.execute(_COUNT_TIMES, (wanted,)).fetchone()
    low, high = (timed - 1) // 2, timed // 2
    slow = ceil(0.95 * timed) - 1
    at = _pick(connection.execute(_TIMES, (wanted,)), {low, high, slow}) if timed else {}
    fields = {
        "verdicts": verdicts,
        "totals": _add_up(connection, wanted),
        "timed": timed,
        "median": (at[low] + at[high]) / 2 if timed else None,
        "p95": at[slow] if timed else None,
    }
    try:
        return convert(fields, Figures)
    except ValidationError as error:
        raise FileProblem(f"a row in it is none of a record: {error}") from None


def read_ids(connection: Connection, targets: Sequence[str]) -> Iterator[str]:
    """The ids of the cases below `targets`, in the order in which they ended, as a stream.

    FileProblem for what no promptrun wrote.
    """
    for (case_id,) in connection.execute(_IDS, (_wanted(targets),)):
        text = case_id
        if isinstance(case_id, bytes):
            try:
                text = case_id.decode("utf-8", "surrogatepass")
            except UnicodeDecodeError:
                raise FileProblem("a text in it is not UTF-8") from None
        yield text


def _wanted(targets: Iterable[str]) -> str:
    """The stretches of ids that `targets` hold, as JSON: from the first one, up to the second."""
    stretches: list[tuple[str, str]] = []
    for one in narrow(targets):
        if one == EVERYTHING:
            stretches.append(("", _HIGHEST))
            continue
        # The sign behind each end of a name is the last one's successor.
        stretches += [(f"{one}/", f"{one}0"), (f"{one}::", f"{one}:;")]
        if "::" in one:
            stretches.append((one, f"{one}\x01"))
    return json.dumps(stretches)


def _add_up(connection: Connection, wanted: str) -> dict[str, Any]:
    """The fields of RunTotals; a sum that no requests can have is not known."""
    found = connection.execute(_TOTALS, (wanted,))
    names = [column[0] for column in found.description]
    row = dict(zip(names, found.fetchone(), strict=True))
    for name in ("prompt_tokens", "completion_tokens", "cost"):
        if row[name] is not None and not 0 <= row[name] <= _MOST:
            row[name] = None
    return row | {"cost": None if row["cost"] is None else round(row["cost"], 9)}


def _pick(rows: Iterable[tuple[float]], places: set[int]) -> dict[int, float]:
    """The values at some places of a stream, which is not read further than that."""
    found: dict[int, float] = {}
    for place, (value,) in enumerate(rows):
        if place in places:
            found[place] = value
            if len(found) == len(places):
                break
    return found
