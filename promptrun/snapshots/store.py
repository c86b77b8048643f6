"""The accepted replies on the disk. Nothing else writes into ``snapshots/``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from promptrun.errors import SnapshotError
from promptrun.files.tree import FileProblem
from promptrun.models import Snapshot
from promptrun.snapshots.disk import check_place, decode, digest_text, read_regular, write_file
from promptrun.snapshots.parse import BrokenSnapshotError, parse_snapshot
from promptrun.snapshots.record import check_request

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from promptrun.models import Digests
    from promptrun.snapshots.pending import Pending, PendingFolder


class Accepted(Struct, frozen=True, kw_only=True):
    """What stands where a case's snapshot belongs."""

    state: Literal[
        "present",  # `snapshot` holds it
        "absent",  # there is no file
        "unreadable",  # counts as missing; replaced only when somebody asks for it
        "foreign",  # the snapshot of another spec or case; never replaced
    ]
    snapshot: Snapshot | None = None
    """Set where the state is `present`."""
    problem: SnapshotError | None = None
    """Why the file is `unreadable` or `foreign`, and what mends it."""
    digest: str | None = None
    """Of the file's text, for `SnapshotStore.propose`; None where no text could be read."""


class SnapshotStore:
    """Reads, writes, proposes and accepts the snapshots of one project.

    Paths are absolute, as `snapshot_path` gives them. Every method raises SnapshotError for a path
    outside the root, for a link that leads out of it, and for a disk that refuses.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    @property
    def _pending(self) -> PendingFolder:
        # A run that only judges needs nothing of what waits.
        from promptrun.snapshots.pending import PendingFolder

        return PendingFolder(self.root)

    def read(self, path: Path, spec_id: str, case: str) -> Accepted:
        """The accepted reply of a case; SnapshotError only for a newer format or a bad place."""
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
        if (snapshot.spec, snapshot.case) != (spec_id, case):
            foreign = SnapshotError(
                f"`{name}` is the snapshot of `{snapshot.spec}::{snapshot.case}`, "
                f"not of `{spec_id}::{case}`",
                hint="two specs share this file: rename one; after a move, move the snapshot and "
                "mend its header, or delete it",
            )
            return Accepted(state="foreign", problem=foreign, digest=digest)
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

    def propose(self, path: Path, snapshot: Snapshot, *, run: str, replaces: str | None) -> Path:
        """Let `snapshot` wait to be accepted at `path`; gives the file in which it waits.

        `run` is the run's id, `replaces` the digest of the text that it would replace
        (`Accepted.digest`), None where there is no file.
        """
        check_place(self.root, path)
        return self._pending.put(path, snapshot, run=run, replaces=replaces)

    def drop_pending(self, path: Path) -> bool:
        """Delete what waits to become the snapshot at `path`; False where nothing waited."""
        return self._pending.remove(path)

    def list_pending(self, paths: Iterable[str] | None = None) -> list[Pending]:
        """What waits, sorted by path; one that cannot be used is listed with its `problem`.

        `paths` selects by spec (``specs/a.yaml``), folder (``specs``, ``.``), case
        (``specs/a.yaml::english``) or snapshot file, all below the root and with ``/``.
        """
        return self._pending.listed(paths)

    def accept(self, pending: Pending, *, current: Digests | None) -> None:
        """Move a pending reply into place, byte for byte.

        `current` are the digests of the request as it would be rendered today, None where the
        case exists no more. Raises SnapshotError, changing nothing, where the request, the
        snapshot or the pending file itself moved since the reply was received.
        """
        data = self._pending.checked(pending)
        _check_request(pending, current)
        there = self.read(pending.path, pending.spec, pending.case)
        if there.state == "foreign" and there.problem:
            raise there.problem
        if there.digest not in {pending.replaces, digest_text(data)}:
            raise SnapshotError(
                f"the snapshot of `{pending.id}` changed after this reply was received",
                hint="run the case again, and compare with today's snapshot",
            )
        write_file(pending.path, data)
        self._pending.remove(pending.path)

    def reject(self, pending: Pending) -> None:
        """Delete a pending reply; the snapshot stays."""
        self._pending.remove(pending.path)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _check_request(pending: Pending, current: Digests | None) -> None:
    if current is None:
        raise SnapshotError(
            f"`{pending.id}` exists no more", hint="promptrun reject removes its pending reply"
        )
    answered = pending.snapshot.digests if pending.snapshot else None
    moved = [
        part
        for part in ("prompt", "settings", "model")
        if getattr(answered, part, None) != getattr(current, part)
    ]
    if moved:
        raise SnapshotError(
            f"the request of `{pending.id}` changed after this reply was received: "
            f"{', '.join(moved)}",
            hint="run the case again",
        )
