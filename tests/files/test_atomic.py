"""A reader sees the old file or the new one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from promptrun.files.atomic import write_atomic

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_made_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    assert write_atomic(path, b"x")
    assert path.read_bytes() == b"x"
    assert [entry.name for entry in path.parent.iterdir()] == ["b.txt"]


def test_a_file_that_is_right_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    os.utime(path, ns=(1, 1))
    assert not write_atomic(path, b"x")
    assert path.stat().st_mtime_ns == 1


def test_a_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(target)
    assert write_atomic(link, b"new")
    assert not link.is_symlink()
    assert target.read_bytes() == b"old"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "kept").touch()
    with pytest.raises(OSError, match=r".+"):
        write_atomic(path, b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
