"""The ``[runs]`` table: which runs are recorded, and how long their records stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from promptrun.config.checker import Checker

RUNS_KEYS = ("keep", "days", "record")
DEFAULT_KEEP = 100
MAX_KEEP = 1_000_000
MAX_DAYS = 36_500

_HINTS = {"max": "did you mean `keep`?", "age": "did you mean `days`?"}


class RunsTable(Struct, frozen=True, kw_only=True):
    """What a project says of the records of its runs."""

    keep: int = DEFAULT_KEEP
    """How many records stay, the newest ones."""
    days: int | None = None
    """After how many days a record goes, however few there are; None for no such limit."""
    record: bool = True
    """Whether runs are recorded at all."""


def read_runs(checker: Checker, values: Mapping[str, Any]) -> RunsTable:
    """The table as a file gives it; its mistakes go to `checker`."""
    path = ("runs",)
    table = checker.table(values, (), "runs")
    checker.keys(table, path, RUNS_KEYS, _HINTS)
    keep = checker.whole(table, path, "keep", least=1, most=MAX_KEEP)
    return RunsTable(
        keep=DEFAULT_KEEP if keep is None else keep,
        days=checker.whole(table, path, "days", least=1, most=MAX_DAYS),
        record="record" not in table or checker.flag(table, path, "record"),
    )
