"""Each folder of `tests/errors/` holds a mistake and the whole text that it gets.

`command` is what is typed there (without it: ``promptrun check .``), `expected.txt` the exit code
and everything that is printed. ``pytest tests/test_errors.py --write-errors`` writes the texts.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from tests.promptrun_cli import Cli

FOLDER = Path(__file__).parent / "errors"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_gets_its_text(name: str, cli: Cli, request: pytest.FixtureRequest) -> None:
    shutil.copytree(FOLDER / name, cli.folder, dirs_exist_ok=True)
    (cli.folder / "expected.txt").unlink(missing_ok=True)
    command = cli.folder / "command"
    words = shlex.split(command.read_text("utf-8")) if command.exists() else ["check", "."]
    command.unlink(missing_ok=True)

    ran = cli(*words)

    text = f"exit {ran.code}\n{ran.out}{ran.err}".replace(str(cli.folder), "PROJECT")
    expected = FOLDER / name / "expected.txt"
    if request.config.getoption("--write-errors"):
        expected.write_text(text, "utf-8", newline="\n")
    assert text == expected.read_text("utf-8")
    assert ran.code != 0


def test_there_are_at_least_forty_mistakes() -> None:
    assert len(NAMES) >= 40
