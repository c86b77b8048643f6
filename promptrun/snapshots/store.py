"""The accepted replies on the disk. Nothing else writes into ``snapshots/``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from promptrun.errors import SnapshotError
from promptrun.files.tree import FileProblem
from promptrun.snapshots.disk import Disk, Places, decode, digest_text
from promptrun.snapshots.parse import BrokenSnapshotError, parse_snapshot
from promptrun.snapshots.record import check_request
from promptrun.snapshots.values import Accepted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from promptrun.models import Digests, Snapshot
    from promptrun.snapshots.batch import Batch
    from promptrun.snapshots.pending import PendingFolder
    from promptrun.snapshots.values import Orphan, Pending

_AT_ONCE = Disk()


class SnapshotStore:
    """Reads, writes, proposes and accepts the snapshots of one project.

    Paths are absolute, as `snapshot_path` gives them. Every method raises SnapshotError for a path
    outside the root, for a link that leads out of it, and for a disk that refuses.

    With `artifact`, what waits is listed and accepted from that folder, the pending folder of
    another run; it is left as it is, and nothing in it is believed unchecked.

    What is written is durable when the call returns, but for a batch: see `begin_batch`.
    """

    def __init__(self, root: Path, *, artifact: Path | None = None) -> None:
        self.root = root.resolve()
        self._artifact = artifact
        self._prefix = len(os.fspath(self.root).rstrip(os.sep)) + 1
        self._places = Places(self.root)
        self._batch: Batch | None = None
        self._waiting: PendingFolder | None = None
        """The folder of what waits, kept open for a batch."""

    @property
    def _disk(self) -> Disk:
        return self._batch or _AT_ONCE

    def _pending(self, artifact: Path | None = None) -> PendingFolder:
        if self._waiting is not None and artifact is None:
            return self._waiting
        # A run that only judges needs nothing of what waits.
        from promptrun.snapshots.pending import PendingFolder

        return PendingFolder(self._places, self._disk, artifact)

    def begin_batch(self) -> None:
        """Let what is written and deleted from now on wait for `flush`.

        Until then it lies in temporary files beside the goals, so a disk that refuses is told at
        once. The store reads what it was told to write, flushed or not; others see the old files.
        One thread may flush while another uses the store. `abort_batch` ends it.
        """
        if self._batch is None:
            from promptrun.snapshots.batch import Batch

            self._batch = Batch()
            self._waiting = self._pending()

    @property
    def unflushed(self) -> int:
        """How many files wait to be written or deleted: 0 outside of a batch."""
        return 0 if self._batch is None else self._batch.waiting

    def flush(self) -> dict[Path, SnapshotError]:
        """Do what waits and make it durable; gives what could not be done after all.

        The errors are by the path of the snapshot that was written, proposed, dropped or removed;
        there are none, as a rule. First all texts become durable, then each takes its place, in
        order, then files are deleted: a kill at any moment leaves the old file or the new one.
        Nothing is deleted for the sake of a snapshot that was not written.
        """
        return {} if self._batch is None else self._batch.flush()

    def abort_batch(self) -> None:
        """Forget what was not flushed, with its temporary files, and end the batch."""
        if self._batch is not None:
            batch, self._batch, self._waiting = self._batch, None, None
            batch.abort()

    def read(self, path: Path, spec_id: str, case: str) -> Accepted:
        """The accepted reply of a case; SnapshotError only for a newer format or a bad place."""
        return self._read(path, spec_id, case, self._disk)

    def _read(self, path: Path, spec_id: str, case: str, disk: Disk) -> Accepted:
        there = self._open(path, disk)
        snapshot = there.snapshot
        if snapshot is None or (snapshot.spec, snapshot.case) == (spec_id, case):
            return there
        name = self._name(path)
        foreign = SnapshotError(
            f"`{name}` is the snapshot of `{snapshot.spec}::{snapshot.case}`, "
            f"not of `{spec_id}::{case}`",
            hint="two specs share this file: rename one; after a move, move the snapshot and "
            "mend its header, or delete it",
        )
        return Accepted(state="foreign", problem=foreign, digest=there.digest)

    def _open(self, path: Path, disk: Disk) -> Accepted:
        """The same for whichever case the file is of: its state is never `foreign`."""
        self._places.check(path)
        name = self._name(path)
        digest = None
        try:
            data = disk.read(path)
            if data is None:
                return Accepted(state="absent")
            digest = digest_text(data)
            snapshot = parse_snapshot(decode(data), name)
            check_request(snapshot, name)
        except FileProblem as problem:
            broken = BrokenSnapshotError(f"`{name}`: {problem.message}", hint=problem.hint)
            return Accepted(state="unreadable", problem=broken, digest=digest)
        except BrokenSnapshotError as broken:
            return Accepted(state="unreadable", problem=broken, digest=digest)
        return Accepted(state="present", snapshot=snapshot, digest=digest)

    def write(
        self,
        path: Path,
        snapshot: Snapshot,
        *,
        replace_unreadable: bool = False,
        only_new: bool = False,
    ) -> bool:
        """Make the file hold this snapshot; True where that changed the disk.

        A file of another case or of a newer format is an error, and so is an unreadable one
        unless `replace_unreadable` says that somebody asked for it. With `only_new`, so is another
        snapshot of the same case: somebody wrote it since this case was found to have none.
        """
        from promptrun.snapshots.dump import dump_snapshot

        spec, case = snapshot.spec, snapshot.case

        def check(disk: Disk = _AT_ONCE) -> None:
            there = self._read(path, spec, case, disk)
            if there.problem and not (there.state == "unreadable" and replace_unreadable):
                raise there.problem
            if only_new and there.state == "present" and there.digest != digest_text(data):
                raise SnapshotError(
                    f"`{self._name(path)}` was written meanwhile, by another run",
                    hint="run the case again: it is then compared with that one",
                )

        data = dump_snapshot(snapshot).encode()
        check(self._disk)
        return self._disk.write(path, data, owner=path, check=check)

    def remove(
        self,
        path: Path,
        spec_id: str,
        case: str,
        *,
        digest: str | None,
        owner: Path | None = None,
    ) -> None:
        """Delete the snapshot of a case that is gone, and the folders that this leaves empty.

        `digest` is that of the text that was read (`Accepted.digest`). Raises SnapshotError, and
        deletes nothing, where the file holds anything else by now. `owner` is the snapshot that
        takes its place: a batch deletes this one only once that one is written, and without an
        owner only where all of the batch is.
        """
        there = self.read(path, spec_id, case)
        if there.state != "present" or there.digest != digest:
            raise SnapshotError(
                f"`{self._name(path)}` is not deleted: it changed since it was read",
                hint="look at it again: promptrun prune",
            )
        self._disk.remove(path, self._home(path), owner=owner, digest=digest)

    def propose(
        self,
        path: Path,
        snapshot: Snapshot,
        *,
        run: str,
        replaces: str | None,
        moves: Orphan | None = None,
    ) -> Path:
        """Let `snapshot` wait to be accepted at `path`; gives the file in which it waits.

        `run` is the run's id, `replaces` the digest of the text that it would replace
        (`Accepted.digest`), None where there is no file. `moves` is the snapshot of a case that
        is gone: accepting this reply deletes it.
        """
        return self._pending().put(path, snapshot, run=run, replaces=replaces, moves=moves)

    def drop_pending(self, path: Path) -> bool:
        """Delete what waits to become the snapshot at `path`; False where nothing waited."""
        return self._pending().remove(path)

    def list_pending(self, paths: Iterable[str] | None = None) -> list[Pending]:
        """What waits, sorted by path; one that cannot be used is listed with its `problem`.

        `paths` selects by spec (``specs/a.yaml``), folder (``specs``, ``.``), case
        (``specs/a.yaml::english``) or snapshot file, all below the root and with ``/``.
        """
        return list(self.iter_pending(paths))

    def iter_pending(self, paths: Iterable[str] | None = None) -> Iterator[Pending]:
        """The same one by one, so that the replies of a large folder are never all in memory."""
        return self._pending(self._artifact).listed(paths)

    def replaced(self, pending: Pending) -> Accepted:
        """What accepting a reply would replace: its own snapshot, else the one that it moves."""
        own = self.read(pending.path, pending.spec, pending.case)
        if own.state != "absent" or pending.moves is None:
            return own
        return self._open(pending.moves, self._disk)

    def check_acceptable(
        self,
        pending: Pending,
        *,
        current: Digests | None,
        is_gone: Callable[[str, str], bool] | None = None,
    ) -> bytes:
        """The text that accepting would write; SnapshotError where `accept` would refuse."""
        # Only accepting and reviewing need the checks.
        from promptrun.snapshots import checks

        data = self._pending(self._artifact).checked(pending)
        checks.check_request(pending, current)
        self._check_own(pending, data, self._disk)
        if pending.moves is not None:
            old = self._open(pending.moves, self._disk)
            checks.check_moved(self.root, pending, old, is_gone)
        return data

    def _check_own(self, pending: Pending, data: bytes, disk: Disk) -> None:
        from promptrun.snapshots import checks

        own = self._read(pending.path, pending.spec, pending.case, disk)
        checks.check_own(pending, own, digest_text(data))

    def accept(
        self,
        pending: Pending,
        *,
        current: Digests | None,
        is_gone: Callable[[str, str], bool] | None = None,
    ) -> bool:
        """Move a pending reply into place, byte for byte; False where it was there already.

        `current` are the digests of the request as it would be rendered today, None where the
        case exists no more. `is_gone` says of a spec and a case whether they exist no more; it is
        asked of the snapshot that the reply moves. Raises SnapshotError, changing nothing, where
        the request, the snapshot, the one that is moved or the pending file itself changed since
        the reply was received. What waits here for the same case is dropped.
        """
        data = self.check_acceptable(pending, current=current, is_gone=is_gone)
        path, moves, disk = pending.path, pending.moves, self._disk
        changed = disk.write(
            path, data, owner=path, check=lambda: self._check_own(pending, data, _AT_ONCE)
        )
        if moves is not None:
            changed |= disk.remove(moves, self._home(moves), owner=path, digest=pending.moves_text)
        self._pending().remove(path)
        return changed

    def reject(self, pending: Pending) -> None:
        """Delete a pending reply; the snapshot stays."""
        self._pending().remove(pending.path)

    def _name(self, path: Path) -> str:
        # Of a path below the root; `relative_to` would cost more than all the checks.
        return os.fspath(path)[self._prefix :].replace(os.sep, "/")

    def _home(self, path: Path) -> Path:
        """The folder in which ``snapshots`` lies: what is left empty below it is removed."""
        parts = path.relative_to(self.root).parts
        depth = parts.index("snapshots") if "snapshots" in parts else 0
        return self.root.joinpath(*parts[:depth])
