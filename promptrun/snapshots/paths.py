"""Which file keeps which case: the layout of ``snapshots/``."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING
from unicodedata import normalize

from promptrun.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

MAX_NAME_BYTES = 80
"""Of a case's file name, without the digest and ``.yaml``; file systems allow 255."""

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"]
)

_ORDINARY = re.compile("[a-z0-9_=,-]+")
"""Most names: what the rest of `file_stem` would leave as it is."""


def snapshot_path(root: Path, spec_path: Path, case_name: str, provider: str) -> Path:
    """The file that keeps the accepted reply of `case_name`, below `root`.

    ``specs/a/b.yaml`` keeps ``snapshots/a/b/<case>.yaml`` beside the nearest folder named `specs`
    that lies below the root; a spec in no such folder keeps ``snapshots/<stem>/`` beside itself.
    A provider other than `openai` keeps ``snapshots/@NAME/…``.

    Raises SpecError for a spec outside the root, and for one whose place would be taken for a
    provider's: a folder or a stem that begins with ``@``.
    """
    return _folder(root, spec_path, provider) / f"{file_stem(case_name)}.yaml"


@lru_cache(maxsize=64)
def _folder(root: Path, spec_path: Path, provider: str) -> Path:
    spec = root / spec_path
    if not spec.is_relative_to(root) or ".." in spec.parts:
        raise SpecError(f"`{spec_path}` lies outside the project", hint=f"the root is `{root}`")
    home, inner = _split(spec.relative_to(root))
    for part in inner:
        if part.startswith("@"):
            raise SpecError(
                f"`{part}` in the path of the spec `{spec_path}` begins with `@`",
                hint="rename it: `snapshots/@NAME/` belongs to the provider NAME",
            )
    folder = root.joinpath(*home, "snapshots")
    if provider != "openai":
        folder /= f"@{file_stem(provider)}"
    return folder.joinpath(*inner)


def snapshots_home(root: Path, path: Path) -> Path:
    """The folder ``snapshots`` in which `path`, that `snapshot_path` gave, lies."""
    home, inner = root, path.relative_to(root).parts
    return home.joinpath(*inner[: inner.index("snapshots") + 1])


def file_stem(name: str) -> str:
    """A file name for any text: readable, safe on every system, and never shared by two texts.

    Letters of any script, digits and ``._=,-`` stay; where anything had to change, or where a
    file system that ignores case or reserves the name could mix it up, ``~`` and 8 hex digits of
    the exact text's digest follow.
    """
    if _ORDINARY.fullmatch(name) and name not in _RESERVED and len(name) <= MAX_NAME_BYTES:
        return name
    stem = "".join(char if _is_safe(char) else "_" for char in normalize("NFC", name))
    if stem.partition(".")[0].lower() in _RESERVED:
        # Windows reserves `con.txt` as well, so nothing may look like an ending.
        stem = stem.replace(".", "_")
    if not stem or stem[0] == ".":
        stem = f"_{stem[1:]}"
    stem = stem.encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    if stem == name and stem == stem.casefold() and stem not in _RESERVED:
        return stem
    return f"{stem}~{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def keeps(root: Path, path: Path, spec: str, case: str) -> bool:
    """Whether `path` is where some provider's snapshot of this spec and case belongs."""
    try:
        home = snapshot_path(root, root / spec, case, "openai")
    except (SpecError, ValueError):
        return False
    if path == home:
        return True
    depth = len(root.parts) + len(_split((root / spec).relative_to(root))[0]) + 1
    parts = path.parts
    is_provider = len(parts) > depth and parts[depth].startswith("@")
    return is_provider and parts[:depth] + parts[depth + 1 :] == home.parts


def _split(spec: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The folder beside which `snapshots` lies, and the spec's place in it without its ending."""
    folders = spec.parent.parts
    inner = (*folders, spec.stem)
    for depth in range(len(folders) - 1, -1, -1):
        if folders[depth] == "specs":
            return folders[:depth], inner[depth + 1 :]
    return folders, (spec.stem,)


def _is_safe(char: str) -> bool:
    return char.isalnum() or char in "._=,-"
