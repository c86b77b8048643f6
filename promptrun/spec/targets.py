"""What the command line names → the spec files that it means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from promptrun.errors import UsageError
from promptrun.files.tree import find_root
from promptrun.protocol.problem import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    takes in its cases. Raises UsageError for a path that is not there and a folder without specs.
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
    name, case = target, None
    if "::" in target and not _exists(cwd / target):
        name, _, case = target.partition("::")
        if not case:
            raise UsageError(f"`{target}` names no case", hint=f"write `{name}::NAME`")
    path = cwd / name
    if not name or not _exists(path):
        raise UsageError(f"no file or folder `{name}`", hint=_neighbour(name, path))
    if not path.is_dir():
        if path.suffix.lower() not in SUFFIXES:
            raise UsageError(f"`{name}` is no spec", hint="a spec's name ends with `.yaml`")
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


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


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
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] not in "_." and name != "snapshots"]
        for name in files:
            if name[0] not in "_." and name.endswith(SUFFIXES):
                path = Path(parent, name)
                real = path.resolve()
                if path.is_file() and real.is_relative_to(folder):
                    yield real
