from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import sys
from pathlib import Path
# What the interpreter's own pathlib brings along is not ours.
before = set(sys.modules)
from promptrun.config import Masker, choose_provider, load_settings, resolve_server, secrets_of
settings = load_settings(Path(sys.argv[1]), environ={})
server = resolve_server(settings, choose_provider(settings, None))
Masker(secrets_of(settings, [server])).mask({"a": ["b"]})
print(server.name, *(set(sys.modules) - before))
"""
SLOW = {
    "asyncio", "base64", "dataclasses", "difflib", "hashlib", "ipaddress", "openai", "platformdirs",
    "urllib.parse", "promptrun.config.spellings", "promptrun.config.urls",
}  # fmt: skip


def test_a_replay_without_a_key_pays_for_nothing_slow(tmp_path: Path) -> None:
    (tmp_path / "promptrun.toml").write_text('provider = "local"\njobs = 2\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=True
    )
    name, *modules = done.stdout.split()
    assert name == "local"
    assert not SLOW.intersection(modules)
