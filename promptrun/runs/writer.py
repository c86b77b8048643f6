"""Writing the record of a run while the run goes on."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from promptrun.files.hidden import make_hidden
from promptrun.files.tree import FileProblem
from promptrun.runs.place import FOLDER, SHOWN, check_id, companions, record_path
from promptrun.runs.record import RecordError
from promptrun.runs.rows import case_row, meta_row, reply_row
from promptrun.runs.schema import PAGE_BYTES, create_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from sqlite3 import Connection

    from promptrun.runs.record import EndState, RecordedCase, RecordedReply, RunMeta
    from promptrun.runs.rows import Row


class RunWriter:
    """The open record of one run: ``.promptrun/runs/ID.sqlite``, readable by its owner only.

    What a call added is in the file when the call returns, and outlives a killed process; a power
    failure may cost the last rows, and never the file. Values are masked before they come here.

    Where the disk refuses, the call raises RecordError and the record ends: what is in it stays,
    and later calls do nothing. A value that no record can hold raises RecordError, too, and the
    record goes on without it. A writer serves one thread at a time.
    """

    def __init__(self, root: Path, run_id: str, meta: RunMeta) -> None:
        """Make the file. RecordError where that fails or it exists; UsageError for a bad id."""
        check_id(run_id)
        self.path = _create_file(root, run_id)
        self._connection: Connection | None = None
        try:
            with self._disk():
                self._connection = _connect(self.path)
                _begin_record(self._connection, meta_row(meta, _now()))
        except BaseException:
            self._end()
            with suppress(OSError):
                self.path.unlink()
            raise

    def add_reply(self, reply: RecordedReply) -> None:
        """Keep one reply, or one failure, as soon as it is there."""
        self._insert([("replies", reply_row(reply))])

    def add_case(self, case: RecordedCase, replies: Iterable[RecordedReply] = ()) -> None:
        """Keep what became of a case, and replies with it: all of them, or nothing.

        A case that is added again takes the place of what was said of it before.
        """
        rows = [("replies", reply_row(reply)) for reply in replies]
        self._insert([*rows, ("cases", case_row(case))])

    def close(self, state: EndState, exit_code: int | None = None) -> None:
        """Say how the run ended, and make the record one file that can be copied alone.

        While somebody reads it, its companions stay beside it. Closing again does nothing.
        """
        if self._connection is None:
            return
        with self._disk():
            self._connection.execute(
                "UPDATE run SET ended = ?, state = ?, exit_code = ?", (_now(), state, exit_code)
            )
            _leave_wal(self._connection)
        self._end()

    def _insert(self, rows: Iterable[tuple[str, Row]]) -> None:
        if self._connection is None:
            return
        # Leaving the inner block commits, or rolls back; an interrupt may strike anywhere in it.
        with self._disk(), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            for table, row in rows:
                _insert_row(connection, table, row)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except sqlite3.Error as error:
            self._end()
            raise RecordError(
                f"the record `{self.path}` ends here: {error}",
                hint="look whether the disk is full, and whether the folder may be written",
            ) from error

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _create_file(root: Path, run_id: str) -> Path:
    """An empty file of its own for the run; a link in its place is not followed."""
    try:
        path = record_path(make_hidden(root.resolve(), FOLDER), run_id)
        _claim(path)
    except FileProblem as problem:
        raise RecordError(
            f"the run cannot be recorded: {problem.message}", hint=problem.hint
        ) from None
    except FileExistsError:
        raise RecordError(
            f"the run cannot be recorded: a run `{run_id}` is recorded already",
            hint="give the run another name, or delete that record",
        ) from None
    except OSError as error:
        # A write that fails names no file.
        name = error.filename or SHOWN
        raise RecordError(
            f"the run cannot be recorded: cannot write `{name}`: {error.strerror}"
        ) from None
    return path


def _claim(path: Path) -> None:
    # A log that was left here would be taken for the new record's own.
    if any(map(os.path.lexists, companions(path))):
        raise FileExistsError
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _connect(path: Path) -> Connection:
    import sqlite3

    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
    )


def _begin_record(connection: Connection, row: Row) -> None:
    """Fill the empty file in one transaction, and write all else through a log.

    The journals of both ends of a record are kept in memory: a journal on the disk would have to
    be believed by readers, and it names files that SQLite deletes.
    """
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = MEMORY")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        create_tables(connection)
        _insert_row(connection, "run", row)
    # A commit reaches the operating system without waiting for the disk.
    connection.execute("PRAGMA synchronous = NORMAL")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise connection.NotSupportedError("this disk cannot hold a write-ahead log")
    # With the first look at the log comes the lock that tells others that the run goes on.
    connection.execute("SELECT began FROM run").fetchall()


def _leave_wal(connection: Connection) -> None:
    import sqlite3

    connection.execute("PRAGMA busy_timeout = 200")
    try:
        connection.execute("PRAGMA journal_mode = MEMORY")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        # Somebody reads: the log stays, but what stands in it goes to the file as well.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _insert_row(connection: Connection, table: str, row: Row) -> None:
    places = ", ".join(f":{column}" for column in row)
    # Tables and columns are the names of `runs.rows`; values are bound.
    query = f"INSERT OR REPLACE INTO {table} ({', '.join(row)}) VALUES ({places})"  # noqa: S608
    connection.execute(query, row)


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="milliseconds")
