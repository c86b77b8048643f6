"""Projects with replies that wait, and a review of them that is served."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promptrun_cli import Cli
from tests.web.projects import make_waiting
from tests.web.visitor import Visitor, served


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cases of a spec that changed alike, and three of another, each to another reply."""
    folder = tmp_path_factory.mktemp("template") / "project"
    make_waiting(folder)
    return folder


@pytest.fixture
def waiting(asking: Cli, template: Path) -> Cli:
    """A copy of that project; its requests go to `server`."""
    shutil.copytree(template, asking.folder, dirs_exist_ok=True)
    return asking


@pytest.fixture
def visitor(waiting: Cli) -> Iterator[Visitor]:
    """Somebody with the page of a review open."""
    with served(waiting.folder) as visitor:
        visitor.enter()
        yield visitor
