"""Reading and writing files that lie below the root, and never through a link out of it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from promptrun.errors import SnapshotError
from promptrun.files.atomic import write_atomic
from promptrun.files.tree import FileProblem, read_binary


def check_place(root: Path, path: Path) -> None:
    """Raise SnapshotError unless `path`, its folder's links followed, lies below `root`.

    `root` is resolved; `path` need not exist.
    """
    if path.is_relative_to(root) and ".." not in path.parts:
        real = os.path.realpath(path.parent)
        if real == str(root) or Path(real).is_relative_to(root):
            return
        reason = "a folder above it is a link that leads out of the project"
    else:
        reason = "it lies outside the project"
    raise SnapshotError(f"`{path}` is not used: {reason}", hint=f"the root is `{root}`")


def read_regular(path: Path, *, most: int | None = None) -> bytes | None:
    """The bytes of a file; None where there is none.

    Raises FileProblem for a link, a folder, a pipe or a device, which are never opened, and for a
    file that cannot be read or is too large: larger than `most` bytes, where that is given.
    """
    size = _regular_size(path)
    if size is None:
        return None
    if most is not None and size > most:
        raise FileProblem(f"it is larger than {most // 1024:,} KiB")
    return read_binary(path)


def read_head(path: Path, size: int) -> bytes | None:
    """The first `size` bytes of a file, on the terms of `read_regular`."""
    if _regular_size(path) is None:
        return None
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise FileProblem(f"it cannot be read: {error.strerror}") from None


def _regular_size(path: Path) -> int | None:
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FileProblem(f"it cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "no regular file"
        raise FileProblem(f"it is {kind}", "put a file of its own there, or delete it")
    return found.st_size


def decode(data: bytes) -> str:
    """The text of a snapshot file; FileProblem where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise FileProblem(
            f"it is not UTF-8 (byte {error.start})", "restore it from git, or delete it"
        ) from None


def digest_text(data: bytes) -> str:
    """The SHA-256 of a file's text: the same whatever line ends git checked it out with."""
    return sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def write_file(path: Path, data: bytes) -> bool:
    """Write atomically; True where that changed the disk. SnapshotError where the disk refuses."""
    try:
        try:
            return write_atomic(path, data)
        except FileNotFoundError:
            # Another process removed the folder, empty as it was, just before.
            return write_atomic(path, data)
    except OSError as error:
        raise SnapshotError(
            f"cannot write `{path}`: {error.strerror}",
            hint="what was there before is still in place",
        ) from error


def remove_file(path: Path, top: Path) -> bool:
    """Delete a file, and the folders below `top` that it leaves empty; False where it was gone."""
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise SnapshotError(f"cannot delete `{path}`: {error.strerror}") from error
    with suppress(OSError):  # the first folder that is not empty ends it
        for folder in path.parents:
            if folder == top or not folder.is_relative_to(top):
                break
            folder.rmdir()
    return True
