"""``.promptrun/``: what promptrun keeps in a project for itself, out of git."""

from __future__ import annotations

import os
from pathlib import Path

from promptrun.files.atomic import write_atomic
from promptrun.files.tree import FileProblem

HIDDEN = ".promptrun"


def hidden_folder(root: Path, name: str) -> Path:
    """``.promptrun/NAME`` of the project; it need not exist. `root` is resolved.

    Raises FileProblem where a link leads it out of the project: the folder may come from somebody
    else's CI run.
    """
    folder = root / HIDDEN / name
    if not Path(os.path.realpath(folder)).is_relative_to(root):
        raise FileProblem(
            f"`{HIDDEN}/{name}` is a link that leads out of the project", f"the root is `{root}`"
        )
    return folder


def make_hidden(root: Path, name: str) -> Path:
    """The same folder, made where it is missing, with the file that keeps ``.promptrun/`` from git.

    Raises OSError where the disk refuses, and what `hidden_folder` raises.
    """
    folder = hidden_folder(root, name)
    ignore = root / HIDDEN / ".gitignore"
    if not os.path.lexists(ignore):
        write_atomic(ignore, b"*\n")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
