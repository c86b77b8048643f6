"""The records of a project: named, listed, and the old ones deleted."""

from __future__ import annotations

import os
import re
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from promptrun.errors import UsageError
from promptrun.files.tree import FileProblem
from promptrun.runs.claim import TakenError, claim
from promptrun.runs.place import (
    LAST,
    SHOWN,
    check_file,
    companions,
    find_records,
)
from promptrun.runs.reader import RunReader, look_at
from promptrun.runs.record import RunInfo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BACK = re.compile(rf"{LAST}(?:~(?P<steps>\d{{1,6}}))?", re.ASCII)
_NAMED = 3
"""How many runs a hint names."""


def open_run(root: Path, name: str, *, asked: bool = False) -> RunReader:
    """The record of a run: ``last``, ``last~1``, its id, or the beginning of one id only.

    ``last`` is the run that began last, of those whose record can be read, and ``last~1`` the one
    before it; with `asked`, of those that asked a provider. Raises UsageError where no run is
    meant, where several are, and where the record cannot be read.
    """
    return RunReader(_find(root.resolve(), name, asked=asked))


def has_record(root: Path, run_id: str) -> bool:
    """Whether a run of exactly this id is recorded, readable or not."""
    return any(path.stem == run_id for path in find_records(root.resolve()))


def list_runs(root: Path, *, counted: bool = True) -> list[RunInfo]:
    """Every recorded run, the newest first; a record that cannot be read says so, at the end.

    Without `counted` their `verdicts` are empty: cheaper where nobody asks.
    """
    found = (_look(path, counted=counted) for path in find_records(root.resolve()))
    return sorted(
        # One that another process deleted meanwhile is no problem.
        (info for info in found if info.problem is None or os.path.lexists(info.path)),
        key=lambda info: (info.problem is None, info.began, info.id),
        reverse=True,
    )


def find_run(root: Path, selection: Sequence[str]) -> RunInfo | None:
    """The newest run that asked exactly this selection, of those whose record can be read."""
    wanted = tuple(selection)
    for info in list_runs(root, counted=False):
        if info.meta is not None and info.meta.asked and info.meta.selection == wanted:
            found = _look(info.path, counted=True)
            if found.problem is None:
                return found
    return None


def trim_runs(root: Path, keep: int, days: float | None = None) -> list[str]:
    """Delete the records beyond the newest `keep`, and those of runs that began `days` ago.

    Never one that somebody writes or reads, nor a file that is no record. Gives the ids of what it
    deleted; one that the disk does not let go stays, unsaid.
    """
    if days is None and sum(1 for _ in find_records(root.resolve())) <= keep:
        return []  # a run that begins opens no other one's record then
    runs = [info for info in list_runs(root, counted=False) if info.problem is None]
    oldest = _days_ago(days)
    old = [info for place, info in enumerate(runs) if place >= keep or info.began < oldest]
    return [info.id for info in old if _delete(info.path)]


def _find(root: Path, name: str, *, asked: bool) -> Path:
    back = _BACK.fullmatch(name)
    if back is not None:
        return _find_back(root, int(back["steps"] or 0), asked=asked)
    records = {path.stem: path for path in find_records(root)}
    found = sorted(run_id for run_id in records if run_id.startswith(name)) if name else []
    if name in records or len(found) == 1:
        return records[name if name in records else found[0]]
    shown = ", ".join(f"`{run_id}`" for run_id in (found or sorted(records))[-_NAMED:])
    if found:
        raise UsageError(f"`{name}` begins the names of {len(found)} runs", hint=f"such as {shown}")
    raise UsageError(
        f"no run `{name[:80]}` is recorded in `{SHOWN}`",
        hint=f"the last ones are {shown}" if shown else f"looked in `{root}`",
    )


def _find_back(root: Path, steps: int, *, asked: bool) -> Path:
    """The run that began so many before the last one."""
    runs = [
        info
        for info in list_runs(root, counted=False)
        if info.meta is None or info.meta.asked or not asked
    ]
    if not runs:
        raise UsageError(f"no run is recorded in `{SHOWN}`", hint=f"looked in `{root}`")
    readable = [info for info in runs if info.problem is None]
    if steps < len(readable):
        return readable[steps].path
    if not readable:
        raise runs[0].problem or UsageError(f"no run in `{SHOWN}` can be read")
    raise UsageError(
        f"no run `{LAST}~{steps}` is recorded: the oldest one is `{LAST}~{len(readable) - 1}`",
        hint="`promptrun history` lists the recorded runs",
    )


def _look(path: Path, *, counted: bool) -> RunInfo:
    try:
        return look_at(path, counted=counted)
    except UsageError as problem:
        return RunInfo(id=path.stem, path=path, problem=problem)


def _days_ago(days: float | None) -> str:
    """As `RunInfo.began` spells it; before everything for None."""
    if days is None:
        return ""
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")


def _delete(path: Path) -> bool:
    try:
        check_file(path)
        with claim(path):
            if _is_in_use(path):
                return False
            path.unlink()
            for beside in companions(path):
                with suppress(OSError):
                    beside.unlink()
    except (OSError, FileProblem, TakenError):
        return False
    return True


def _is_in_use(path: Path) -> bool:
    """Whether somebody reads it, or the file is none that may be opened for this."""
    import sqlite3

    try:
        opened = sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=0
        )
        with closing(opened) as connection:
            # Of a record with a log, every open connection holds a lock that this one needs.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        return True
    return False
