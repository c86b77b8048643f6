"""Whether anything moved on the disk since it was read: cheap enough to be asked every second."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from promptrun.files.walk import walk_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from promptrun.pipeline.review import Change

Stamp = dict[str, tuple[int, ...]]
"""By file, what tells its text from every other one that stood there; empty where there is none."""


def take_stamp(roots: Iterable[Path], changes: Iterable[Change]) -> Stamp:
    """Of all that waits below the roots, of what the changes would replace, and of their specs.

    What a spec includes is not looked at: accepting renders the request anew.
    """
    stamp: Stamp = {}
    for root in roots:
        _add(stamp, root / "promptrun.toml")
        for folder, _, names in walk_folders(root / ".promptrun" / "pending"):
            for name in names:
                _add(stamp, folder / name)
    for change in changes:
        for path in _replaced(change):
            if str(path) not in stamp:
                _add(stamp, path)
    return stamp


def has_moved(stamp: Stamp, changes: Iterable[Change]) -> bool:
    """Whether anything moved that these changes are shown by."""
    now: Stamp = {}
    for change in changes:
        for path in _all_of(change):
            if str(path) not in now:
                _add(now, path)
    return any(stamp.get(name) != told for name, told in now.items())


def keep_of(stamp: Stamp, changes: Iterable[Change]) -> Stamp:
    """What the stamp says of the files of these changes."""
    names = {str(path) for change in changes for path in _all_of(change)}
    return {name: told for name, told in stamp.items() if name in names}


def _all_of(change: Change) -> Iterator[Path]:
    file = change.pending.file
    yield change.project.root / "promptrun.toml"
    yield file
    yield file.with_name(f"{file.name}.json")
    yield from _replaced(change)


def _replaced(change: Change) -> Iterator[Path]:
    for path in (change.pending.path, change.pending.moves, change.spec):
        if path is not None:
            yield path


def _add(stamp: Stamp, path: Path) -> None:
    try:
        found = os.lstat(path)
    except OSError:
        stamp[str(path)] = ()
    else:
        stamp[str(path)] = found.st_ino, found.st_size, found.st_mtime_ns
