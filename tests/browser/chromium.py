"""The Chromium that the tests and the benchmarks drive: the machine's own, found and started."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
LOOPBACK: Final = "127.*.*.*"
"""A pattern of Chromium's: each review has an address of its own."""


def find_chromium() -> str | None:
    """The program: `PROMPTRUN_CHROMIUM`, else the first of the usual names in `PATH`."""
    named = os.environ.get("PROMPTRUN_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def start_chromium(playwright: Playwright, program: str) -> Browser:
    """A browser without a window, for which no host exists but this one."""
    options = [f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {LOOPBACK}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Its sandbox refuses to run as root.
        options.append("--no-sandbox")
    return playwright.chromium.launch(executable_path=program, args=options)
