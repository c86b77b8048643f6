"""The command line in this process: what a test types, and what it reads."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from promptrun.cli import main

KEY = "sk-test-0123456789"
"""What stands for OpenAI's key in the tests."""


class Ran(NamedTuple):
    """What came of one command."""

    code: int
    out: str
    err: str


class Cli:
    """A folder of its own, outside of any project, in which `promptrun` is run."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capfd = capfd

    def __call__(self, *arguments: str, cwd: Path | None = None, **environ: str) -> Ran:
        """Type ``promptrun ARGUMENTS…`` in `cwd` (the folder itself), with `environ` added."""
        self._capfd.readouterr()
        with self._monkeypatch.context() as patch:
            patch.chdir(cwd or self.folder)
            for name, value in environ.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        out, err = self._capfd.readouterr()
        return Ran(ended.value.code if isinstance(ended.value.code, int) else 0, out, err)

    def write(self, name: str, text: str) -> Path:
        """Make a file of the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
        return path

    def read(self, name: str) -> str:
        """The text of a file of the folder."""
        return (self.folder / name).read_text("utf-8")

    def files(self, under: str = "") -> list[str]:
        """Every file below the folder, sorted.

        Of ``.promptrun`` neither what makes git ignore it, nor the records of runs.
        """
        top = self.folder / under
        return sorted(
            path.relative_to(self.folder).as_posix()
            for path in top.rglob("*")
            if path.is_file() and path.name != ".gitignore" and path.suffix != ".sqlite"
        )

    def records(self) -> list[Path]:
        """The record of each run, the oldest first."""
        return sorted((self.folder / ".promptrun" / "runs").glob("*.sqlite"))
