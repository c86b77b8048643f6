"""A spec's files lie below its root, and none of them is hidden."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from promptrun.files.tree import FileProblem, find_root, read_binary, read_text, resolve_below


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "project"
    (root / "specs" / "data").mkdir(parents=True)
    (root / "promptrun.toml").touch()
    (root / "specs" / "a.txt").write_text("a")
    (root / "specs" / "loop").symlink_to("loop")
    (root / ".env").write_text("KEY=1")
    (tmp_path / "outside.txt").write_text("secret")
    return root


def test_a_file_is_found_relative_to_the_folder_that_names_it(root: Path) -> None:
    assert resolve_below(root, root / "specs" / "data", "../a.txt") == root / "specs" / "a.txt"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "~/x",
        "C:/x",
        "\\\\host\\x",
        "../../outside.txt",
        "../.env",
        "a\0b",
        "b.txt",
        "data",
        "x/../../.env",
        "x" * 5_000,
        "x/" * 5_000,
        "\ud800",
        "loop",
    ],
)
def test_nothing_outside_hidden_or_missing_is_had(root: Path, name: str) -> None:
    with pytest.raises(FileProblem):
        resolve_below(root, root / "specs", name)


def test_a_link_out_of_the_root_is_refused(root: Path) -> None:
    (root / "specs" / "link.txt").symlink_to(root.parent / "outside.txt")
    with pytest.raises(FileProblem, match="outside"):
        resolve_below(root, root / "specs", "link.txt")


def test_a_link_to_a_hidden_file_is_refused(root: Path) -> None:
    (root / "specs" / "link.txt").symlink_to(root / ".env")
    with pytest.raises(FileProblem, match="hidden"):
        resolve_below(root, root / "specs", "link.txt")


@pytest.mark.parametrize(
    ("mark", "text"), [("promptrun.toml", ""), ("pyproject.toml", "[tool.promptrun]\njobs = 2")]
)
def test_the_root_is_the_nearest_folder_with_a_mark(tmp_path: Path, mark: str, text: str) -> None:
    inner = tmp_path.resolve() / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / mark).write_text(text)
    assert find_root(inner) == tmp_path.resolve()


def test_text_loses_its_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert read_text(path) == "a\nb"


def test_text_that_is_not_utf8_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("한글".encode("euc-kr"))
    with pytest.raises(FileProblem, match="not UTF-8"):
        read_text(path)


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        for read in (read_text, read_binary):
            with pytest.raises(FileProblem, match=f"^`{path.name}` is not a file$"):
                read(path)


def test_a_pipe_that_is_asked_for_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=("A=1",))
    writer.start()
    assert read_text(pipe, pipe=True) == "A=1"
    writer.join()


def test_a_pipe_where_a_mark_would_be_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pyproject.toml")
    assert find_root(tmp_path) == tmp_path.resolve()
