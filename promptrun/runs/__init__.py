"""The record of each run: one SQLite file a run, written while it goes on.

`docs/runs.md` shows what is kept. SQLite is imported when a record is opened, and not before.
"""

from promptrun.runs.claim import is_claimed
from promptrun.runs.folder import find_run, has_record, list_runs, open_run, trim_runs
from promptrun.runs.reader import RunReader, count_totals, look_at
from promptrun.runs.record import (
    EndState,
    Image,
    RecordedCase,
    RecordedReply,
    RecordError,
    Role,
    RunInfo,
    RunMeta,
    RunTotals,
)
from promptrun.runs.writer import RunWriter

__all__ = [
    "EndState",
    "Image",
    "RecordError",
    "RecordedCase",
    "RecordedReply",
    "Role",
    "RunInfo",
    "RunMeta",
    "RunReader",
    "RunTotals",
    "RunWriter",
    "count_totals",
    "find_run",
    "has_record",
    "is_claimed",
    "list_runs",
    "look_at",
    "open_run",
    "trim_runs",
]
