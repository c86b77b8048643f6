"""A project whose tests run in a pytest of their own, as its users run them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.openai_server import OpenAIServer
from tests.promptrun_cli import Cli

SPEC = """\
model: gpt-4o-mini
messages: [{role: user, content: "{{ greeting }}! 저는 존이라고 합니다!"}]
vars: {greeting: 안녕하세요}
"""
TWO = f"""{SPEC}cases:
  - name: 정중
  - name: 반말
    vars: {{greeting: 안녕}}
"""


class Ended(NamedTuple):
    """What came of one run of pytest."""

    code: int
    text: str

    @property
    def outcomes(self) -> Counter[str]:
        """How many tests had each outcome, from the last line."""
        words = self.text.strip().rpartition("\n")[2].strip("= ").replace(",", "").split()
        return Counter({b.rstrip("s"): int(a) for a, b in pairwise(words) if a.isdigit()})


class InPytest:
    """A project with pytest to run in it."""

    def __init__(self, cli: Cli, bytecode: Path) -> None:
        self.cli = cli
        self.folder = cli.folder
        self.write = cli.write
        self.files = cli.files
        self._bytecode = bytecode

    def __call__(self, *arguments: str, **environ: str) -> Ended:
        """Run ``pytest ARGUMENTS…`` there; any warning is an error, any strange marker, too."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        own.pop("PYTHONDONTWRITEBYTECODE", None)
        own |= {"PYTHONPYCACHEPREFIX": str(self._bytecode), **environ}
        plain = ("-p", "no:randomly", "-p", "no:cacheprovider", "-W", "error", "--strict-markers")
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", *plain, *arguments],
            cwd=self.folder,
            env=own,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return Ended(ran.returncode, ran.stdout + ran.stderr)


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs keep what they compile, so that only the first is slow."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def project(cli: Cli, bytecode: Path) -> InPytest:
    """An empty project without a key."""
    cli.write("promptrun.toml", "")
    cli.write("pytest.ini", "[pytest]\n")
    return InPytest(cli, bytecode)


@pytest.fixture
def tested(project: InPytest, asking: Cli, server: OpenAIServer) -> InPytest:
    """The same with a spec of two cases, whose requests go to `server`."""
    project.write("specs/hello.yaml", TWO)
    return project
