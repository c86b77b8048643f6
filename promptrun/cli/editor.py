"""The user's own editor, at a file."""

from __future__ import annotations

import os
import shlex
import subprocess
from shutil import which
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def edit_file(path: Path) -> str | None:
    """Open the editor that ``VISUAL`` or ``EDITOR`` names, and wait; why that failed, or None.

    Never through a shell, as some versions of `click.edit` do: the file's name may be a stranger's.
    """
    told = os.environ.get("VISUAL") or os.environ.get("EDITOR") or _usual_editor()
    try:
        code = subprocess.run([*shlex.split(told), str(path)], check=False).returncode  # noqa: S603 - the user's own choice
    except (OSError, ValueError) as error:
        return f"the editor `{told}` cannot be started: {error}"
    return f"the editor `{told}` ended with {code}" if code else None


def _usual_editor() -> str:
    if os.name == "nt":
        return "notepad"
    return next((name for name in ("sensible-editor", "vim", "nano") if which(name)), "vi")
