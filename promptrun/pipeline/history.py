"""The runs that were recorded of a project, newest first."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from promptrun.errors import UsageError
from promptrun.files.tree import find_root
from promptrun.reports.history import PastRun, State
from promptrun.runs import RunInfo, RunTotals, count_totals, is_claimed, list_runs, look_at
from promptrun.runs.figures import EVERYTHING, meet

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_TOLD = 200
"""Characters of a target that is no path."""


class History(Struct, frozen=True, kw_only=True):
    """What `read_history` found."""

    runs: tuple[PastRun, ...]
    """The newest first; those whose record cannot be read, last."""
    more: int
    """How many older ones are not told."""
    problems: tuple[UsageError, ...]
    """Why a record cannot be read, of those that are told."""


def read_history(targets: Sequence[str], *, cwd: Path, most: int) -> History:
    """The newest `most` runs of the project around `cwd`, or over the `targets`.

    A target is a folder, a spec or ``spec.yaml::case``, be it there still or not. A run is over it
    that took it, something in it, or something that it lies in. Nothing is loaded of any spec.
    """
    return _read(find_wanted(targets, cwd), most)


def read_history_of(root: Path, selection: Sequence[str], *, most: int) -> History:
    """The same of a project, over what a record names in `RunMeta.selection`.

    Its names are held against those of other records as texts: a stranger's may name anything, so
    none is looked for on the disk.
    """
    return _read({root: list(selection) or [EVERYTHING]}, most)


def _read(wanted: dict[Path, list[str]], most: int) -> History:
    found = [(root, info) for root, names in wanted.items() for info in _list(root, names)]
    found.sort(key=lambda one: (one[1].began, one[1].id), reverse=True)
    readable = [one for one in found if one[1].problem is None]
    broken = [one for one in found if one[1].problem is not None]
    runs, problems = [], []
    # One that cannot be read has no age: it is told however old the others are.
    for root, info in [*readable[:most], *broken[:most]]:
        told = _look(info)
        runs.append(tell_run(root, told))
        if told.problem is not None:
            problems.append(told.problem)
    return History(runs=tuple(runs), more=len(found) - len(runs), problems=tuple(problems))


def _list(root: Path, wanted: list[str]) -> list[RunInfo]:
    runs = list_runs(root, counted=False)
    if wanted == [EVERYTHING]:
        return runs
    return [info for info in runs if info.meta and meet(wanted, info.meta.selection)]


def find_wanted(targets: Sequence[str], cwd: Path) -> dict[Path, list[str]]:
    """Each root, and what is asked for below it in the spelling of `RunMeta.selection`.

    Without targets that is everything of the project around `cwd`. Nothing has to be there.
    UsageError for what can be no path.
    """
    if not targets:
        return {find_root(cwd): [EVERYTHING]}
    wanted: dict[Path, list[str]] = {}
    for target in targets:
        try:
            name = _path_of(target, cwd)
            path = Path(os.path.realpath(cwd / name))
            root = find_root(_folder_of(path))
        except (ValueError, OSError) as error:  # a null byte, a name that is too long
            why = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"`{target[:_LONGEST_TOLD]}` is no path: {why}") from None
        below = path.relative_to(root).as_posix()
        wanted.setdefault(root, []).append(below + target[len(name) :])
    return wanted


def _path_of(target: str, cwd: Path) -> str:
    """The target without its case; a path that is there may hold colons itself."""
    name = target
    while "::" in name and not os.path.lexists(cwd / name):
        name = name.rpartition("::")[0]
    return name


def _folder_of(path: Path) -> Path:
    """The nearest folder at or above a path that may be gone."""
    return next(one for one in (path, *path.parents) if one.is_dir())


def _look(info: RunInfo) -> RunInfo:
    """The same with its verdicts; they are counted for those runs alone that are told."""
    if info.problem is not None:
        return info
    try:
        return look_at(info.path)
    except UsageError as problem:
        return RunInfo(id=info.id, path=info.path, problem=problem)


def tell_run(root: Path, info: RunInfo) -> PastRun:
    """One record as the list of runs tells it; an unreadable one says why."""
    meta = info.meta
    if meta is None:
        why = info.problem.message if info.problem else None
        return PastRun(id=info.id, root=str(root), state="unreadable", problem=why)
    state = _state_of(info)
    totals = info.totals or _count(info)
    return PastRun(
        id=info.id,
        root=str(root),
        state=state,
        began=info.began,
        ended=info.ended,
        seconds=_seconds_of(info, state),
        exit_code=info.exit_code,
        targets=meta.targets,
        selection=meta.selection,
        providers=meta.providers,
        overrides=meta.overrides,
        settings=meta.settings,
        update=meta.update,
        versions={"promptrun": meta.promptrun, "openai": meta.openai, "python": meta.python},
        commit=meta.commit,
        verdicts=info.verdicts,
        requests=totals.requests if totals else None,
        failures=totals.failures if totals else None,
        attempts=totals.attempts if totals else None,
        prompt_tokens=totals.prompt_tokens if totals else None,
        completion_tokens=totals.completion_tokens if totals else None,
        cost=totals.cost if totals else None,
    )


def _state_of(info: RunInfo) -> State:
    if info.state is not None:
        return info.state
    return "running" if is_claimed(info.path) else "killed"


def _count(info: RunInfo) -> RunTotals | None:
    try:
        return count_totals(info.path)
    except UsageError:
        return None  # it was deleted just now, or is damaged further on


def _seconds_of(info: RunInfo, state: State) -> float | None:
    """How long a run took; a record may say anything of its times."""
    if state == "killed":
        return None
    try:
        ended = datetime.fromisoformat(info.ended) if info.ended else datetime.now(UTC)
        seconds = (ended - datetime.fromisoformat(info.began)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if seconds >= 0 else None
