"""The snapshots of a project as they lie on the disk, whether or not their cases still exist.

Whether a spec and a case exist is for the pipeline to find out; here files are found and read.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from promptrun.errors import PromptrunError, SnapshotError
from promptrun.files.tree import FileProblem, has_tool_table
from promptrun.files.walk import walk_folders
from promptrun.models import Digests
from promptrun.snapshots.disk import decode, read_head, read_regular
from promptrun.snapshots.parse import BrokenSnapshotError, parse_snapshot
from promptrun.snapshots.paths import keeps, snapshot_path
from promptrun.snapshots.values import Orphan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.models import Snapshot
    from promptrun.snapshots.store import SnapshotStore

HEAD: Final = 16 * 1024
"""Bytes in which the header of a snapshot ends; one that is longer is read as a whole."""

_ENDING = ".yaml"
"""Other tools have folders called snapshots, too: what ends otherwise is theirs."""
_SKIPPED = frozenset({"node_modules", "__pycache__"})


class Kept(Struct, frozen=True, kw_only=True):
    """A snapshot on the disk, by its header, in the place where its case keeps it."""

    path: Path
    spec: str
    case: str
    digests: Digests

    @property
    def id(self) -> str:
        """``specs/json_people.yaml::english``."""
        return f"{self.spec}::{self.case}"


class Stray(Struct, frozen=True, kw_only=True):
    """A file among the snapshots that is none, or that lies in a place that is not its own."""

    path: Path
    reason: str
    id: str = ""
    """What its header names, where it has one."""


def find_kept(root: Path, folder: Path | None = None) -> Iterator[Kept | Stray]:
    """Every file in the ``snapshots`` folders below `root`, by its header, in the order of names.

    With `folder`, only those in this folder of the project.

    Links are not followed. Left out are hidden files and folders, what lies in a project of its
    own (its specs are named from another root), and the modules of other languages' packages.
    """
    for path in _snapshot_files(root, folder or root):
        yield _read_kept(root, path)


def index_kept(root: Path, folder: Path) -> dict[Digests, list[Kept]]:
    """The snapshots in one folder of a project by the request that they answer."""
    index: dict[Digests, list[Kept]] = defaultdict(list)
    for each in find_kept(root, folder):
        if isinstance(each, Kept):
            index[each.digests].append(each)
    return dict(index)


def belongs_to(kept: Kept, root: Path, provider: str) -> bool:
    """Whether a snapshot lies where this provider's replies are kept."""
    return snapshot_path(root, root / kept.spec, kept.case, provider) == kept.path


def open_orphan(store: SnapshotStore, kept: Kept) -> Orphan | None:
    """The whole snapshot; None where the file turns out not to hold what its header says."""
    try:
        accepted = store.read(kept.path, kept.spec, kept.case)
    except SnapshotError:
        return None
    if accepted.snapshot is None or accepted.snapshot.digests != kept.digests:
        return None
    return Orphan(path=kept.path, id=kept.id, accepted=accepted)


def _snapshot_files(root: Path, top: Path) -> Iterator[Path]:
    for folder, folders, names in walk_folders(top):
        if folder != root and _is_root(folder, folders, names):
            folders.clear()
            continue
        folders[:] = [each for each in folders if each[0] != "." and each not in _SKIPPED]
        if "snapshots" in folder.relative_to(root).parts:
            yield from (
                folder / name for name in names if name[0] != "." and name.endswith(_ENDING)
            )


def _is_root(folder: Path, folders: list[str], names: list[str]) -> bool:
    """As `find_root` decides, without looking at the disk again for most folders."""
    if "promptrun.toml" in names or ".git" in folders or ".git" in names:
        return True
    return "pyproject.toml" in names and has_tool_table(folder / "pyproject.toml")


def _read_kept(root: Path, path: Path) -> Kept | Stray:
    name = path.relative_to(root).as_posix()
    try:
        header = _read_header(path, name)
    except FileProblem as problem:
        return Stray(path=path, reason=problem.message)
    except PromptrunError as error:
        return Stray(path=path, reason=error.message)
    kept = Kept(path=path, spec=header.spec, case=header.case, digests=header.digests)
    if not keeps(root, path, header.spec, header.case):
        reason = f"its header names `{kept.id}`, whose place is another"
        return Stray(path=path, reason=reason, id=kept.id)
    return kept


def _read_header(path: Path, name: str) -> Snapshot:
    """The snapshot without its request and reply, which are most of a file."""
    head = read_head(path, HEAD) or b""
    ends = [place for key in (b"\nrequest:", b"\nreply:") if (place := head.find(key)) >= 0]
    if ends:
        try:
            # The strict reader takes a header that is followed by any reply.
            return parse_snapshot(f"{decode(head[: min(ends)])}\nreply: {{choices: []}}\n", name)
        except (BrokenSnapshotError, FileProblem):
            pass  # an editor may have put its keys in another order
    data = read_regular(path)
    if data is None:
        raise FileProblem("it is gone")
    return parse_snapshot(decode(data), name)
