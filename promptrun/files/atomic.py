"""Writing a file so that a reader sees the old text or the new one, never a part."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_atomic(path: Path, data: bytes) -> bool:
    """Make `path` hold exactly `data`, durably; True where that changed anything on the disk.

    The folder is made where it is missing. A file that holds `data` already is not touched. A
    symbolic link at `path` is replaced by a file of its own, and what it pointed at stays as it
    was. Raises OSError (disk full, read-only folder) with the old file still in place.
    """
    if not path.is_symlink():
        with suppress(FileNotFoundError):
            if path.read_bytes() == data:
                return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{os.urandom(8).hex()}.tmp"
    try:
        # Opened inside of the `try`: an interrupt may strike as soon as the file is there.
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)
    return True


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
