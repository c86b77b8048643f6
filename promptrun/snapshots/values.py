"""What the store finds on the disk: accepted replies, replies that wait, snapshots left over."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from promptrun.errors import SnapshotError
from promptrun.models import Snapshot


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


class Pending(Struct, frozen=True, kw_only=True):
    """A new reply that waits."""

    path: Path
    """The snapshot file that it would become."""
    file: Path
    """Where it waits."""
    spec: str = ""
    case: str = ""
    run: str = ""
    snapshot: Snapshot | None = None
    """None where `problem` says why it cannot be used."""
    digest: str = ""
    """Of the waiting file's text."""
    replaces: str | None = None
    """The digest of the snapshot's text when the reply came; None where there was no file."""
    moves: Path | None = None
    """The snapshot of a case that is gone, which accepting deletes: the case has a new name."""
    moves_text: str | None = None
    """The digest of its text when the reply came."""
    problem: SnapshotError | None = None

    @property
    def id(self) -> str:
        """``specs/json_people.yaml::english``; the waiting file where its case is unknown."""
        return f"{self.spec}::{self.case}" if self.spec else str(self.file)


class Orphan(Struct, frozen=True, kw_only=True):
    """The snapshot of a case that is gone, and answers the very request of a new one."""

    path: Path
    id: str
    """The case that is gone."""
    accepted: Accepted
    """Its state is `present`."""
