"""Opening a record that may come from a stranger: nothing in the file is believed."""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from promptrun.errors import UsageError
from promptrun.files.tree import FileProblem
from promptrun.runs.place import SHOWN, check_file
from promptrun.runs.schema import (
    APPLICATION,
    FORMAT,
    MAX_VALUE_BYTES,
    PAGE_BYTES,
    expected_schema,
    read_schema,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from sqlite3 import Connection

_PAGES = 2**26
"""256 GiB: what SQLite keeps in memory about the pages of a file stays below 8 MiB."""
_SECONDS = 2.0
"""For the first look at a file, whose trees may be knotted to have no end."""
_MOST_SQL_BYTES = 20_000


@contextmanager
def believing_nothing(path: Path) -> Iterator[None]:
    """What goes wrong inside with a record is a UsageError with the file and a hint."""
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


def open_record(path: Path) -> Connection:
    """A connection that can change nothing, run nothing and wait for nothing.

    What is asked of it takes about two seconds, unless `check_whole` found the file to be whole.
    Raises FileProblem and what SQLite raises.
    """
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


def check_whole(connection: Connection) -> None:
    """Every page in its one place: no query can then be longer than the file."""
    connection.set_progress_handler(None, 0)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if pages > _PAGES:
        raise FileProblem(f"it is larger than {_PAGES * 4096 // 2**30} GiB")
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise FileProblem("it is damaged")
