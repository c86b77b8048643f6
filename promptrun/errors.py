"""The errors of promptrun, as data: what happened, where, and what mends it.

::

    PromptrunError              catch this one                               exit
    ├── UsageError              the command line, the settings, a key         2
    │   ├── TrustError          a permission that nobody has given            2
    │   └── UsageErrors         all the mistakes of the settings, together    2
    ├── SpecError               one mistake in a spec or in a file it names   2
    ├── SpecErrors              all the mistakes of a run, together           2
    ├── SnapshotError           an accepted reply that cannot be used         2
    ├── runs.RecordError        a run that cannot be recorded                 2
    ├── StoppedError            a run that ended before its last case         3
    └── ProviderError           no reply; it ends its own case only           3

How an error looks on a screen is the business of ``reports``; which exit code ends the process is
decided by ``cli`` from ``exit_code``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Location(NamedTuple):
    """A place in a text file. Lines and columns count from 1, columns in characters."""

    file: str
    line: int
    column: int = 1
    source: str = ""
    """The text of that line, without its line end; empty where it is unknown."""
    width: int = 1
    """How many characters of `source` are meant, from `column` on."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class PromptrunError(Exception):
    """The base of every error that promptrun raises on purpose."""

    exit_code = 1

    def __init__(
        self, message: str, *, location: Location | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.location}: " if self.location else ""
        hint = f" (hint: {self.hint})" if self.hint else ""
        return f"{place}{self.message}{hint}"


class UsageError(PromptrunError):
    """The command line or the settings ask for something that cannot be done."""

    exit_code = 2


class TrustError(UsageError):
    """A project's settings ask for a permission that ``promptrun trust`` has not given."""


class UsageErrors(UsageError):
    """Every mistake of the settings and of an ``--env-file``, in the order of the files."""

    def __init__(self, errors: Iterable[UsageError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


class SpecError(PromptrunError):
    """A spec, or a file that it names, says something that cannot be sent."""

    exit_code = 2


class SpecErrors(PromptrunError):
    """Every mistake that was found before anything was sent, in the order of the files."""

    exit_code = 2

    def __init__(self, errors: Iterable[SpecError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


class StoppedError(PromptrunError):
    """A run of the Python API that a limit or a final failure ended before its last case."""

    exit_code = 3

    def __init__(
        self, message: str, *, hint: str | None = None, results: Iterable[object] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.results = tuple(results)
        """The `CaseResult` of each case that ended before."""


class SnapshotError(PromptrunError):
    """A snapshot is of a newer format, or belongs to another case; it is left as it is."""

    exit_code = 2


class ProviderError(PromptrunError):
    """No reply came. `models.Failure` is the same as a value; the pipeline carries that one."""

    exit_code = 3
