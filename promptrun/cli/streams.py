"""stdout and stderr as they really are: closed, full, or a pipe whose reader has gone."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.cli.github_log import CommandGuard


class GuardedStream:
    """A stream that never ends a run: once it cannot be written to, it is silent.

    Keys of the environment are masked in whatever is written. Replies were masked before, in all
    their spellings; this is for the rest, such as an error that shows a line of a spec. In the log
    of a job on GitHub, nothing that is written is a command but by `commands`.
    """

    def __init__(
        self,
        stream: TextIO,
        name: str,
        lost: list[str],
        keys: tuple[str, ...],
        guard: CommandGuard | None,
    ) -> None:
        self._stream = stream
        self._name = name
        self._lost = lost
        self._keys = keys
        self._guard = guard
        self._silent = False
        self.commands = CommandStream(self) if guard is not None else None
        """The same stream for what is meant as commands to the log that it ends in; None where it
        ends in no such log."""

    @property
    def is_lost(self) -> bool:
        """Whether nobody reads what is written."""
        return self._silent

    def write(self, text: str) -> int:
        """Write, or be silent."""
        if self._guard is not None:
            text = self._guard.defuse(text)
        self._write(text)
        return len(text)

    def write_commands(self, text: str) -> None:
        """Write whole lines that may be commands, or be silent."""
        self._write(text)

    def _write(self, text: str) -> None:
        for key in self._keys:
            if key in text:
                text = text.replace(key, "***")
        if not self._silent:
            self._try(self._stream.write, text)

    def flush(self) -> None:
        """Flush, or be silent."""
        if not self._silent:
            self._try(self._stream.flush)

    def _try(self, act: Any, *arguments: Any) -> None:
        try:
            act(*arguments)
        except BrokenPipeError:
            # The reader has what it wanted (`promptrun list | head`); the run goes on.
            self._fall_silent()
        except OSError as error:
            self._lost.append(f"cannot write to {self._name}: {error.strerror}")
            self._fall_silent()

    def _fall_silent(self) -> None:
        self._silent = True
        # What Python still holds back would fail again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class CommandStream:
    """A guarded stream, for a writer who means what GitHub's log takes for a command."""

    def __init__(self, stream: GuardedStream) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write whole lines."""
        self._stream.write_commands(text)
        return len(text)

    def flush(self) -> None:
        """Flush what was written."""
        self._stream.flush()


@contextmanager
def guarded_streams() -> Iterator[list[str]]:
    """Guard stdout and stderr; the list that is given gets what could not be written.

    A stream that the caller closed is /dev/null. A loss on stdout is told on stderr.
    """
    lost: list[str] = []
    keys = tuple(
        value
        for name, value in os.environ.items()
        if name.endswith(("API_KEY", "API_TOKEN")) and len(value) >= 8
    )
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no path of ours
        out, err = before[0] or nowhere, before[1] or nowhere
        sys.stdout = GuardedStream(out, "stdout", lost, keys, _guard(out))
        sys.stderr = GuardedStream(err, "stderr", lost, keys, _guard(err))
        try:
            yield lost
            sys.stdout.flush()
            if lost:
                sys.stderr.write("".join(f"error: {one}\n" for one in lost))
            sys.stderr.flush()
        finally:
            sys.stdout, sys.stderr = before


def _guard(stream: TextIO) -> CommandGuard | None:
    if "GITHUB_ACTIONS" not in os.environ:
        return None
    from promptrun.cli.github_log import CommandGuard, is_github_log

    return CommandGuard() if is_github_log(stream, os.environ) else None
