"""Folders in folders, deeper than a recursion can follow, and gone again afterwards."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def nested_folders(top: Path, depth: int) -> Iterator[None]:
    """Folders called ``a`` below `top`; what removes temporary folders would fail on them."""
    made = 0
    inner = os.open(top, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir("a", dir_fd=inner)
            inner = _step(inner, "a")
            made += 1
        yield
    finally:
        for _ in range(made):
            inner = _step(inner, "..")
            os.rmdir("a", dir_fd=inner)
        os.close(inner)


def _step(folder: int, name: str) -> int:
    """Open a folder from another, and close that one."""
    opened = os.open(name, os.O_RDONLY, dir_fd=folder)
    os.close(folder)
    return opened
