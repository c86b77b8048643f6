"""Accepting and rejecting the replies that wait. Nothing is sent, and nothing is paid again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from promptrun.compare import compare
from promptrun.errors import PromptrunError, SnapshotError, UsageError
from promptrun.files.tree import find_root
from promptrun.models import Cause, CompareRules, Outcome
from promptrun.pipeline.projects import Project, load_one, load_project, no_such_case
from promptrun.pipeline.today import Today
from promptrun.snapshots import SnapshotStore
from promptrun.snapshots.sets import is_set
from promptrun.spec import expand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from promptrun.models import Comparison, Snapshot
    from promptrun.pipeline.options import Options
    from promptrun.snapshots.values import Pending


class Settled(Struct, frozen=True, kw_only=True):
    """What became of one reply that waited."""

    id: str
    snapshot: str
    """The snapshot's path below the root."""
    refused: PromptrunError | None = None
    """Why it still waits."""
    left: bool = False
    """It was not asked for, since its cause is another: where it waited, it waits on."""
    already: bool = False
    """What was accepted lay in place before, byte for byte."""
    outcomes: tuple[Outcome, ...] = ()
    """What today's rules say of the reply that now counts."""


class Selected(Struct, frozen=True, kw_only=True):
    """What the targets of a command mean in one project."""

    project: Project
    paths: tuple[str, ...]
    """Below the root, as `SnapshotStore.list_pending` takes them."""
    absent: tuple[tuple[str, str], ...]
    """Those that are not on the disk, each with the way in which it was written."""


def accept_changes(
    options: Options, *, cause: Cause | None = None, artifact: Path | None = None
) -> Iterator[Settled]:
    """Make the replies that wait for `options.targets` (none: for the whole project) count.

    Each request is rendered again first: where it moved since the reply came, the reply is
    refused. With `cause`, only replies are taken whose leading cause it is. With `artifact`, those
    are taken that a run elsewhere left in that folder. Raises UsageError for a target that does
    not exist, and for an artifact that is none.
    """
    for project, today, pending in find_waiting(options, artifact=artifact):
        if cause and leading_cause(project, today, pending) is not cause:
            yield settled(project, pending, left=True)
        else:
            yield accept_pending(project, today, pending)


def reject_changes(options: Options, *, cause: Cause | None = None) -> Iterator[Settled]:
    """Drop the replies that wait for `options.targets` (none: for the whole project)."""
    for project, today, pending in find_waiting(options):
        try:
            if cause and leading_cause(project, today, pending) is not cause:
                yield settled(project, pending, left=True)
                continue
            project.store.reject(pending)
            yield settled(project, pending)
        except SnapshotError as error:
            yield settled(project, pending, refused=error)


def accept_pending(project: Project, today: Today, pending: Pending) -> Settled:
    """Make one reply count, whatever the rules say of it, or say why it cannot be accepted.

    It is judged as a replay will judge it from now on: by itself as the accepted reply.
    """
    try:
        changed = _accept(project, today, pending)
    except PromptrunError as error:
        return settled(project, pending, refused=error)
    return structs.replace(
        settled(project, pending),
        already=not changed,
        outcomes=today.judge(pending, pending.snapshot),
    )


def _accept(project: Project, today: Today, pending: Pending) -> bool:
    if pending.problem:
        raise pending.problem
    now = today.find(pending.spec, pending.case)
    if now and now.error:
        raise now.error
    current = now.digests if now else None
    return project.store.accept(pending, current=current, is_gone=today.is_gone)


def why_refused(project: Project, today: Today, pending: Pending) -> PromptrunError | None:
    """What keeps `accept_pending` from accepting as things stand."""
    if pending.problem:
        return pending.problem
    try:
        now = today.find(pending.spec, pending.case)
        if now and now.error:
            return now.error
        project.store.check_acceptable(
            pending, current=now.digests if now else None, is_gone=today.is_gone
        )
    except PromptrunError as error:
        return error
    return None


def leading_cause(project: Project, today: Today, pending: Pending) -> Cause | None:
    """The first of what moved; None for a first snapshot and for what cannot be compared."""
    comparison = compare_pending(project, today, pending)
    return comparison.causes[0] if comparison and comparison.causes else None


