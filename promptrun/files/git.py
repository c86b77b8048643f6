"""What git's own files say, without git: only the commit that is checked out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 1_000_000
"""Characters of a file that are read: a stranger's folder may hold anything."""


def read_commit(folder: Path) -> str | None:
    """The commit that is checked out around `folder`; None where that cannot be told.

    In a worktree and a submodule ``.git`` is a file that names the folder.
    """
    try:
        git = next(each / ".git" for each in (folder, *folder.parents) if (each / ".git").exists())
        if git.is_file():
            git = git.parent / _read(git).removeprefix("gitdir: ")
        head = _read(git / "HEAD")
        name = head.removeprefix("ref: ")
        return _as_commit(head) if name == head else _find(git, name)
    except (OSError, ValueError, StopIteration):
        return None


def _find(git: Path, name: str) -> str | None:
    """The commit of a branch: in a file of its own, or packed; a worktree shares those."""
    shared = git / "commondir"
    for folder in (git, git / _read(shared)) if shared.is_file() else (git,):
        if (folder / name).is_file():
            return _as_commit(_read(folder / name))
        if (folder / "packed-refs").is_file():
            for line in _read(folder / "packed-refs").splitlines():
                if line.endswith(f" {name}"):
                    return _as_commit(line.partition(" ")[0])
    return None


def _read(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(_LONGEST).strip()


def _as_commit(text: str) -> str | None:
    is_one = len(text) in {40, 64} and all(char in "0123456789abcdef" for char in text)
    return text if is_one else None
