"""A lock between processes that the system frees with its holder, however that ends."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from time import sleep
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_POLL = 0.2
"""Seconds between two looks at a lock that somebody else holds."""


@contextmanager
def hold_lock(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file at `path`, which is made and stays; `waiting` is called until it is free.

    Raises OSError where the file cannot be opened, or its file system knows no locks.
    """
    with path.open("ab") as file:
        while not _try_lock(file):
            waiting()
            sleep(_POLL)
        yield


def _try_lock(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
