r"""The log of a job on GitHub, where a line can be a command to the machine that runs the job.

``::add-mask::…`` at the beginning of a line, blanks aside, and ``##[error]…`` anywhere in one are
taken for commands, whoever wrote them. So the last character of what begins one is written as
``\u003a`` or ``\u005b``: it is seen, nothing that comes after it can undo it, and inside JSON it is
the same value. Stopping all commands between two marks would be no help: stdout and stderr share
that state, the machine reads them in any order, and both marks would stand in the log.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

# A carriage return ends a line there, too.
_COMMAND: Final = re.compile(r"(?:\A|[\r\n])(?:[^\S\r\n]|\ufeff)*::|##\[")
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})


def is_github_log(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a stream may end in the log of a job: it is no file, and the job runs on GitHub."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return False
    try:
        return not stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return True


def write_command(name: str, data: str = "") -> str:
    """A command of our own, as a line."""
    return f"::{name}::{data.translate(_DATA)}\n"


class CommandGuard:
    """Takes the text of one stream, in parts of any size, and gives it without commands."""

    def __init__(self) -> None:
        self._begun = ""
        """What stands for the line that is being written: nothing for blanks, the colon or the
        hashes that a command may begin with, and a letter for whatever else came before those."""

    def defuse(self, text: str) -> str:
        """The next part of the text."""
        whole = self._begun + text
        safe = _COMMAND.sub(_escape_last, whole)[len(self._begun) :]
        self._begun = self._remember(whole)
        return safe

    def _remember(self, whole: str) -> str:
        line = whole[max(whole.rfind("\n"), whole.rfind("\r")) + 1 :]
        told = line.replace("\ufeff", "").lstrip()
        if told in {"", ":"}:
            return told
        hashes = len(told) - len(told.rstrip("#"))
        return f"x{'#' * min(hashes, 2)}"


def _escape_last(match: re.Match[str]) -> str:
    begin = match.group()
    return rf"{begin[:-1]}\u{ord(begin[-1]):04x}"
