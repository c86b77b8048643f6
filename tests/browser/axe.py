"""axe-core, which finds what keeps people from using a page; fetched once, into the user's cache.

``python3 tests/browser/axe.py`` fetches it and tells its version; the standard library is enough.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

VERSION: Final = "4.14.1"
"""Pinned: a new version has new rules, and those are taken when we are ready for them."""
INSIDE: Final = Path("node_modules", "axe-core", "axe.min.js")
SERIOUS: Final = ("serious", "critical")
RUN: Final = "async () => (await axe.run()).violations"


class Missing(Exception):
    """There is no axe-core, and none could be fetched."""


def find_axe() -> Path:
    """The script: `PROMPTRUN_AXE`, else the one in the cache, fetched by npm where it is missing.

    Raises `Missing`.
    """
    named = os.environ.get("PROMPTRUN_AXE")
    if named:
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "promptrun-tests" / f"axe-core-{VERSION}"
    if not (folder / INSIDE).exists():
        _fetch(folder)
    return folder / INSIDE


def _fetch(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("axe-core is missing, and so is npm, which fetches it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        where = ("--prefix", name, "--no-audit", "--no-fund", "--ignore-scripts")
        command = (npm, "install", *where, f"axe-core@{VERSION}")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"npm could not fetch axe-core: {done.stderr.strip()}")
        try:
            # In one step, since another worker may fetch it, too: the first one to end wins.
            Path(name, "node_modules").rename(_made(folder) / "node_modules")
        except OSError:
            if not (folder / INSIDE).exists():
                raise


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def find_violations(page: Page, script: str) -> list[str]:
    """What axe-core, whose text is `script`, finds on `page`: a line each, serious ones only.

    Evaluated through the debugger, so that the page's own policy does not matter.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(script)
    return [
        f"{found['id']} ({found['impact']}): {found['help']}: {_places(found)}"
        for found in page.evaluate(RUN)
        if found["impact"] in SERIOUS
    ]


def _places(found: dict[str, list[dict[str, object]]]) -> str:
    """The first elements that break a rule, with what is wrong with each."""
    nodes = found["nodes"]
    told = [f"{node['html']!s:.200}: {node['failureSummary']!s:.300}" for node in nodes[:3]]
    return " | ".join(told) + (f" | and {len(nodes) - 3} more" if len(nodes) > 3 else "")


if __name__ == "__main__":
    try:
        path = find_axe()
    except Missing as missing:
        sys.exit(str(missing))
    version = re.search(r"axe v([\d.]+)", path.read_text("utf-8")[:200])
    print(f"axe-core {version[1] if version else 'of an unknown version'}, {path}")  # noqa: T201 - a program
