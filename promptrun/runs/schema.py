"""The tables of a record: the first format, of which every record is."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlite3 import Connection

FORMAT = 1
"""``PRAGMA user_version``; goes up when an older promptrun could no longer read the file."""
APPLICATION = 0x70726D74
"""``PRAGMA application_id``: "prmt" in ASCII."""
PAGE_BYTES = 4096
MAX_VALUE_BYTES = 64 * 1024 * 1024
"""Of one row; what is longer is neither written nor read."""

TABLES = (
    """CREATE TABLE run (
    began TEXT NOT NULL,
    ended TEXT,
    state TEXT,
    exit_code INTEGER,
    meta TEXT NOT NULL,
    totals TEXT
)""",
    """CREATE TABLE cases (
    id TEXT PRIMARY KEY,
    spec TEXT NOT NULL,
    name TEXT NOT NULL,
    verdict TEXT NOT NULL,
    provider TEXT NOT NULL,
    causes TEXT NOT NULL,
    reason TEXT,
    prompt TEXT,
    settings TEXT,
    model TEXT,
    snapshot TEXT,
    warnings TEXT NOT NULL,
    notes TEXT NOT NULL,
    request TEXT,
    result TEXT
)""",
    "CREATE INDEX verdicts ON cases (verdict)",
    """CREATE TABLE replies (
    case_id TEXT NOT NULL,
    prompt TEXT NOT NULL,
    settings TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    role TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    key TEXT,
    attempts INTEGER NOT NULL,
    queued REAL,
    first_piece REAL,
    total REAL,
    streamed INTEGER,
    request_id TEXT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cost REAL,
    failure TEXT,
    raw TEXT
)""",
    "CREATE INDEX replies_of_case ON replies (case_id, ordinal)",
    """CREATE TABLE media (
    sha256 TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    data BLOB NOT NULL
) WITHOUT ROWID""",
)


def create_tables(connection: Connection) -> None:
    """Make an empty database a record without rows, inside the caller's transaction."""
    for statement in TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def read_schema(connection: Connection) -> list[tuple[Any, ...]]:
    """Everything that a database declares, in one order; a few rows more than a record has."""
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name LIMIT 100"
    return connection.execute(query).fetchall()


@cache
def expected_schema() -> list[tuple[Any, ...]]:
    """What `read_schema` gives for a record: no view, trigger or generated column is among it."""
    import sqlite3

    connection = sqlite3.connect(":memory:")
    try:
        create_tables(connection)
        return read_schema(connection)
    finally:
        connection.close()
