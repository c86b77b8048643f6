"""The program before somebody: in a terminal of its own, or in a window of this process.

A `Terminal` has a process of its own, whose keys and signals are real ones. A `Window` is a real
terminal, too, but the program runs in this process, which takes a twentieth of the time; a `Sheet`
is what stands in it in the end.
"""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO, cast

import pytest

from promptrun.reports.width import display_width
from tests.promptrun_cli import Cli

# Whoever leads a session owns the first terminal that he opens, and gets its Ctrl-C.
PROGRAM = "import os; os.open(os.ttyname(0), os.O_RDWR); from promptrun.cli import main; main()"
PATIENCE = 30.0
KEYS = "? help"
"""What stands at the end of the keys that a review offers."""
END = "\x04"
COLOUR = r"\x1b\[[\d;]*m"


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


class Window:
    """A terminal of so many columns, as the streams of this process."""

    def __init__(self, columns: int) -> None:
        self._ours, self._theirs = pty.openpty()
        termios.tcsetwinsize(self._theirs, (24, columns))
        self._seen: list[bytes] = []
        self._stopping = threading.Event()

    @contextmanager
    def standing(self, monkeypatch: pytest.MonkeyPatch, keys: Sequence[str]) -> Iterator[None]:
        """Be stdin, stdout and stderr, and strike a key whenever the review asks."""
        monkeypatch.delenv("COLUMNS", raising=False)
        with self._opened("r") as stdin, self._opened("w") as out, self._opened("w") as err:
            for name, stream in (("stdin", stdin), ("stdout", out), ("stderr", err)):
                monkeypatch.setattr(sys, name, stream)
            reader = threading.Thread(target=self._read, args=(list(keys),))
            reader.start()
            try:
                yield
            finally:
                out.flush()
                err.flush()
                self._stopping.set()
                reader.join()
        os.close(self._theirs)
        os.close(self._ours)

    @property
    def seen(self) -> str:
        """All that was written, with its controls."""
        return b"".join(self._seen).decode()

    def _opened(self, mode: str) -> TextIO:
        return cast("TextIO", open(self._theirs, mode, encoding="utf-8", closefd=False))

    def _read(self, keys: list[str]) -> None:
        asked = 0
        while not self._stopping.is_set() or select.select([self._ours], [], [], 0)[0]:
            if select.select([self._ours], [], [], 0.02)[0]:
                self._seen.append(os.read(self._ours, 65536))
            elif self._asked() > asked and not termios.tcgetattr(self._theirs)[3] & termios.ICANON:
                asked += 1
                os.write(self._ours, (keys.pop(0) if keys else END).encode())

    def _asked(self) -> int:
        return re.sub(COLOUR, "", self.seen).count(KEYS)


@contextmanager
def in_pipes(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Put pipes in the place of stdout and stderr; in the end, what came out of each."""
    seen: dict[str, str] = {}
    with ExitStack() as stack:
        readers = []
        for name in ("stdout", "stderr"):
            ours, theirs = os.pipe()
            reader = threading.Thread(target=_drain, args=(ours, name, seen))
            reader.start()
            readers.append(reader)
            stream = stack.enter_context(open(theirs, "w", encoding="utf-8"))  # noqa: PTH123 - a descriptor
            monkeypatch.setattr(sys, name, stream)
        yield seen
    for reader in readers:
        reader.join()


def _drain(descriptor: int, name: str, seen: dict[str, str]) -> None:
    with open(descriptor, encoding="utf-8", newline="") as stream:
        seen[name] = stream.read()


class Sheet:
    """What stands in a window in the end, row by row, with the colours as words.

    It knows what promptrun uses: ends of lines, the way back to the first column, the erasing of a
    row, and colours. A row that the terminal had to break ends with ``↩``.
    """

    MARKS: Final = {
        "1": "bold",
        "2": "dim",
        "7": "reverse",
        "31": "red",
        "32": "green",
        "33": "yellow",
    }
    _TOKEN = re.compile(r"\x1b\[([\d;]*)([A-Za-z])|(.)", re.DOTALL)

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._rows: list[list[str]] = [[]]
        self._broken: set[int] = set()
        self._column = 0

    def take(self, text: str) -> None:
        """Write a text that is whole: no sequence of it comes in parts."""
        for match in self._TOKEN.finditer(text):
            codes, letter, character = match.groups()
            if letter == "m":
                self._rows[-1].append(self._mark(codes))
            elif letter == "K":
                del self._rows[-1][self._column :]
            elif letter:
                raise ValueError(f"an escape sequence that nobody expects: {match.group()!r}")
            elif character == "\r":
                self._column = 0
            elif character == "\n":
                self._rows.append([])
                self._column = 0
            elif character < " " or character == "\x7f":
                raise ValueError(f"a control character: {character!r}")
            else:
                self._put(character)

    def __str__(self) -> str:
        rows = ("".join(row) for row in self._rows)
        return "\n".join(
            f"{row}↩" if at in self._broken else row.rstrip() for at, row in enumerate(rows)
        )

    def _put(self, character: str) -> None:
        if self._column + display_width(character) > self._columns:
            self._broken.add(len(self._rows) - 1)
            self._rows.append([])
            self._column = 0
        self._rows[-1].append(character)
        self._column += display_width(character)

    def _mark(self, codes: str) -> str:
        if codes == "0":
            return "⟨⟩"
        return f"⟨{' '.join(self.MARKS[code] for code in codes.split(';'))}⟩"
