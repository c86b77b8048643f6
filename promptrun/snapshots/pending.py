"""Replies that wait to be accepted, in ``.promptrun/pending/``, at the snapshot's own path.

Each is two files: the snapshot's text as accepting moves it into place, and ``<name>.json`` that
says what it answers and replaces. A folder may come from somebody else's CI run, so nothing in
it is believed unchecked.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import DecodeError, Struct, json

from promptrun.errors import SnapshotError
from promptrun.files.tree import FileProblem
from promptrun.models import Digests, Snapshot
from promptrun.snapshots.disk import (
    check_place,
    decode,
    digest_text,
    read_regular,
    remove_file,
    write_file,
)
from promptrun.snapshots.parse import parse_snapshot
from promptrun.snapshots.paths import keeps
from promptrun.snapshots.record import check_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NOTE = ".json"


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
    problem: SnapshotError | None = None

    @property
    def id(self) -> str:
        """``specs/json_people.yaml::english``; the waiting file where its case is unknown."""
        return f"{self.spec}::{self.case}" if self.spec else str(self.file)


class Note(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The small file beside a pending snapshot."""

    promptrun_pending: int = 1
    run: str
    digests: Digests
    replaces: str | None
    text: str
    """The digest of the pending file itself: the two were written together."""


class PendingFolder:
    """``.promptrun/pending/`` of one project; `root` is resolved."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.top = root / ".promptrun" / "pending"

    def put(self, path: Path, snapshot: Snapshot, *, run: str, replaces: str | None) -> Path:
        """Write both files; a crash between the two leaves a pending that names itself unusable."""
        from promptrun.snapshots.dump import dump_snapshot

        file = self._file(path)
        data = dump_snapshot(snapshot).encode()
        note = Note(run=run, digests=snapshot.digests, replaces=replaces, text=digest_text(data))
        ignore = self.top.parent / ".gitignore"
        if not os.path.lexists(ignore):
            write_file(ignore, b"*\n")
        write_file(file, data)
        write_file(_note_of(file), json.format(json.encode(note)) + b"\n")
        return file

    def listed(self, paths: Iterable[str] | None) -> list[Pending]:
        """Every pending that `paths` selects, sorted; see `SnapshotStore.list_pending`.

        Notes whose snapshot is gone are deleted: nothing else would ever name them.
        """
        check_place(self.root, self.top / "any")
        wanted = None if paths is None else [_selector(path) for path in paths]
        files = sorted(self._files())
        self._drop_orphans()
        waiting = (self._load(file) for file in files)
        return [each for each in waiting if wanted is None or self._selected(each, wanted)]

    def checked(self, pending: Pending) -> bytes:
        """The bytes that accepting moves; SnapshotError where they are not what was listed."""
        now = self._load(self._file(pending.path))
        if now.problem:
            raise now.problem
        data = _read(now.file)
        if now != pending or digest_text(data) != now.digest:
            raise SnapshotError(
                f"the pending reply of `{pending.id}` changed since it was shown",
                hint="look at it again: promptrun review",
            )
        return data

    def remove(self, path: Path) -> bool:
        """Delete the pending of `path`, and folders left empty; False where nothing waited."""
        file = self._file(path)
        remove_file(_note_of(file), self.top)
        return remove_file(file, self.top)

    def _file(self, path: Path) -> Path:
        check_place(self.root, path)
        file = self.top / path.relative_to(self.root)
        check_place(self.root, file)
        return file

    def _files(self, ending: str = ".yaml") -> Iterator[Path]:
        for folder, _, names in os.walk(self.top):
            for name in names:
                if name.endswith(ending) and not name.startswith("."):
                    yield Path(folder, name)

    def _drop_orphans(self) -> None:
        for note in list(self._files(f".yaml{_NOTE}")):
            # Another process writes the snapshot before its note, so a new pair is never taken.
            if not os.path.lexists(note.with_suffix("")):
                with suppress(SnapshotError):  # a folder that may not be written can be listed
                    remove_file(note, self.top)

    def _load(self, file: Path) -> Pending:
        path = self.root / file.relative_to(self.top)
        try:
            return self._open(path, file)
        except SnapshotError as problem:
            return Pending(path=path, file=file, problem=problem)
        except FileProblem as problem:
            unusable = SnapshotError(
                f"the pending reply `{file.relative_to(self.root).as_posix()}` cannot be used: "
                f"{problem.message}",
                hint="run the case again, or remove it: promptrun reject",
            )
            return Pending(path=path, file=file, problem=unusable)

    def _open(self, path: Path, file: Path) -> Pending:
        data = _read(file)
        name = file.relative_to(self.root).as_posix()
        snapshot = parse_snapshot(decode(data), name)
        if not keeps(self.root, path, snapshot.spec, snapshot.case):
            raise FileProblem(
                f"its header names `{snapshot.spec}::{snapshot.case}`, whose place is another"
            )
        note = _read_note(file)
        if note.text != digest_text(data) or note.digests != snapshot.digests:
            raise FileProblem("it does not belong to the note beside it")
        check_request(snapshot, name)
        return Pending(
            path=path,
            file=file,
            spec=snapshot.spec,
            case=snapshot.case,
            run=note.run,
            snapshot=snapshot,
            digest=note.text,
            replaces=note.replaces,
        )

    def _selected(self, pending: Pending, wanted: list[str]) -> bool:
        names = (pending.id, pending.spec, pending.path.relative_to(self.root).as_posix())
        return any(
            not want or any(name == want or name.startswith(f"{want}/") for name in names)
            for want in wanted
        )


def _selector(path: str) -> str:
    want = path.replace("\\", "/").removeprefix("./").rstrip("/")
    return "" if want == "." else want


def _note_of(file: Path) -> Path:
    return file.with_name(f"{file.name}{_NOTE}")


def _read(file: Path) -> bytes:
    data = read_regular(file)
    if data is None:
        raise FileProblem("it is gone")
    return data


def _read_note(file: Path) -> Note:
    data = read_regular(_note_of(file))
    if data is None:
        raise FileProblem("the note beside it is missing")
    try:
        note = json.decode(data, type=Note)
    except (DecodeError, UnicodeDecodeError):
        raise FileProblem("the note beside it cannot be read") from None
    if note.promptrun_pending != 1:
        raise FileProblem(f"its format is {note.promptrun_pending}; this promptrun reads 1")
    return note
