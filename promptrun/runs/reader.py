"""Reading records, which may come from a stranger: an artifact of a CI job, a file from a forum."""

from __future__ import annotations

from contextlib import closing, contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, TypeVar

from promptrun.errors import UsageError
from promptrun.files.tree import FileProblem
from promptrun.runs.encode import digest_values, id_value
from promptrun.runs.figures import EVERYTHING, Figures, read_figures, read_ids
from promptrun.runs.place import SHOWN, check_file
from promptrun.runs.rows import count_rows, read_case, read_info, read_reply
from promptrun.runs.schema import (
    APPLICATION,
    FORMAT,
    MAX_VALUE_BYTES,
    PAGE_BYTES,
    expected_schema,
    read_schema,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from sqlite3 import Connection
    from types import TracebackType

    from promptrun.models import Digests
    from promptrun.runs.record import RecordedCase, RecordedReply, RunInfo, RunTotals
    from promptrun.runs.rows import Row

_T = TypeVar("_T")

_PAGES = 2**26
"""256 GiB: what SQLite keeps in memory about the pages of a file stays below 8 MiB."""
_SECONDS = 2.0
"""For the first look at a file, whose trees may be knotted to have no end."""
_MOST_SQL_BYTES = 20_000

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
        with _believing_nothing(path):
            self._connection = _open(path)
            try:
                _check_whole(self._connection)
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
        with _believing_nothing(self._path):
            return _read_info(self._connection, self._path)

    def cases(self) -> Iterator[RecordedCase]:
        """What became of every case that has ended, in the order in which they did, as a stream."""
        with _believing_nothing(self._path):
            for row in _rows(self._connection, "SELECT * FROM cases ORDER BY rowid"):
                yield read_case(row)

    def case_ids(self, targets: Sequence[str] = (EVERYTHING,)) -> Iterator[str]:
        """The ids of the cases below `targets` (as in `RunMeta.selection`), in the same order."""
        with _believing_nothing(self._path):
            yield from read_ids(self._connection, targets)

    def has_case(self, case_id: str) -> bool:
        """Whether a case of this id has ended."""
        query = "SELECT 1 FROM cases WHERE id = ?"
        with _believing_nothing(self._path):
            return self._connection.execute(query, (id_value(case_id),)).fetchone() is not None

    def figures(self, targets: Sequence[str] = (EVERYTHING,)) -> Figures:
        """What the cases below `targets` add up to so far."""
        with _believing_nothing(self._path):
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
        with _believing_nothing(self._path):
            for row in _rows(self._connection, query, values):
                yield read_reply(row)

    def case(self, case_id: str) -> RecordedCase | None:
        """What became of one case; None where it never ended."""
        with _believing_nothing(self._path):
            found = _rows(
                self._connection, "SELECT * FROM cases WHERE id = ?", (id_value(case_id),)
            )
            row = next(found, None)
            return None if row is None else read_case(row)

    def medium(self, sha256: str) -> tuple[str, bytes] | None:
        """The type and the bytes of an image that was kept; None where it was not."""
        query = "SELECT type, data FROM media WHERE sha256 = ?"
        with _believing_nothing(self._path):
            row = self._connection.execute(query, (sha256,)).fetchone()
        match row:
            case (str() as kind, bytes() as data):
                return kind, data
        return None


def look_at(path: Path, *, counted: bool = True) -> RunInfo:
    """What stands in a record about its run; UsageError where it is none.

    Only the beginning of the file is checked, so this stays cheap for a list of them; cheaper
    still where nobody asks how many cases have each verdict.
    """
    with _believing_nothing(path), closing(_open(path)) as connection:
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

    with _believing_nothing(path), closing(_open(path)) as connection:
        try:
            return count(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return None
            raise


@contextmanager
def _believing_nothing(path: Path) -> Iterator[None]:
    import sqlite3

    try:
        yield
    except FileProblem as problem:
        why, hint = problem.message, problem.hint
    except sqlite3.ProgrammingError:
        raise  # a reader that was closed: no fault of the file
    except (sqlite3.Error, UnicodeDecodeError, MemoryError) as error:
        why, hint = _describe(error), None
    else:
        return
    raise UsageError(
        f"the record `{SHOWN}/{path.name}` cannot be read: {why}",
        hint=hint or "delete it, or fetch it again from where it came",
    )


def _describe(error: Exception) -> str:
    """SQLite's own words, but where it quotes the file: those are a stranger's."""
    import sqlite3

    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    match code:
        case sqlite3.SQLITE_NOTADB:
            return "it is no SQLite database"
        case sqlite3.SQLITE_CORRUPT:
            return "it is damaged"
        case sqlite3.SQLITE_INTERRUPT:
            return "it takes too long to look at"
        case sqlite3.SQLITE_TOOBIG:
            return f"a row in it is larger than {MAX_VALUE_BYTES // 2**20} MiB"
    return str(error)[:200]


def _open(path: Path) -> Connection:
    """A connection that can change nothing, run nothing and wait for nothing."""
    import sqlite3

    check_file(path)
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=1.0,
    )
    try:
        for limit, value in (
            (sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES),
            (sqlite3.SQLITE_LIMIT_SQL_LENGTH, _MOST_SQL_BYTES),
            (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
            (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
        ):
            connection.setlimit(limit, value)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA mmap_size = 0")
        _check_header(connection)
        _check_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_header(connection: Connection) -> None:
    """Whose database it is, and of which format."""
    names = ("application_id", "page_size", "user_version")
    application, page_bytes, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names
    )
    if application != APPLICATION or page_bytes != PAGE_BYTES or not version:
        raise FileProblem("it is a database of another program")
    if version > FORMAT:
        raise FileProblem(
            f"its format is {version}; this promptrun reads {FORMAT}", "update promptrun"
        )


def _check_tables(connection: Connection) -> None:
    """Hold the declarations against those of a record; the caller reads within `_SECONDS` then."""
    deadline = monotonic() + _SECONDS
    connection.set_progress_handler(lambda: monotonic() > deadline, 100_000)
    if read_schema(connection) != expected_schema():
        raise FileProblem("its tables are not those of a record")


def _check_whole(connection: Connection) -> None:
    """Every page in its one place: no query can then be longer than the file."""
    connection.set_progress_handler(None, 0)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if pages > _PAGES:
        raise FileProblem(f"it is larger than {_PAGES * 4096 // 2**30} GiB")
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise FileProblem("it is damaged")


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
