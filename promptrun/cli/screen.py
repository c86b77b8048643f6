"""The two streams that a person or a program reads, and how each may be written to."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from promptrun.reports.style import Style

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

USUAL_WIDTH = 80


class Screen:
    """stdout is data and stderr is talk; each knows whether it is a terminal.

    Where `can_redraw`, a line of stderr may be taken back and written anew.
    """

    def __init__(self) -> None:
        self.out = _readable(sys.stdout)
        self.err = _readable(sys.stderr)
        self.out_is_terminal = self.out.isatty()
        self.err_is_terminal = self.err.isatty()
        self.can_redraw = self.err_is_terminal and os.environ.get("TERM") != "dumb"
        self.style = Style(
            color=_may_colour(self.err), width=_columns(), folds=self.err_is_terminal
        )

    @property
    def width(self) -> int:
        """Columns as they are now; `style` has those of the beginning."""
        return _columns()

    def is_lost(self, form: str) -> bool:
        """Whether nobody is left to read: the data that was asked for, or anything at all."""
        out, err = (getattr(one, "is_lost", False) for one in (sys.stdout, sys.stderr))
        return bool(out and (err or form != "text"))

    def data(self, text: str, *, end: str = "\n") -> None:
        """Write what was asked for, at once."""
        self.out.write(text + end)
        self.out.flush()

    def talk(self, text: str, *, end: str = "\n") -> None:
        """Write about it."""
        # Both may be one terminal: what was written first has to be read first.
        self.out.flush()
        self.err.write(text + end)
        self.err.flush()

    @property
    def in_github_log(self) -> bool:
        """Whether what is written about things stands in the log of a job on GitHub."""
        return getattr(self.err, "commands", None) is not None

    @property
    def command_data(self) -> TextIO:
        """Where to write data that is meant as commands to the log of a job on GitHub: stdout."""
        commands: TextIO | None = getattr(self.out, "commands", None)
        return commands or self.out

    def talk_of(self, title: str, lines: Sequence[str]) -> None:
        """Write about what has a title; in the log of a job on GitHub, it can be folded away."""
        commands: TextIO | None = getattr(self.err, "commands", None)
        if commands is None or not lines:
            self.talk("\n".join([title, *lines]))
            return
        from promptrun.cli.github_log import write_command

        self.out.flush()
        commands.write(write_command("group", title))
        self.talk("\n".join(lines))
        commands.write(write_command("endgroup"))
        commands.flush()


def warn_of_strangers(screen: Screen, names: Iterable[str]) -> None:
    """Say which variables of the command line nothing uses."""
    from promptrun.reports.problems import write_message

    for name in names:
        screen.talk(
            write_message("warning", f"no spec mentions the variable `{name}`", screen.style)
        )


def _columns() -> int:
    """As `shutil.get_terminal_size`, whose module takes longer to load than a replay has."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    for stream in (sys.stderr, sys.stdout):
        try:
            return os.get_terminal_size(stream.fileno()).columns or USUAL_WIDTH
        except (OSError, ValueError):
            continue
    return USUAL_WIDTH


def _may_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _readable(stream: TextIO) -> TextIO:
    """Korean is written as UTF-8 wherever it goes, and a lone surrogate never ends a run."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8", errors="backslashreplace")
    return stream
