"""``.promptrun/`` stays in the project, and out of git."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptrun.files.hidden import hidden_folder, make_hidden
from promptrun.files.tree import FileProblem


def test_the_folder_is_made_with_the_file_that_keeps_it_out_of_git(tmp_path: Path) -> None:
    folder = make_hidden(tmp_path, "runs")

    assert folder == tmp_path / ".promptrun" / "runs"
    assert folder.is_dir()
    assert (tmp_path / ".promptrun" / ".gitignore").read_bytes() == b"*\n"


def test_a_gitignore_of_ones_own_is_left_alone(tmp_path: Path) -> None:
    make_hidden(tmp_path, "runs")
    ignore = tmp_path / ".promptrun" / ".gitignore"
    ignore.write_text("*\n!mine\n")

    make_hidden(tmp_path, "pending")

    assert ignore.read_text() == "*\n!mine\n"


def test_naming_the_folder_makes_nothing(tmp_path: Path) -> None:
    assert hidden_folder(tmp_path, "runs") == tmp_path / ".promptrun" / "runs"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("link", [".promptrun", ".promptrun/runs"])
def test_a_link_out_of_the_project_is_refused(tmp_path: Path, link: str) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(outside)

    for use in (hidden_folder, make_hidden):
        with pytest.raises(FileProblem, match="leads out of the project"):
            use(root, "runs")
    assert list(outside.iterdir()) == []
