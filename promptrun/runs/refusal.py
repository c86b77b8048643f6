"""Why a disk refuses a record, in words, and what would help."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Error

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def describe_refusal(error: Error | OSError, place: Path | str) -> tuple[str, str]:
    """What happened, and a hint; `place` is what could not be written."""
    if isinstance(error, OSError):
        why, full, forbidden = (
            error.strerror or str(error),
            error.errno in _FULL,
            error.errno in _FORBIDDEN,
        )
    else:
        why, full, forbidden = _read_code(error)
    if full:
        return why, "make room on that disk"
    if forbidden:
        return why, f"let yourself write to `{place}`"
    return why, "look whether the disk is full, and whether the folder may be written"


def _read_code(error: Error) -> tuple[str, bool, bool]:
    """SQLite's words are made for programmers: those that people meet are told in others."""
    import sqlite3

    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    match code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return "the disk is full", True, False
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return "it may not be written", False, True
        case sqlite3.SQLITE_IOERR:
            return f"the disk refuses: {error}", False, False
        case sqlite3.SQLITE_BUSY:
            return "another program has locked it", False, False
    return str(error), False, False
