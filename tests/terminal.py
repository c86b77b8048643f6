"""The program in a terminal of its own, as somebody sits before it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.promptrun_cli import Cli

# Whoever leads a session owns the first terminal that he opens, and gets its Ctrl-C.
PROGRAM = "import os; os.open(os.ttyname(0), os.O_RDWR); from promptrun.cli import main; main()"
PATIENCE = 30.0


class Terminal:
    """A run of ``promptrun ARGUMENTS…``; `out` takes its stdout in place of the terminal."""

    def __init__(
        self, project: Cli, arguments: tuple[str, ...], out: Path | None, environ: dict[str, str]
    ) -> None:
        self._ours, theirs = pty.openpty()
        stdout = theirs if out is None else os.open(out, os.O_CREAT | os.O_WRONLY)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            cwd=project.folder,
            stdin=theirs,
            stdout=stdout,
            stderr=theirs,
            env=os.environ | {"NO_COLOR": "1", "TERM": "xterm"} | environ,
            start_new_session=True,
        )
        for opened in {theirs, stdout}:
            os.close(opened)
        self.seen = ""
        """All that it showed so far."""
        self._told = 0

    def wait_for(self, wanted: str) -> str:
        """Read until `wanted` is shown; gives what is new before it, and itself."""
        end = time.monotonic() + PATIENCE
        while (found := self.seen.find(wanted, self._told)) < 0:
            assert time.monotonic() < end, f"{wanted!r} never came:\n{self.seen}"
            if select.select([self._ours], [], [], 0.2)[0]:
                assert self._read(), f"the program ended before {wanted!r} came:\n{self.seen}"
        start, self._told = self._told, found + len(wanted)
        return self.seen[start : self._told]

    def press(self, key: str) -> None:
        """Strike a key, once the program reads keys and no lines."""
        end = time.monotonic() + PATIENCE
        while termios.tcgetattr(self._ours)[3] & termios.ICANON:
            assert time.monotonic() < end, "no key is read"
            time.sleep(0.01)
        self.type(key)

    def type(self, keys: str) -> None:
        """Strike keys, whatever the program does."""
        os.write(self._ours, keys.encode())

    def end(self) -> tuple[int, str]:
        """Wait for the program to end; its exit code, and what it showed last."""
        while self._read():
            pass
        return self.process.wait(PATIENCE), self.seen[self._told :]

    def close(self) -> None:
        """End it, whatever it does."""
        with suppress(OSError):
            os.close(self._ours)
        self.process.kill()
        self.process.wait()

    def _read(self) -> bool:
        try:
            piece = os.read(self._ours, 65536)
        except OSError:  # nobody has the other end any more
            return False
        self.seen += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)


@contextmanager
def before_a_terminal(
    project: Cli, *arguments: str, out: Path | None = None, **environ: str
) -> Iterator[Terminal]:
    """Sit before the program; it is ended when nobody does any more."""
    terminal = Terminal(project, arguments, out, environ)
    try:
        yield terminal
    finally:
        terminal.close()
