"""The recorded runs beside the review: the newest one while it goes on, all of them, a report."""

from __future__ import annotations

import os
import tempfile
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from promptrun.errors import PromptrunError, UsageError
from promptrun.files.hidden import hidden_folder
from promptrun.files.tree import FileProblem
from promptrun.pipeline.history import History, find_wanted, read_history

if TYPE_CHECKING:
    from promptrun.pipeline.options import Options
    from promptrun.reports.history import PastRun

MOST_RUNS: Final = 100
"""Runs of the table."""
_IN_MEMORY: Final = 8 * 2**20
"""Bytes of a report that need no file."""


class Runs:
    """The records of the projects that are reviewed.

    One thread at a time may call it, but for `write_report`, which stands alone.
    """

    def __init__(self, options: Options) -> None:
        self._targets = options.targets
        self._cwd = options.cwd
        self._stamp: object = None
        self._newest: PastRun | None = None

    def newest(self) -> PastRun | None:
        """The run that began last, as it stands; None where there is none that can be read."""
        stamp = self._take_stamp()
        running = self._newest is not None and self._newest.state == "running"
        if stamp != self._stamp or running:
            self._stamp = stamp
            self._newest = self._look()
        return self._newest

    def all(self) -> History:
        """The newest `MOST_RUNS`; raises UsageError where the folder cannot be read."""
        return read_history(self._targets, cwd=self._cwd, most=MOST_RUNS)

    def write_report(self, run_id: str) -> IO[bytes]:
        """The HTML report of a run in this list, as a file to be read from its beginning.

        Raises UsageError where there is no such run, and where its record cannot be read.
        """
        from promptrun.pipeline.reporting import RecordedRun
        from promptrun.reports.report import find_format

        run = next((one for one in self.all().runs if one.id == run_id), None)
        if run is None:
            raise UsageError(f"no run `{run_id[:80]}` is recorded")
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - whoever reads it closes it
        try:
            out = TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
            with RecordedRun([Path(run.root)], run.id) as report:
                find_format("html")(report, out)
            out.detach()  # else the file is closed with it
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def _look(self) -> PastRun | None:
        try:
            runs = read_history(self._targets, cwd=self._cwd, most=1).runs
        except PromptrunError:
            return None
        return next((one for one in runs if one.state != "unreadable"), None)

    def _take_stamp(self) -> object:
        """What moves with every row that a run writes."""
        return [_list(root) for root in sorted(find_wanted(self._targets, self._cwd))]


def _list(root: Path) -> list[tuple[str, int, int]]:
    try:
        with os.scandir(hidden_folder(root, "runs")) as entries:
            return sorted(
                (entry.name, status.st_size, status.st_mtime_ns)
                for entry in entries
                if (status := entry.stat(follow_symlinks=False))
            )
    except (OSError, FileProblem):
        return []
