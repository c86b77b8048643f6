"""What the command line names → the spec files that it means."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from promptrun.errors import UsageError
from promptrun.files.tree import find_root, links_astray
from promptrun.files.walk import walk_folders
from promptrun.protocol.problem import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SUFFIXES = (".yaml", ".yml")


class Target(NamedTuple):
    """A spec to run, or one case of it."""

    path: Path
    """Real: links are resolved."""
    root: Path
    case: str | None = None


def find_specs(targets: Sequence[str], *, cwd: Path) -> list[Target]:
    """The specs that files, folders and ``spec.yaml::case`` mean, in the order of the targets.

    A folder is scanned for ``*.yaml`` and ``*.yml``, sorted, without names that begin with ``_`` or
    ``.`` and without folders called ``snapshots``. Links to folders are not followed, so that no
    scan leaves the folder or runs in a circle. What is named twice counts once, and a whole spec
    takes in its cases. A folder may be named through a link; a spec that is itself a link must lead
    to a file of the same project. Raises UsageError for one that does not, a path that is not there
    and a folder without specs.
    """
    found: dict[tuple[Path, str | None], Target] = {}
    roots: dict[Path, Path] = {}
    for target in targets:
        for path, case in _resolve(target, cwd):
            folder = path.parent
            if folder not in roots:
                roots[folder] = find_root(folder)
            found.setdefault((path, case), Target(path, roots[folder], case))
    return [
        target
        for (path, case), target in found.items()
        if case is None or (path, None) not in found
    ]


def _resolve(target: str, cwd: Path) -> Iterator[tuple[Path, str | None]]:
    name, case = _split(target, cwd)
    path = cwd / name
    if not name or not _exists(path):
        raise UsageError(f"no file or folder `{name}`", hint=_neighbour(name, path))
    if not path.exists():
        raise UsageError(f"`{name}` is a link to nothing", hint="mend the link, or delete it")
    if not path.is_dir():
        if path.suffix.lower() not in SUFFIXES:
            raise UsageError(f"`{name}` is no spec", hint="a spec's name ends with `.yaml`")
        if links_astray(path, find_root(path.parent)):
            raise UsageError(
                f"`{name}` is a link that leads out of the project or to a hidden file",
                hint="name the file that it leads to, or copy it into the project",
            )
        yield path.resolve(), case
        return
    if case is not None:
        raise UsageError(f"`{name}` is a folder: only a spec has cases", hint="name its file")
    paths = sorted(_scan(path.resolve()))
    if not paths:
        hint = "a spec's name ends with `.yaml`, and begins with neither `_` nor `.`"
        raise UsageError(f"no spec in the folder `{name}`", hint=hint)
    for found in paths:
        yield found, None


def _split(target: str, cwd: Path) -> tuple[str, str | None]:
    """The path, which may hold colons itself, and the case: the longest path that is there."""
    name, case = target, None
    while not _exists(cwd / name) and "::" in name:
        name = name.rpartition("::")[0]
        case = target[len(name) + 2 :]
    if case is not None and not (name and _exists(cwd / name)):
        name, _, case = target.partition("::")
    if case == "":
        raise UsageError(f"`{target}` names no case", hint=f"write `{name}::NAME`")
    return name, case


def _exists(path: Path) -> bool:
    """Whether something stands there, be it a link to nothing."""
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True


def _neighbour(name: str, path: Path) -> str | None:
    """The name beside it that was probably meant, in the way in which `name` was written."""
    if not name:
        return None
    try:
        near = nearest(path.name, os.listdir(path.parent))  # noqa: PTH208 - only names matter
    except (OSError, ValueError):
        return None
    return f"did you mean `{name[: len(name) - len(path.name)]}{near}`?" if near else None


def _scan(folder: Path) -> Iterator[Path]:
    for parent, folders, names in walk_folders(folder):
        folders[:] = [name for name in folders if name[0] not in "_." and name != "snapshots"]
        for name in names:
            if name[0] not in "_." and name.endswith(SUFFIXES) and _is_own(parent / name, folder):
                yield (parent / name).resolve()


def _is_own(path: Path, folder: Path) -> bool:
    """Whether a file is there that does not lie elsewhere."""
    try:
        return path.is_file() and not links_astray(path, folder)
    except OSError:
        return False  # its path is longer than what the system opens
