"""Where the records lie: the names of their files, and what may stand at such a name."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from promptrun.errors import UsageError
from promptrun.files.hidden import HIDDEN, hidden_folder
from promptrun.files.tree import FileProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

LAST = "last"
FOLDER = "runs"
SHOWN = f"{HIDDEN}/{FOLDER}"
"""The folder as messages name it."""

_ENDING = ".sqlite"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_LOCK = "-lock"
_COMPANIONS = ("-wal", "-shm", _LOCK)
_JOURNAL = "-journal"
_HEADER_BYTES = 100


def check_id(run_id: str) -> None:
    """Refuse a name that is no file name on every system, or that means another run.

    Raises UsageError.
    """
    if not _ID.fullmatch(run_id) or run_id == LAST:
        raise UsageError(
            f"`{run_id[:80]}` cannot be the name of a run",
            hint=f"up to 80 letters, digits and `._-`, a letter or digit first, and not `{LAST}`",
        )


def record_path(folder: Path, run_id: str) -> Path:
    """The file of a run."""
    return folder / f"{run_id}{_ENDING}"


def named_record(root: Path, run_id: str) -> Path:
    """The file that a run of the project has, or would have.

    Raises UsageError for a name that is none, and where a link leads out of the project.
    """
    check_id(run_id)
    try:
        return record_path(hidden_folder(root.resolve(), FOLDER), run_id)
    except FileProblem as problem:
        raise UsageError(problem.message, hint=problem.hint) from None


def companions(path: Path) -> list[Path]:
    """What lies beside a record while it is written, and after its process was killed."""
    return [path.with_name(path.name + ending) for ending in _COMPANIONS]


def lock_path(path: Path) -> Path:
    """The companion that the writer of a record holds a lock on."""
    return path.with_name(path.name + _LOCK)


def find_records(root: Path) -> Iterator[Path]:
    """Every file in the folder of runs that has the name of a record, in no order.

    An empty one is left out: its run is just beginning, or ended as it began. `root` is resolved.
    Raises UsageError for a folder that cannot be read, or that a link leads out of the project.
    """
    try:
        with os.scandir(hidden_folder(root, FOLDER)) as entries:
            for entry in entries:
                name = entry.name.removesuffix(_ENDING)
                if name != entry.name and _ID.fullmatch(name) and not _is_empty(entry):
                    yield Path(entry.path)
    except FileNotFoundError:
        return
    except FileProblem as problem:
        raise UsageError(problem.message, hint=problem.hint) from None
    except OSError as error:
        raise UsageError(f"cannot read `{SHOWN}`: {error.strerror}") from None


def check_file(path: Path) -> None:
    """Look at a record before SQLite opens it; FileProblem where it must not, or where it cannot.

    A link and a pipe are never opened. Nor is a file with a rollback journal beside it: a record
    never has one, and SQLite would delete files that such a journal names.

    The file itself is not opened here: with the end of that, the locks that this process has on it
    as the writer of a run would be gone (https://sqlite.org/howtocorrupt.html, section 2.2).
    """
    journal = path.with_name(path.name + _JOURNAL)
    if os.path.lexists(journal):
        raise FileProblem(f"a journal lies beside it: `{journal.name}`", "delete the journal")
    for beside in companions(path):
        if os.path.lexists(beside):
            _check_regular(beside)
    if _check_regular(path) < _HEADER_BYTES:
        raise FileProblem("it is no SQLite database")


def _is_empty(entry: os.DirEntry[str]) -> bool:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return True  # another process deleted it just now
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


def _check_regular(path: Path) -> int:
    """The size of the file; FileProblem where it is none."""
    try:
        status = path.lstat()
    except OSError as error:
        raise FileProblem(f"it cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "no regular file"
        raise FileProblem(f"`{path.name}` is {kind}", "put a file of its own there, or delete it")
    return status.st_size
