"""What keeps a reply that waits from being accepted: anything that moved since it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.errors import SnapshotError
from promptrun.snapshots.paths import keeps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from promptrun.models import Digests
    from promptrun.snapshots.values import Accepted, Pending


def check_request(pending: Pending, current: Digests | None) -> None:
    """Refuse a reply to another request than today's; `current` is None where the case is gone."""
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


def check_own(pending: Pending, there: Accepted, digest: str) -> None:
    """Refuse to replace another file than the one that the reply was compared with.

    `there` is what stands at the place of the snapshot, `digest` that of the waiting text: it may
    be in place already.
    """
    if there.state == "foreign" and there.problem:
        raise there.problem
    if there.digest not in {pending.replaces, digest}:
        raise SnapshotError(
            f"the snapshot of `{pending.id}` changed after this reply was received",
            hint="run the case again, and compare with today's snapshot",
        )


def check_moved(
    root: Path, pending: Pending, old: Accepted, is_gone: Callable[[str, str], bool] | None
) -> None:
    """Refuse to delete anything but the snapshot whose case has a new name.

    `old` is what stands at `pending.moves`. It may be gone: somebody moved it by hand, or
    accepting was interrupted just behind it.
    """
    if pending.moves is None or old.state == "absent":
        return
    name = pending.moves.relative_to(root).as_posix()
    new, snapshot = pending.snapshot, old.snapshot
    if (
        snapshot is None
        or new is None
        or old.digest != pending.moves_text
        or snapshot.digests != new.digests
        or not keeps(root, pending.moves, snapshot.spec, snapshot.case)
    ):
        raise SnapshotError(
            f"`{name}`, which `{pending.id}` takes over, changed after this reply was received",
            hint="run the case again",
        )
    if is_gone is None or not is_gone(snapshot.spec, snapshot.case):
        raise SnapshotError(
            f"`{pending.id}` takes over `{name}`, whose case "
            f"`{snapshot.spec}::{snapshot.case}` exists",
            hint="run the case again: each of the two keeps a snapshot of its own",
        )
