"""What every report is made of, and the formats that there are."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from promptrun.models import CaseResult
    from promptrun.reports.history import PastRun

FORMATS: Final = {
    "html": "promptrun.reports.html",
    "junit": "promptrun.reports.junit",
    "json": "promptrun.reports.json_report",
    "jsonl": "promptrun.reports.jsonl",
    "markdown": "promptrun.reports.markdown",
    "github": "promptrun.reports.github",
}
"""Each format and the module that holds it, as `write`."""


class Report(Protocol):
    """A recorded run. Reports are pure functions of it, and hold one case at a time."""

    @property
    def run(self) -> PastRun:
        """The run as the list tells it; its `root` is a path of one machine, and never told."""

    @property
    def past(self) -> Sequence[PastRun]:
        """Earlier runs over the same paths, newest first; at most about thirty."""

    def results(self) -> Iterator[CaseResult]:
        """What became of every case, in the order in which they ended; each call begins anew.

        Of a request, `body` is what was sent, secrets masked: an image that was not kept stands as
        ``{sha256, bytes, type}`` in place of its URL. `spent`, `tags`, `location` and `accepted`
        are set where they are known.
        """


def find_format(name: str) -> Callable[[Report, TextIO], None]:
    """The function that writes a report in the format of that name; KeyError for no format."""
    write: Callable[[Report, TextIO], None] = import_module(FORMATS[name]).write
    return write
