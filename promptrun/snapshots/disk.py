"""Reading and writing files that lie below the root, and never through a link out of it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from promptrun.errors import SnapshotError
from promptrun.files.atomic import write_atomic, write_temporary
from promptrun.files.tree import MAX_BINARY_BYTES, FileProblem

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

# A link or a pipe that took the place of a file behind our back is neither followed nor waited for.
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


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


class Places:
    """`check_place` for many files of few folders: a folder's links are followed once.

    A folder is known by its place and its number on the disk, so another one that takes its place
    is looked at anew. One that is not there yet is known by the nearest folder above that is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[str, tuple[int, int]]] = {}
        """By folder: the nearest one that is there, and its number."""

    def check(self, path: Path) -> None:
        """Raise SnapshotError unless `path` lies below the root, links followed."""
        folder, _, name = os.fspath(path).rpartition(os.sep)
        there, number = self._known.get(folder, ("", None))
        is_known = name != ".." and number is not None and _number(there) == number
        if is_known and (there == folder or _number(folder) is None):
            return
        check_place(self.root, path)
        self._known.pop(folder, None)
        there = folder
        while there and (number := _number(there)) is None:
            there = os.path.dirname(there)  # noqa: PTH120 - a Path would cost as much as the rest
        if number is not None:
            self._known[folder] = there, number


def _number(folder: str) -> tuple[int, int] | None:
    """What tells a folder from every other one; None where there is none."""
    try:
        found = os.stat(folder)  # noqa: PTH116 - as above
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


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
    try:
        # Asked for more than there is, Python would make room for all of it.
        with os.fdopen(os.open(path, _READ), "rb") as file:
            data = file.read(min(size, MAX_BINARY_BYTES) + 1)
            if len(data) > size:  # it grew just now
                data += file.read(MAX_BINARY_BYTES)
    except OSError as error:
        raise FileProblem(f"cannot read `{path.name}`: {error.strerror}") from None
    if len(data) > MAX_BINARY_BYTES:
        raise FileProblem(f"`{path.name}` is larger than {MAX_BINARY_BYTES // 2**20} MiB")
    return data


def read_head(path: Path, size: int) -> bytes | None:
    """The first `size` bytes of a file, on the terms of `read_regular`."""
    if _regular_size(path) is None:
        return None
    try:
        with os.fdopen(os.open(path, _READ), "rb") as file:
            return file.read(size)
    except OSError as error:
        raise FileProblem(f"it cannot be read: {error.strerror}") from None


def _regular_size(path: Path) -> int | None:
    try:
        found = os.lstat(path)
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
    return _written(write_atomic, path, data)


def put_beside(path: Path, data: bytes) -> Path:
    """Write a temporary file that can be moved to `path`; SnapshotError where the disk refuses."""
    return _written(write_temporary, path, data)


def _written(write: Callable[[Path, bytes], _T], path: Path, data: bytes) -> _T:
    try:
        try:
            return write(path, data)
        except FileNotFoundError:
            # Another process removed the folder, empty as it was, just before.
            return write(path, data)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> SnapshotError:
    """What is said where the disk refuses to write a file."""
    return SnapshotError(
        f"cannot write `{path}`: {error.strerror}",
        hint="what was there before is still in place",
    )


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


class Disk:
    """How a store reads, writes and deletes: at once, each file durable as the call returns."""

    def read(self, path: Path, *, most: int | None = None) -> bytes | None:
        """As `read_regular`."""
        return read_regular(path, most=most)

    def is_missing(self, path: Path) -> bool:
        """Whether nothing stands at `path`."""
        return not os.path.lexists(path)

    def below(self, top: Path) -> tuple[set[Path], set[Path]]:
        """The files below `top` that wait to be written, and all that wait to be deleted."""
        del top
        return set(), set()

    def write(
        self, path: Path, data: bytes, *, owner: Path, check: Callable[[], None] | None = None
    ) -> bool:
        """Make a file hold `data`; True where that changes the disk. Raises SnapshotError.

        `owner` is the snapshot for whose sake it is written. `check` is called, and may raise
        SnapshotError, where something else stands at `path` by the time of the writing.
        """
        del owner, check
        return write_file(path, data)

    def remove(
        self, path: Path, top: Path, *, owner: Path | None = None, digest: str | None = None
    ) -> bool:
        """Delete a file, and the folders below `top` that it leaves empty; False where none was.

        It goes only where all that `owner` wants written was written (for None: all of a batch),
        and where its text still has this digest, if one is given. Raises SnapshotError.
        """
        del owner, digest
        return remove_file(path, top)
