"""A reader sees the old file or the new one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from promptrun.files.atomic import (
    LEFT_BEHIND,
    holds,
    is_temporary,
    sweep_folder,
    sync_files,
    sync_folders,
    write_atomic,
    write_temporary,
)

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


def test_a_pipe_is_replaced_and_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert write_atomic(path, b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("there", "same"), [(b"new", True), (b"old", False), (b"newer", False), (None, False)]
)
def test_a_file_holds_its_bytes_and_no_others(
    tmp_path: Path, there: bytes | None, *, same: bool
) -> None:
    path = tmp_path / "a"
    if there is not None:
        path.write_bytes(there)
    assert holds(path, b"new") is same


def test_a_temporary_file_lies_beside_its_goal_and_is_known_by_its_name(tmp_path: Path) -> None:
    temporary = write_temporary(tmp_path / "folder" / "a.yaml", "글".encode())
    assert temporary.parent == tmp_path / "folder"
    assert temporary.read_bytes() == "글".encode()
    assert is_temporary(temporary.name)
    assert not any(map(is_temporary, ["a.yaml", ".tmp", "x.tmp", f"{temporary.name}.yaml"]))


def test_the_temporary_file_of_a_process_that_has_ended_is_swept(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from promptrun.files.atomic import write_temporary;"
        "write_temporary(pathlib.Path(sys.argv[1]) / 'a', b'x')"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    mine = write_temporary(tmp_path / "a", b"x")
    for path in tmp_path.iterdir():
        os.utime(path, (time.time() - 5,) * 2)
    assert len(list(tmp_path.iterdir())) == 2
    sweep_folder(tmp_path)
    assert list(tmp_path.iterdir()) == [mine]


def test_only_temporary_files_that_are_a_day_old_are_swept(tmp_path: Path) -> None:
    names = [".0123456789abcdef.tmp", ".fedcba9876543210.tmp", "a.yaml", ".short.tmp"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".00000000000000ff.tmp").mkdir()
    for path in tmp_path.iterdir():
        age = 0 if path.name == names[1] else LEFT_BEHIND + 60
        os.utime(path, (time.time() - age,) * 2)
    sweep_folder(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*names[1:], ".00000000000000ff.tmp"}
    sweep_folder(tmp_path / "missing")


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("platform", ["linux", "other"])
def test_files_and_folders_are_synced_and_what_is_refused_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, platform: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    paths = [tmp_path / str(number) for number in range(count)]
    for path in paths:
        path.write_bytes(b"x")
    assert sync_files(paths) == {}
    assert sync_folders([tmp_path]) == {}
    missing = tmp_path / "missing"
    refused = sync_files([*paths, missing])
    assert {path: error.errno for path, error in refused.items()} == {missing: errno.ENOENT}
