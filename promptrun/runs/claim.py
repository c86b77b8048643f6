"""Who writes a record: one process at a time, told by a lock that ends with that process."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from promptrun.files.lock import hold_lock
from promptrun.runs.place import lock_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TRIES = 10
"""How often a lock may vanish under a hand; a disk that numbers files anew each time never ends."""


class TakenError(Exception):
    """Another writer has the record."""


@contextmanager
def claim(path: Path, *, looks: int = 1) -> Iterator[None]:
    """Be the only writer of the record at `path`; the lock lies beside it, and goes at the end.

    A lock that somebody has is looked at `looks` times, 0.2 seconds apart; TakenError then.
    Raises OSError where the disk refuses. SQLite's own locks do not serve for this: they tell no
    writer from a reader, and two processes that ask for one at the same time may both be refused.
    """
    with ExitStack() as held:
        lock = _hold(path, looks, held)
        try:
            yield
        finally:
            # While it is still held: whoever waits for it then sees that it is gone.
            with suppress(OSError):
                lock.unlink()


def is_claimed(path: Path) -> bool:
    """Whether somebody writes the record now; what a killed process left is cleared away."""
    if not os.path.lexists(lock_path(path)):
        return False
    try:
        with claim(path):
            return False
    except TakenError:
        return True
    except OSError:
        return False  # who may not write there has no run there


def _hold(path: Path, looks: int, held: ExitStack) -> Path:
    lock = lock_path(path)
    for _ in range(_TRIES):
        made = _make(lock)
        held.enter_context(hold_lock(lock, _patience(looks)))
        if made == _identify(lock):
            return lock
        held.close()  # whoever had it took the file away: nobody else would look at this one
    raise TakenError


def _patience(looks: int) -> Callable[[], None]:
    left = iter(range(looks - 1))

    def wait() -> None:
        if next(left, None) is None:
            raise TakenError

    return wait


def _make(lock: Path) -> tuple[int, int]:
    """The file that stands at `lock`, made where there is none; a link is not followed."""
    flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
    opened = os.open(lock, flags, 0o600)
    try:
        status = os.fstat(opened)
    finally:
        os.close(opened)
    return status.st_dev, status.st_ino


def _identify(lock: Path) -> tuple[int, int] | None:
    try:
        status = lock.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
