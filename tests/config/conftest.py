"""A project of its own for each test, and a user's configuration that is nobody's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from promptrun.config import Flags, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Load = Callable[..., Settings]


@pytest.fixture(autouse=True)
def config_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    return home


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def load(root: Path) -> Load:
    """Settings of the project, whose promptrun.toml holds `text`."""

    def load_text(
        text: str = "",
        environ: Mapping[str, str] | None = None,
        env_text: str | None = None,
        flags: Flags | None = None,
    ) -> Settings:
        (root / "promptrun.toml").write_text(text, encoding="utf-8")
        env_file = None
        if env_text is not None:
            env_file = root / ".env"
            env_file.write_text(env_text, encoding="utf-8")
        return load_settings(root, environ=environ or {}, env_file=env_file, flags=flags)

    return load_text
