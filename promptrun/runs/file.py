"""The file of a record in the hands of its writer: how it begins, goes on, and ends."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from promptrun.runs.encode import BEGIN_RUN, END_RUN, REOPEN_RUN, meta_row, totals_text
from promptrun.runs.reader import RunReader
from promptrun.runs.rows import count_rows
from promptrun.runs.schema import PAGE_BYTES, create_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from sqlite3 import Connection

    from promptrun.runs.encode import Row
    from promptrun.runs.record import EndState, RunMeta

_LOG_PAGES = 4000
"""16 MiB of log before its pages go to the file: each time waits for the disk."""


def begin_record(path: Path, meta: Row) -> Connection:
    """Fill the empty file in one transaction, and write all else through a log.

    The journals of both ends of a record are kept in memory: a journal on the disk would have to
    be believed by readers, and it names files that SQLite deletes.
    """
    with _connecting(path) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = MEMORY")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            create_tables(connection)
            connection.execute(BEGIN_RUN, (_now(), *meta))
        _enter_wal(connection)
        return connection


def resume_record(path: Path, meta: RunMeta) -> Connection:
    """Write a record again that has ended, or whose process was killed.

    It is checked first: UsageError where no promptrun wrote it.
    """
    with RunReader(path) as reader:
        before = reader.info.meta
    if before is not None:
        meta = replace(meta, targets=before.targets, selection=before.selection)
    with _connecting(path) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            connection.execute("PRAGMA journal_mode = MEMORY")
        _enter_wal(connection)
        connection.execute(REOPEN_RUN, meta_row(meta))
        return connection


def end_record(connection: Connection, state: EndState, exit_code: int | None) -> None:
    """Say how the run ended, and what its requests add up to."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        totals = totals_text(count_rows(connection))
        connection.execute(END_RUN, (_now(), state, exit_code, totals))


def leave_wal(connection: Connection) -> None:
    """Make the record one file, as far as nobody reads it now."""
    import sqlite3

    connection.execute("PRAGMA busy_timeout = 200")
    try:
        connection.execute("PRAGMA journal_mode = MEMORY")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        # Somebody reads: the log stays, but what stands in it goes to the file as well.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _connecting(path: Path) -> Iterator[Connection]:
    """A connection that writes, closed where what begins with it fails; `path` exists."""
    import sqlite3

    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _enter_wal(connection: Connection) -> None:
    # A commit reaches the operating system without waiting for the disk.
    connection.execute("PRAGMA synchronous = NORMAL")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise connection.NotSupportedError("this disk cannot hold a write-ahead log")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    # With the first look at the log comes the lock that tells others that it is in use.
    connection.execute("SELECT began FROM run").fetchall()


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="milliseconds")
