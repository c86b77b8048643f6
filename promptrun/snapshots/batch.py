"""Many writes and deletions that become durable together: 0.1 ms a file in place of 2 ms."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from msgspec import Struct

from promptrun.errors import SnapshotError
from promptrun.files.atomic import discard, holds, sweep_folder, sync_files, sync_folders
from promptrun.files.tree import FileProblem
from promptrun.snapshots.disk import (
    Disk,
    digest_text,
    put_beside,
    read_regular,
    remove_file,
    unwritable,
)


class _Write(Struct, frozen=True, kw_only=True):
    """A file whose new text lies beside it."""

    temporary: Path
    owner: Path
    check: Callable[[], None] | None
    found: tuple[int, ...] | None
    """What stood at the goal when the text was written; None for nothing."""


class _Deletion(Struct, frozen=True, kw_only=True):
    """A file that goes once everything is written."""

    top: Path
    owner: Path | None
    digest: str | None


class _Steps:
    """What is to be done, in order. A file is in one of the two: what came last counts."""

    def __init__(self) -> None:
        self.writes: dict[Path, _Write] = {}
        self.deletions: dict[Path, _Deletion] = {}

    def __contains__(self, path: Path) -> bool:
        return path in self.writes or path in self.deletions


class Batch(Disk):
    """Texts wait in temporary files beside their goals, until `flush` moves them there.

    A full disk and a read-only folder are told at once, as without a batch. Reading gives what was
    written last, flushed or not. One thread may flush while others read, write and remove.

    A process that is killed leaves each goal with its old text or its new one, and temporary files
    (``.0123456789abcdef.tmp``) that nothing takes for snapshots. The next batch that writes into
    their folder deletes them.
    """

    def __init__(self) -> None:
        self._steps = _Steps()
        self._under_way = _Steps()
        """What is flushed just now; a write leaves it as its file is in place."""
        self._lock = Lock()
        self._flushing = Lock()
        self._swept: set[Path] = set()

    @property
    def waiting(self) -> int:
        """How many files wait to be written or deleted."""
        return len(self._steps.writes) + len(self._steps.deletions)

    def read(self, path: Path, *, most: int | None = None) -> bytes | None:
        """As `Disk.read`, of what will be there."""
        for steps in (self._steps, self._under_way):
            if path in steps.deletions:
                return None
            write = steps.writes.get(path)
            if write is not None:
                data = read_regular(write.temporary, most=most)
                if data is not None:
                    return data
                break  # another thread moved it into place just now
        return read_regular(path, most=most)

    def is_missing(self, path: Path) -> bool:
        """As `Disk.is_missing`, of what will be there."""
        for steps in (self._steps, self._under_way):
            if path in steps:
                return path in steps.deletions
        return super().is_missing(path)

    def below(self, top: Path) -> tuple[set[Path], set[Path]]:
        """As `Disk.below`."""
        steps = (self._under_way, self._steps)
        written = {path for each in steps for path in list(each.writes)}
        gone = set(self._under_way.deletions) - written | set(self._steps.deletions)
        return {path for path in written - gone if path.is_relative_to(top)}, gone

    def write(
        self, path: Path, data: bytes, *, owner: Path, check: Callable[[], None] | None = None
    ) -> bool:
        """As `Disk.write`, but for the time at which it is done and durable."""
        waits = path in self._steps or path in self._under_way
        try:
            if not waits and holds(path, data):
                return False
        except OSError as error:
            raise unwritable(path, error) from error
        if path.parent not in self._swept:
            self._swept.add(path.parent)
            sweep_folder(path.parent)
        write = _Write(
            temporary=put_beside(path, data), owner=owner, check=check, found=_look_at(path)
        )
        self._replace(path, write)
        return True

    def remove(
        self, path: Path, top: Path, *, owner: Path | None = None, digest: str | None = None
    ) -> bool:
        """As `Disk.remove`, once everything is written."""
        there = path in self._steps.writes or path in self._under_way.writes
        if not there and path not in self._steps.deletions:
            try:
                os.lstat(path)
                there = True
            except (FileNotFoundError, NotADirectoryError):
                return False
            except OSError:
                there = True  # flushing tells what the matter is
        if there:
            self._replace(path, _Deletion(top=top, owner=owner, digest=digest))
        return there

    def _replace(self, path: Path, step: _Write | _Deletion) -> None:
        with self._lock:
            steps = self._steps
            before = steps.writes.pop(path, None)
            steps.deletions.pop(path, None)
            if isinstance(step, _Write):
                steps.writes[path] = step
            else:
                steps.deletions[path] = step
        if before is not None:
            discard(before.temporary)

    def flush(self) -> dict[Path, SnapshotError]:
        """Do what waits, and make it durable; gives the owners of what could not be done.

        All texts are on the disk before the first is moved into place, and all of them are in
        place, durably, before anything is deleted. An owner's steps end with the first that fails.
        """
        with self._flushing:
            with self._lock:
                self._under_way, self._steps = self._steps, _Steps()
            try:
                return _Flush(self._under_way).run()
            finally:
                for write in self._under_way.writes.values():
                    discard(write.temporary)
                self._under_way = _Steps()

    def abort(self) -> None:
        """Forget what waits, and leave no temporary file."""
        with self._flushing:
            with self._lock:
                steps, self._steps = self._steps, _Steps()
            for write in steps.writes.values():
                discard(write.temporary)
        # What a process left that was killed just before this batch began was too young then.
        for folder in self._swept:
            sweep_folder(folder)


class _Flush:
    """One flush: what it does, and what failed so far, by owner."""

    def __init__(self, steps: _Steps) -> None:
        self._steps = steps
        self._failed: dict[Path, SnapshotError] = {}

    def run(self) -> dict[Path, SnapshotError]:
        """As `Batch.flush`."""
        writes = self._steps.writes
        unsynced = sync_files([write.temporary for write in writes.values()])
        folders: dict[Path, list[Path]] = {}
        for path, write in list(writes.items()):
            if write.owner in self._failed:
                continue
            try:
                _move(path, write, unsynced.get(write.temporary))
            except SnapshotError as error:
                self._failed[write.owner] = error
                continue
            del writes[path]
            folders.setdefault(path.parent, []).append(write.owner)
        for folder, refused in sync_folders(list(folders)).items():
            for owner in folders[folder]:
                self._failed.setdefault(owner, unwritable(owner, refused))
        for path, deletion in self._steps.deletions.items():
            self._delete(path, deletion)
        return self._failed

    def _delete(self, path: Path, deletion: _Deletion) -> None:
        owner = deletion.owner
        if owner in self._failed:
            return
        if owner is None and self._failed:
            self._failed[path] = SnapshotError(
                f"`{path}` is not deleted: not all that came before could be written"
            )
            return
        try:
            if deletion.digest is not None:
                _check_unchanged(path, deletion.digest)
            remove_file(path, deletion.top)
        except SnapshotError as error:
            self._failed[owner or path] = error


def _move(path: Path, write: _Write, unsynced: OSError | None) -> None:
    if unsynced is not None:
        raise unwritable(path, unsynced)
    if write.check is not None and _look_at(path) != write.found:
        write.check()
    try:
        write.temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error


def _look_at(path: Path) -> tuple[int, ...] | None:
    """What tells whether another file, or another text, stands at a place by now."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _check_unchanged(path: Path, digest: str) -> None:
    try:
        data = read_regular(path)
    except FileProblem:
        data = b""
    if data is not None and digest_text(data) != digest:
        raise SnapshotError(
            f"`{path}` is not deleted: it changed since it was read",
            hint="look at it again: promptrun prune",
        )
