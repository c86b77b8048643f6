"""The accepted replies on the disk. Nothing else writes into ``snapshots/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.errors import SnapshotError
from promptrun.files.tree import FileProblem
from promptrun.snapshots.disk import (
    check_place,
    decode,
    digest_text,
    read_regular,
    remove_file,
    write_file,
)
from promptrun.snapshots.parse import BrokenSnapshotError, parse_snapshot
from promptrun.snapshots.record import check_request
from promptrun.snapshots.values import Accepted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from promptrun.models import Digests, Snapshot
    from promptrun.snapshots.pending import PendingFolder
    from promptrun.snapshots.values import Orphan, Pending


class SnapshotStore:
    """Reads, writes, proposes and accepts the snapshots of one project.

    Paths are absolute, as `snapshot_path` gives them. Every method raises SnapshotError for a path
    outside the root, for a link that leads out of it, and for a disk that refuses.

    With `artifact`, what waits is listed and accepted from that folder, the pending folder of
    another run; it is left as it is, and nothing in it is believed unchecked.
    """

    def __init__(self, root: Path, *, artifact: Path | None = None) -> None:
        self.root = root.resolve()
        self._artifact = artifact

    def _pending(self, artifact: Path | None = None) -> PendingFolder:
        # A run that only judges needs nothing of what waits.
        from promptrun.snapshots.pending import PendingFolder

        return PendingFolder(self.root, artifact)

    def read(self, path: Path, spec_id: str, case: str) -> Accepted:
        """The accepted reply of a case; SnapshotError only for a newer format or a bad place."""
        there = self._open(path)
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

    def _open(self, path: Path) -> Accepted:
        """The same for whichever case the file is of: its state is never `foreign`."""
        check_place(self.root, path)
        name = self._name(path)
        digest = None
        try:
            data = read_regular(path)
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

    def write(self, path: Path, snapshot: Snapshot, *, replace_unreadable: bool = False) -> bool:
        """Make the file hold this snapshot; True where that changed the disk.

        A file of another case or of a newer format is an error, and so is an unreadable one
        unless `replace_unreadable` says that somebody asked for it.
        """
        from promptrun.snapshots.dump import dump_snapshot

        there = self.read(path, snapshot.spec, snapshot.case)
        if there.problem and not (there.state == "unreadable" and replace_unreadable):
            raise there.problem
        return write_file(path, dump_snapshot(snapshot).encode())

    def remove(self, path: Path, spec_id: str, case: str, *, digest: str | None) -> None:
        """Delete the snapshot of a case that is gone, and the folders that this leaves empty.

        `digest` is that of the text that was read (`Accepted.digest`). Raises SnapshotError, and
        deletes nothing, where the file holds anything else by now.
        """
        there = self.read(path, spec_id, case)
        if there.state != "present" or there.digest != digest:
            raise SnapshotError(
                f"`{self._name(path)}` is not deleted: it changed since it was read",
                hint="look at it again: promptrun prune",
            )
        remove_file(path, self._home(path))

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
        check_place(self.root, path)
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
        return self._open(pending.moves)

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
        own = self.read(pending.path, pending.spec, pending.case)
        checks.check_own(pending, own, digest_text(data))
        if pending.moves is not None:
            checks.check_moved(self.root, pending, self._open(pending.moves), is_gone)
        return data

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
        changed = write_file(pending.path, data)
        if pending.moves is not None:
            changed |= remove_file(pending.moves, self._home(pending.moves))
        self._pending().remove(pending.path)
        return changed

    def reject(self, pending: Pending) -> None:
        """Delete a pending reply; the snapshot stays."""
        self._pending().remove(pending.path)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _home(self, path: Path) -> Path:
        """The folder in which ``snapshots`` lies: what is left empty below it is removed."""
        parts = path.relative_to(self.root).parts
        depth = parts.index("snapshots") if "snapshots" in parts else 0
        return self.root.joinpath(*parts[:depth])
