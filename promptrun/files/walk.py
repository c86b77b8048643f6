"""Folders in folders, however deep they are nested."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def walk_folders(top: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder at and below `top` with the names of its folders and of all else, both sorted.

    As `os.walk`, whose recursion ends in an error where a stranger nested a thousand folders. What
    is taken out of the list of folders is not entered; a link to a folder counts as a file.
    """
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        folders: list[str] = []
        names: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    inner = entry.is_dir(follow_symlinks=False)
                    (folders if inner else names).append(entry.name)
        except OSError:
            continue
        folders.sort()
        names.sort()
        yield folder, folders, names
        waiting += [folder / name for name in reversed(folders)]
