"""Runs pip or uv as programs of their own, away from the user's folder and screen."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_POLL = 0.2
_LONGEST_REASON = 300


class InstallerError(Exception):
    """The program is not there, or did not do what it was asked for."""


def run_installer(command: Sequence[str], scratch: Path, waiting: Callable[[], None]) -> bytes:
    """The program's output; `waiting` is called until it ends, and may raise to end it.

    It runs in an empty folder below `scratch`, so that no module that lies about gets in its way,
    and keeps its temporary files in `scratch`. Raises InstallerError with its last line.
    """
    empty = scratch / "empty"
    empty.mkdir(exist_ok=True)
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    # Nothing is installed, so a rule about where to install has nothing to say.
    environment = {**os.environ, **temporary, "PIP_REQUIRE_VIRTUALENV": "0", "COLUMNS": "4096"}
    with TemporaryFile() as output, TemporaryFile() as errors:
        try:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, or the uv on the path
                command,
                cwd=empty,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )
        except OSError as error:
            raise InstallerError(f"`{command[0]}` does not start: {error.strerror}") from None
        try:
            while process.poll() is None:
                waiting()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL)
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            lines = errors.read().decode("utf-8", "replace").strip().splitlines()
            reason = lines[-1] if lines else f"exit {process.returncode}"
            raise InstallerError(reason.removeprefix("ERROR: ")[:_LONGEST_REASON])
        return output.read()
