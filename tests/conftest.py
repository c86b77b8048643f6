"""Every test starts without keys, without settings and without a user's own configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.openai_server import OpenAIServer
from tests.promptrun_cli import KEY, Cli

with suppress(ImportError):
    # The environments of sdk_versions.py do without it.
    from hypothesis import settings

    # What lands is decided by the same examples each time; developers find the new ones.
    settings.register_profile("ci", derandomize=True)
    if os.environ.get("CI", "0").lower() not in {"", "0", "false"}:
        settings.load_profile("ci")

SETTINGS = ("OPENAI_", "AZURE_OPENAI_", "PROMPTRUN_", "GITHUB_")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-errors", action="store_true", help="write the texts of tests/errors/ anew"
    )
    parser.addoption(
        "--write-docs", action="store_true", help="write docs/commands.md and docs/images/ anew"
    )


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in os.environ:
        if name.startswith(SETTINGS) or name in {"CI", "NO_COLOR"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    folder = tmp_path / "project"
    folder.mkdir()
    return Cli(folder, monkeypatch, capfd)


@pytest.fixture
def asking(cli: Cli, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """An empty project whose requests go to `server`, in the place of OpenAI's own."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    cli.write("promptrun.toml", "")
    return cli


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running
