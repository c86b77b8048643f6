"""Reading records, which may come from a stranger: an artifact of a CI job, a file from a forum."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Self, TypeVar

from promptrun.files.tree import FileProblem
from promptrun.runs.encode import digest_values, id_value
from promptrun.runs.figures import EVERYTHING, Figures, read_figures, read_ids
from promptrun.runs.opening import believing_nothing, check_whole, open_record
from promptrun.runs.rows import count_rows, read_case, read_info, read_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from sqlite3 import Connection
    from types import TracebackType

    from promptrun.models import Digests
    from promptrun.runs.record import RecordedCase, RecordedReply, RunInfo, RunTotals
    from promptrun.runs.rows import Row

_T = TypeVar("_T")

_REPLIES = "SELECT * FROM replies WHERE case_id = ? ORDER BY ordinal, rowid"
_REPLIES_TO = """SELECT * FROM replies
WHERE case_id = ? AND prompt = ? AND settings = ? AND model = ? ORDER BY ordinal, rowid"""


class RunReader:
    """An open record. It may be read while its run still writes it.

    Nothing in the file is believed: every call raises UsageError, with the file and a hint, for
    what no promptrun wrote. A reader serves one thread at a time; it is a context manager.
    """

    def __init__(self, path: Path) -> None:
        """Open a file of `find_records`, and check all of it: about a second a gigabyte."""
        self._path = path
        with believing_nothing(path):
            self._connection = open_record(path)
            try:
                check_whole(self._connection)
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; until then the record keeps the companions of one being written."""
        self._connection.close()

    @property
    def info(self) -> RunInfo:
        """What the list of runs says of this one, as it is now."""
        with believing_nothing(self._path):
            return _read_info(self._connection, self._path)

    def cases(self) -> Iterator[RecordedCase]:
        """What became of every case that has ended, in the order in which they did, as a stream."""
        with believing_nothing(self._path):
            for row in _rows(self._connection, "SELECT * FROM cases ORDER BY rowid"):
                yield read_case(row)

    def case_ids(self, targets: Sequence[str] = (EVERYTHING,)) -> Iterator[str]:
        """The ids of the cases below `targets` (as in `RunMeta.selection`), in the same order."""
        with believing_nothing(self._path):
            yield from read_ids(self._connection, targets)

    def has_case(self, case_id: str) -> bool:
        """Whether a case of this id has ended."""
        query = "SELECT 1 FROM cases WHERE id = ?"
        with believing_nothing(self._path):
            return self._connection.execute(query, (id_value(case_id),)).fetchone() is not None

    def figures(self, targets: Sequence[str] = (EVERYTHING,)) -> Figures:
        """What the cases below `targets` add up to so far."""
        with believing_nothing(self._path):
            return read_figures(self._connection, targets)

    def replies(self, case_id: str, digests: Digests | None = None) -> Iterator[RecordedReply]:
        """The replies and failures of a case, by their ordinals, as a stream.

        With `digests`, only those that answer such a request. A case that never ended has the
        replies that had come.
        """
        case = id_value(case_id)
        query, values = _REPLIES, (case,)
        if digests is not None:
            query, values = _REPLIES_TO, (case, *digest_values(digests))
        with believing_nothing(self._path):
            for row in _rows(self._connection, query, values):
                yield read_reply(row)

    def case(self, case_id: str) -> RecordedCase | None:
        """What became of one case; None where it never ended."""
        with believing_nothing(self._path):
            found = _rows(
                self._connection, "SELECT * FROM cases WHERE id = ?", (id_value(case_id),)
            )
            row = next(found, None)
            return None if row is None else read_case(row)

    def medium(self, sha256: str) -> tuple[str, bytes] | None:
        """The type and the bytes of an image that was kept; None where it was not."""
        query = "SELECT type, data FROM media WHERE sha256 = ?"
        with believing_nothing(self._path):
            row = self._connection.execute(query, (sha256,)).fetchone()
        match row:
            case (str() as kind, bytes() as data):
                return kind, data
        return None

    def medium_size(self, sha256: str) -> int | None:
        """How many bytes `medium` would give, which are not read for it."""
        query = "SELECT length(data) FROM media WHERE sha256 = ? AND typeof(data) = 'blob'"
        with believing_nothing(self._path):
            row = self._connection.execute(query, (sha256,)).fetchone()
        return None if row is None else int(row[0])


def look_at(path: Path, *, counted: bool = True) -> RunInfo:
    """What stands in a record about its run; UsageError where it is none.

    Only the beginning of the file is checked, so this stays cheap for a list of them; cheaper
    still where nobody asks how many cases have each verdict.
    """
    with believing_nothing(path), closing(open_record(path)) as connection:
        return _read_info(connection, path, counted=counted)


def count_totals(path: Path) -> RunTotals | None:
    """What the requests of a record add up to so far; UsageError where it is none.

    None where that takes longer than anybody would wait for one line of a list.
    """
    return _within_seconds(path, count_rows)


def figures_of(path: Path, targets: Sequence[str]) -> Figures | None:
    """The same of the cases below `targets`, with their verdicts and latencies."""
    return _within_seconds(path, lambda connection: read_figures(connection, targets))


def _within_seconds(path: Path, count: Callable[[Connection], _T]) -> _T | None:
    import sqlite3

    with believing_nothing(path), closing(open_record(path)) as connection:
        try:
            return count(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return None
            raise


def _read_info(connection: Connection, path: Path, *, counted: bool = True) -> RunInfo:
    row = next(_rows(connection, "SELECT * FROM run LIMIT 1"), None)
    if row is None:
        raise FileProblem("it names no run")
    query = "SELECT verdict, count(*) FROM cases GROUP BY verdict LIMIT 100"
    verdicts = connection.execute(query).fetchall() if counted else []
    return read_info(row, verdicts, path)


def _rows(connection: Connection, query: str, values: tuple[Any, ...] = ()) -> Iterator[Row]:
    found = connection.execute(query, values)
    names = [column[0] for column in found.description]
    for row in found:
        yield dict(zip(names, row, strict=True))
