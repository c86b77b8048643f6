"""The environment variables that promptrun reads, and where each came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Environment:
    """The process environment over the file that ``--env-file`` names; values are never shown.

    An empty variable counts as one that is not set.
    """

    __slots__ = ("_file", "_process")

    def __init__(self, process: Mapping[str, str], file: Mapping[str, str]) -> None:
        self._process = process
        self._file = file

    def get(self, name: str) -> str | None:
        """The value of a variable, of the process first."""
        return self._process.get(name) or self._file.get(name) or None

    def own(self, name: str) -> str | None:
        """The value that the process itself has: a file cannot speak for the user here."""
        return self._process.get(name) or None

    def is_from_file(self, name: str) -> bool:
        """Whether `get` takes this variable from the file."""
        return self.own(name) is None and self.get(name) is not None

    def __repr__(self) -> str:
        return "Environment(…)"


def is_variable_name(text: str) -> bool:
    """Whether a text can name an environment variable: ASCII letters, digits and ``_``."""
    return text.isascii() and text.isidentifier() and len(text) <= 128