def compare_pending(project: Project, today: Today, pending: Pending) -> Comparison | None:
    """A reply that waits against what it would replace; None where nothing readable is there.

    The rules are those that the spec states now. Where it cannot be read, what anybody can see
    still counts: then they are the usual ones.
    """
    if pending.snapshot is None:
        return None
    try:
        accepted = project.store.replaced(pending).snapshot
    except SnapshotError:
        return None
    if accepted is None:
        return None
    try:
        now = today.find(pending.spec, pending.case)
    except PromptrunError:
        now = None
    return _compare(accepted, pending.snapshot, now.compare if now else CompareRules())


def find_waiting(
    options: Options, *, artifact: Path | None = None
) -> Iterator[tuple[Project, Today, Pending]]:
    """What waits, by project; a target need not exist on the disk while something waits for it."""
    top = None if artifact is None else _find_artifact(options.cwd / artifact)
    selected = [_from_artifact(one, top) for one in select(options)]
    for one in selected:
        for below, name in one.absent:
            if not any(one.project.store.iter_pending([below])):
                raise UsageError(f"no file `{name}`, and nothing is pending for it")
    for one in selected:
        store = one.project.store
        # All at once, but for a folder that may be larger than the memory.
        listed = [] if top else store.list_pending(one.paths)
        today = Today(one.project, listed)
        found = False
        for pending in store.iter_pending(one.paths) if top else listed:
            found = True
            yield one.project, today, pending
        for selector in one.paths if not found else ():
            _check_case(one.project, selector)


def select(options: Options) -> list[Selected]:
    """The projects that the targets lie in; without targets, that of the current folder."""
    chosen: dict[Path, list[tuple[str, str, bool]]] = {}
    for target in options.targets or (str(find_root(options.cwd)),):
        name, separator, case = target.partition("::")
        path = (options.cwd / name).resolve()
        root = find_root(path if path.is_dir() else path.parent)
        below = path.relative_to(root).as_posix() if path.is_relative_to(root) else "."
        told = f"{below}{separator}{case}"
        chosen.setdefault(root, []).append((told, name, path.exists()))
    return [
        Selected(
            project=load_project(root, options),
            paths=tuple(told for told, _, _ in targets),
            absent=tuple(
                (told.partition("::")[0], name) for told, name, is_there in targets if not is_there
            ),
        )
        for root, targets in chosen.items()
    ]


def _from_artifact(selected: Selected, top: Path | None) -> Selected:
    if top is None:
        return selected
    store = SnapshotStore(selected.project.root, artifact=top)
    return structs.replace(selected, project=structs.replace(selected.project, store=store))


def _find_artifact(folder: Path) -> Path:
    """The pending folder of what a CI job uploaded; it need not exist where nothing waited."""
    if not folder.is_dir():
        raise UsageError(f"no folder `{folder}`", hint="unpack the artifact of the CI job first")
    top = folder.resolve()
    if os.path.lexists(top / ".promptrun"):
        top = _inner(top, ".promptrun")
    if top.name == ".promptrun" or os.path.lexists(top / "pending"):
        top = _inner(top, "pending")
    return top


def _inner(folder: Path, name: str) -> Path:
    if (folder / name).is_symlink():
        raise UsageError(f"`{folder / name}` is a link, and is not followed")
    return folder / name


def _compare(accepted: Snapshot, new: Snapshot, rules: CompareRules) -> Comparison:
    if not (is_set(accepted) or is_set(new)):
        return compare(accepted, new, rules)
    # Sets are judged by the run that gets them; here it is told only that they are not the same.
    from promptrun.pipeline.sets import without_replies

    comparison = compare(without_replies(accepted), without_replies(new), rules)
    moved = any(accepted.reply.get(key) != new.reply.get(key) for key in ("samples", "choices"))
    causes = {*comparison.causes, *((Cause.REPLY,) if moved else ())}
    return structs.replace(comparison, causes=tuple(each for each in Cause if each in causes))


def settled(
    project: Project,
    pending: Pending,
    *,
    refused: PromptrunError | None = None,
    left: bool = False,
) -> Settled:
    """What is told of a reply that was accepted, rejected, refused, or left alone."""
    snapshot = pending.path.relative_to(project.root).as_posix()
    return Settled(id=pending.id, snapshot=snapshot, refused=refused, left=left)


def _check_case(project: Project, target: str) -> None:
    """Refuse a case that nothing waits for because there is no such case."""
    name, separator, case = target.partition("::")
    if separator and (project.root / name).is_file():
        spec = load_one(project.root / name, project).spec
        names = [one.name for one in expand(spec, None)]
        if case not in names:
            raise no_such_case(spec, case, names)
