"""Writing a file so that a reader sees the old text or the new one, never a part."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
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
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            # mkstemp makes it private; a file of a repository is as readable as its neighbours.
            Path(temporary).chmod(0o666 & ~_umask())
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    _sync_folder(path.parent)
    return True


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
