"""Accepting and rejecting the replies that wait. Nothing is sent, and nothing is paid again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from promptrun.errors import PromptrunError, SnapshotError, SpecErrors, UsageError
from promptrun.files.tree import find_root
from promptrun.models import Case
from promptrun.pipeline.plan import (
    Project,
    load_one,
    load_project,
    no_such_case,
    secrets_for,
)
from promptrun.render import render_request
from promptrun.snapshots import digest_request
from promptrun.spec import expand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from promptrun.models import Digests
    from promptrun.pipeline.options import Options
    from promptrun.snapshots.pending import Pending


class Settled(Struct, frozen=True, kw_only=True):
    """What became of one reply that waited."""

    id: str
    snapshot: str
    """The snapshot's path below the root."""
    refused: PromptrunError | None = None
    """Why it still waits."""


def accept_changes(options: Options) -> Iterator[Settled]:
    """Make the replies that wait for `options.targets` (none: for the whole project) count.

    Each request is rendered again first: where it moved since the reply came, the reply is
    refused. Raises UsageError for a target that does not exist.
    """
    requests: dict[tuple[Path, str], dict[str, Digests]] = {}
    for project, pending in _waiting(options):
        place = (project.root, pending.spec)
        try:
            if pending.problem:
                raise pending.problem
            if place not in requests:
                requests[place] = _digest_cases(project, pending.spec)
            project.store.accept(pending, current=requests[place].get(pending.case))
            yield _settled(project, pending)
        except PromptrunError as error:
            yield _settled(project, pending, refused=error)


def reject_changes(options: Options) -> Iterator[Settled]:
    """Drop the replies that wait for `options.targets` (none: for the whole project)."""
    for project, pending in _waiting(options):
        try:
            project.store.reject(pending)
            yield _settled(project, pending)
        except SnapshotError as error:
            yield _settled(project, pending, refused=error)


def _settled(project: Project, pending: Pending, refused: PromptrunError | None = None) -> Settled:
    snapshot = pending.path.relative_to(project.root).as_posix()
    return Settled(id=pending.id, snapshot=snapshot, refused=refused)


def _waiting(options: Options) -> Iterator[tuple[Project, Pending]]:
    """What waits, by project; a target need not exist on the disk while something waits for it."""
    selected: dict[Path, list[str]] = {}
    for target in options.targets or (str(find_root(options.cwd)),):
        name, separator, case = target.partition("::")
        path = (options.cwd / name).resolve()
        root = find_root(path if path.is_dir() else path.parent)
        below = path.relative_to(root).as_posix() if path.is_relative_to(root) else "."
        selected.setdefault(root, []).append(f"{below}{separator}{case}")
        if not path.exists() and not load_project(root, options).store.list_pending([below]):
            raise UsageError(f"no file `{name}`, and nothing is pending for it")
    for root, paths in selected.items():
        project = load_project(root, options)
        waiting = project.store.list_pending(paths)
        for selector in paths if not waiting else ():
            _check_case(project, selector)
        for pending in waiting:
            yield project, pending


def _check_case(project: Project, target: str) -> None:
    """Refuse a case that nothing waits for because there is no such case."""
    name, separator, case = target.partition("::")
    if separator and (project.root / name).is_file():
        spec = load_one(project.root / name, project).spec
        names = [one.name for one in expand(spec, None)]
        if case not in names:
            raise no_such_case(spec, case, names)


def _digest_cases(project: Project, spec_id: str) -> dict[str, Digests]:
    """The digests of every case of a spec as it would be sent today, by name."""
    path = project.root / spec_id
    if not path.is_file():
        return {}
    masker = secrets_for([project.settings], ())
    digests: dict[str, Digests] = {}
    for case in expand(load_one(path, project).spec, None):
        if isinstance(case, Case):
            try:
                digests[case.name] = digest_request(masker.mask(render_request(case).body))
            except SpecErrors:
                continue
    return digests
