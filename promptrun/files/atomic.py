"""Writing files so that a reader sees the old text or the new one, never a part."""

from __future__ import annotations

import os
import re
import stat
import sys
from contextlib import contextmanager, suppress
from time import time
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

LEFT_BEHIND: Final = 24 * 3600
"""Seconds after which a temporary file has no writer any more: a laptop may have slept."""
ORPHANED: Final = 1.0
"""The same where no process has the writer's number: it may run in another container."""

_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")
_FEW: Final = 8
"""Up to this many files are made durable one by one: the disk may have much else to write."""
_THREADS: Final = 16


def write_atomic(path: Path, data: bytes) -> bool:
    """Make `path` hold exactly `data`, durably; True where that changed anything on the disk.

    The folder is made where it is missing. A file that holds `data` already is not touched. A
    symbolic link at `path` is replaced by a file of its own, and what it pointed at stays as it
    was. Raises OSError (disk full, read-only folder) with the old file still in place.
    """
    if holds(path, data):
        return False
    temporary = write_temporary(path, data, durable=True)
    try:
        temporary.replace(path)
    except BaseException:
        discard(temporary)
        raise
    for error in sync_folders([path.parent]).values():
        raise error
    return True


@contextmanager
def write_whole(path: Path) -> Iterator[TextIO]:
    """A text file to be written piece by piece, that stands at `path` once all of it is there.

    The folder is made where it is missing. What is no regular file, such as ``/dev/stderr``, is
    written to as it is; a symbolic link to one is replaced. Where anything is raised inside, the
    old file stays. Raises OSError.
    """
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
            yield file
        return
    temporary = write_temporary(path, b"")
    try:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        discard(temporary)
        raise


def holds(path: Path, data: bytes) -> bool:
    """Whether a regular file stands at `path`, and its bytes are `data`.

    Anything else that stands there, such as a pipe, is not opened.
    """
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_size != len(data):
            return False
        with path.open("rb") as file:
            return file.read() == data
    except FileNotFoundError:
        return False


def write_temporary(path: Path, data: bytes, *, durable: bool = False) -> Path:
    """Write a file beside `path`, to be moved there; `is_temporary` knows its name.

    The folder is made where it is missing. Raises OSError, and leaves no file.
    """
    temporary = path.parent / f".{os.getpid() & 0xFFFFFFFF:08x}{os.urandom(4).hex()}.tmp"
    try:
        try:
            _write_new(temporary, data, durable=durable)
        except FileNotFoundError:
            temporary.parent.mkdir(parents=True, exist_ok=True)
            _write_new(temporary, data, durable=durable)
    except BaseException:
        # An interrupt may strike as soon as the file is there.
        discard(temporary)
        raise
    return temporary


def _write_new(path: Path, data: bytes, *, durable: bool) -> None:
    with path.open("xb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def discard(temporary: Path) -> None:
    """Delete a temporary file that is not moved; what cannot be deleted stays."""
    with suppress(OSError):
        temporary.unlink()


def is_temporary(name: str) -> bool:
    """Whether a file's name is one that `write_temporary` gives."""
    return _TEMPORARY.fullmatch(name) is not None


def sweep_folder(folder: Path) -> None:
    """Delete the temporary files that killed processes left in a folder."""
    now = time()
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_temporary(entry.name) and entry.is_file(follow_symlinks=False):
                age = now - entry.stat(follow_symlinks=False).st_mtime
                if age > (ORPHANED if _is_orphan(entry.name) else LEFT_BEHIND):
                    discard(folder / entry.name)


def _is_orphan(name: str) -> bool:
    """Whether the process that wrote a temporary file, whose number is in its name, has ended."""
    if os.name != "posix":  # there is no way to ask that harms nobody
        return False
    try:
        os.kill(int(name[1:9], 16), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def sync_files(paths: Sequence[Path]) -> dict[Path, OSError]:
    """Make the data of many files durable; gives those for which the disk refused.

    On Linux one call writes out all that waits for the file system (file by file takes eight times
    as long, measured); elsewhere each file is synced, many in threads.
    """
    return _sync(paths, _sync_file)


def sync_folders(folders: Sequence[Path]) -> dict[Path, OSError]:
    """Make durable which names stand in folders; gives those for which the disk refused."""
    return _sync(folders, _sync_folder) if os.name == "posix" else {}


def _sync(paths: Sequence[Path], sync_one: Callable[[Path], None]) -> dict[Path, OSError]:
    if len(paths) > _FEW and _sync_systems(paths):
        return {}

    def attempt(path: Path) -> OSError | None:
        try:
            sync_one(path)
        except OSError as error:
            return error
        return None

    if len(paths) <= _FEW:
        errors = [attempt(path) for path in paths]
    else:
        # Where one call does it, nobody pays for this import.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_THREADS) as threads:
            errors = list(threads.map(attempt, paths))
    return {path: error for path, error in zip(paths, errors, strict=True) if error}


def _sync_systems(paths: Iterable[Path]) -> bool:
    """Write out the file systems on which the paths lie; False where that cannot be done."""
    if sys.platform != "linux":
        return False
    import ctypes

    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
        for path in {path.stat().st_dev: path for path in paths}.values():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                if syncfs(descriptor) != 0:
                    return False
            finally:
                os.close(descriptor)
    except (OSError, AttributeError):
        return False
    return True


def _sync_file(path: Path) -> None:
    # Windows flushes only what was opened for writing.
    _sync_opened(os.open(path, os.O_RDWR))


def _sync_folder(path: Path) -> None:
    _sync_opened(os.open(path, os.O_RDONLY))


def _sync_opened(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
