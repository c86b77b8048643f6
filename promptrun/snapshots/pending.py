"""Replies that wait to be accepted, in ``.promptrun/pending/``, at the snapshot's own path.

Each is two files: the snapshot's text as accepting moves it into place, and ``<name>.json`` that
says what it answers and replaces. A folder may come from somebody else's CI run, so nothing in
it is believed unchecked.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec import UNSET

from promptrun.errors import SnapshotError
from promptrun.files.hidden import make_hidden
from promptrun.files.tree import FileProblem
from promptrun.files.walk import walk_folders
from promptrun.snapshots.disk import Disk, Places, check_place, decode, digest_text, remove_file
from promptrun.snapshots.note import NOTE, Note, encode_note, note_of, read_note
from promptrun.snapshots.parse import parse_snapshot
from promptrun.snapshots.paths import keeps
from promptrun.snapshots.record import check_request
from promptrun.snapshots.values import Pending

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from promptrun.models import Snapshot
    from promptrun.snapshots.values import Orphan

MAX_ARTIFACT_FILES: Final = 200_000
"""Of somebody else's folder, notes among them."""
MAX_ARTIFACT_BYTES: Final = 1024**3


class PendingFolder:
    """``.promptrun/pending/`` of one project, whose files are read and written through `disk`.

    With `artifact`, that folder in its place, such as another run left it: it is only read.
    """

    def __init__(self, places: Places, disk: Disk, artifact: Path | None = None) -> None:
        self.root = places.root
        self.top = artifact or self.root / ".promptrun" / "pending"
        self._is_own = artifact is None
        self._places = places
        self._bound = places if artifact is None else Places(artifact)
        self._disk = disk
        self._is_made = False

    def put(
        self,
        path: Path,
        snapshot: Snapshot,
        *,
        run: str,
        replaces: str | None,
        moves: Orphan | None = None,
    ) -> Path:
        """Write both files; a crash between the two leaves a pending that names itself unusable."""
        from promptrun.snapshots.dump import dump_snapshot

        file = self._file(path)
        data = dump_snapshot(snapshot).encode()
        note = Note(
            run=run,
            digests=snapshot.digests,
            replaces=replaces,
            text=digest_text(data),
            moves=moves.path.relative_to(self.root).as_posix() if moves else UNSET,
            moves_text=(moves.accepted.digest or "") if moves else UNSET,
        )
        if not self._is_made:
            self._make(file)
        self._disk.write(file, data, owner=path)
        self._disk.write(note_of(file), encode_note(note), owner=path)
        return file

    def _make(self, file: Path) -> None:
        try:
            make_hidden(self.root, "pending")
        except FileProblem as problem:
            raise SnapshotError(problem.message, hint=problem.hint) from None
        except OSError as error:
            raise SnapshotError(
                f"cannot write `{error.filename or file}`: {error.strerror}"
            ) from error
        self._is_made = True

    def listed(self, paths: Iterable[str] | None) -> Iterator[Pending]:
        """Every pending that `paths` selects, sorted, each read when its turn comes.

        See `SnapshotStore.list_pending`. Notes of one's own whose snapshot is gone are deleted:
        nothing else would ever name them.
        """
        check_place(self._bound.root, self.top / "any")
        wanted = None if paths is None else [as_selector(path) for path in paths]
        if not self._is_own:
            self._check_size()
        files = sorted(self._files())
        if self._is_own:
            self._drop_orphans()
        elif files and not any(map(os.path.lexists, map(note_of, files))):
            raise SnapshotError(
                f"`{self.top}` holds no replies that wait: none of its files has a note beside it",
                hint="name the folder `.promptrun/pending` of a run, or what holds `.promptrun`",
            )
        for each in map(self._load, files):
            if wanted is None or self._selected(each, wanted):
                yield each

    def checked(self, pending: Pending) -> bytes:
        """The bytes that accepting moves; SnapshotError where they are not what was listed."""
        now = self._load(self._file(pending.path))
        if now.problem:
            raise now.problem
        data = self._read(now.file)
        if now != pending or digest_text(data) != now.digest:
            raise SnapshotError(
                f"the pending reply of `{pending.id}` changed since it was shown",
                hint="look at it again: promptrun review",
            )
        return data

    def remove(self, path: Path) -> bool:
        """Delete the pending of `path`, and folders left empty; False where nothing waited."""
        file = self._file(path)
        self._disk.remove(note_of(file), self.top, owner=path)
        return self._disk.remove(file, self.top, owner=path)

    def _file(self, path: Path) -> Path:
        self._places.check(path)
        file = self.top / path.relative_to(self.root)
        self._bound.check(file)
        return file

    def _files(self, ending: str = ".yaml") -> Iterator[Path]:
        waiting, gone = self._disk.below(self.top)
        for folder, _, names in walk_folders(self.top):
            for name in names:
                if name.endswith(ending) and not name.startswith("."):
                    file = folder / name
                    waiting.discard(file)
                    if file not in gone:
                        yield file
        yield from (file for file in waiting if file.name.endswith(ending))

    def _check_size(self) -> None:
        """Refuse a folder of somebody else's that would take for ever to read."""
        files = size = 0
        for folder, _, names in walk_folders(self.top):
            for name in names:
                files += 1
                with suppress(OSError):  # what cannot be looked at is told when it is read
                    size += (folder / name).lstat().st_size
            if files > MAX_ARTIFACT_FILES or size > MAX_ARTIFACT_BYTES:
                raise SnapshotError(
                    f"`{self.top}` is too large: more than {MAX_ARTIFACT_FILES:,} files, or than "
                    f"{MAX_ARTIFACT_BYTES // 2**20:,} MiB",
                    hint="name the pending folder of one run",
                )

    def _drop_orphans(self) -> None:
        for note in list(self._files(f".yaml{NOTE}")):
            # Another process writes the snapshot before its note, so a new pair is never taken.
            if self._disk.is_missing(note.with_suffix("")):
                with suppress(SnapshotError):  # a folder that may not be written can be listed
                    remove_file(note, self.top)

    def _name(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix() if self._is_own else str(file)

    def _load(self, file: Path) -> Pending:
        path = self.root / file.relative_to(self.top)
        try:
            return self._open(path, file)
        except SnapshotError as problem:
            return Pending(path=path, file=file, problem=problem)
        except FileProblem as problem:
            remedy = ", or remove it: promptrun reject" if self._is_own else ""
            unusable = SnapshotError(
                f"the pending reply `{self._name(file)}` cannot be used: {problem.message}",
                hint=f"run the case again{remedy}",
            )
            return Pending(path=path, file=file, problem=unusable)

    def _open(self, path: Path, file: Path) -> Pending:
        self._places.check(path)
        data = self._read(file)
        name = self._name(file)
        snapshot = parse_snapshot(decode(data), name)
        if not keeps(self.root, path, snapshot.spec, snapshot.case):
            raise FileProblem(
                f"its header names `{snapshot.spec}::{snapshot.case}`, whose place is another"
            )
        note = read_note(file, self._disk)
        if note.text != digest_text(data) or note.digests != snapshot.digests:
            raise FileProblem("it does not belong to the note beside it")
        check_request(snapshot, name)
        _check_text(decode(data), snapshot)
        return Pending(
            path=path,
            file=file,
            spec=snapshot.spec,
            case=snapshot.case,
            run=note.run,
            snapshot=snapshot,
            digest=note.text,
            replaces=note.replaces,
            moves=self._moved(note),
            moves_text=note.moves_text or None,
        )

    def _moved(self, note: Note) -> Path | None:
        if not note.moves:
            return None
        path = self.root / note.moves
        check_place(self.root, path)
        if "snapshots" not in path.relative_to(self.root).parts:
            raise FileProblem(f"it takes over `{note.moves}`, which is no snapshot")
        return path

    def _read(self, file: Path) -> bytes:
        data = self._disk.read(file)
        if data is None:
            raise FileProblem("it is gone")
        return data

    def _selected(self, pending: Pending, wanted: list[str]) -> bool:
        place = pending.path.relative_to(self.root).as_posix()
        return is_selected((pending.id, pending.spec, place), wanted)


def _check_text(text: str, snapshot: Snapshot) -> None:
    """Raise FileProblem where a file says more than its values, or says them in another way.

    Accepting moves it as it is, and a reviewer is shown the values alone: a comment, say, would
    become a part of the project unseen.
    """
    from promptrun.snapshots.dump import dump_snapshot

    if text != dump_snapshot(snapshot):
        raise FileProblem("it was edited, for promptrun writes the same values as another text")


def as_selector(path: str) -> str:
    """A path below the root as `is_selected` takes it; empty for everything."""
    want = path.replace("\\", "/").removeprefix("./").rstrip("/")
    return "" if want == "." else want


def is_selected(names: Iterable[str], wanted: Iterable[str]) -> bool:
    """Whether something that goes by `names` (its id, spec, file) is wanted, or lies below it."""
    names = tuple(names)
    return any(
        not want or any(name == want or name.startswith(f"{want}/") for name in names)
        for want in wanted
    )
