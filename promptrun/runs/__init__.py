"""The record of each run: one SQLite file a run, written while it goes on.

`docs/runs.md` shows what is kept. SQLite is imported when a record is opened, and not before.
"""

from promptrun.runs.folder import list_runs, open_run, trim_runs
from promptrun.runs.reader import RunReader
from promptrun.runs.record import (
    EndState,
    RecordedCase,
    RecordedReply,
    RecordError,
    Role,
    RunInfo,
    RunMeta,
)
from promptrun.runs.writer import RunWriter

__all__ = [
    "EndState",
    "RecordError",
    "RecordedCase",
    "RecordedReply",
    "Role",
    "RunInfo",
    "RunMeta",
    "RunReader",
    "RunWriter",
    "list_runs",
    "open_run",
    "trim_runs",
]
