"""Snapshots whose spec or case is gone: found from the specs on the disk, without a run."""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from promptrun.config.provider_tables import BUILT_IN
from promptrun.errors import PromptrunError, SpecErrors, UsageError
from promptrun.models import Case
from promptrun.pipeline.changes import select
from promptrun.pipeline.projects import Project, load_one, secrets_for
from promptrun.pipeline.today import Today, read_names
from promptrun.render import render_request
from promptrun.snapshots import digest_request, snapshot_path
from promptrun.snapshots.paths import snapshots_home
from promptrun.snapshots.pending import as_selector, is_selected
from promptrun.snapshots.stale import Kept, Stray, belongs_to, find_kept, index_kept, open_orphan
from promptrun.snapshots.values import Orphan, Pending
from promptrun.spec import expand, find_specs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from promptrun.models import Digests
    from promptrun.pipeline.changes import Selected
    from promptrun.pipeline.options import Options

    Held = Kept | Pending


class Stale(Struct, frozen=True, kw_only=True):
    """A snapshot, or a reply that waits, whose case is gone."""

    project: Project
    kept: Kept | Pending
    file: str
    """Its path below the root."""
    reason: str
    digest: str | None = None
    """Of the snapshot's text; None for a reply that waits."""

    @property
    def id(self) -> str:
        """The case that it was of."""
        return self.kept.id


class Spared(Struct, frozen=True, kw_only=True):
    """Something that nobody can tell to be stale: it is told, and stays."""

    name: str
    """A file below the root, or a spec."""
    reason: str


def find_stale(options: Options) -> Iterator[Stale | Spared]:
    """What is left of the specs and cases that `options.targets` (none: the project) once had.

    A target need not exist on the disk while there is a snapshot of it. A spec that does not load,
    or has a bad row, keeps all that it has; a snapshot by which a renamed case is judged is spared,
    too. Raises UsageError for a target that nothing is of.
    """
    projects = [(selected.project, _held(selected)) for selected in select(options)]
    for project, held in projects:
        of_specs: dict[str, list[Held]] = defaultdict(list)
        for one in held:
            if isinstance(one, Stray):
                yield Spared(name=_below(project, one.path), reason=one.reason)
            else:
                of_specs[one.spec].append(one)
        stale: list[Stale] = []
        for spec, each in of_specs.items():
            for found in _judge(project, spec, each):
                if isinstance(found, Stale):
                    stale.append(found)
                else:
                    yield found
        yield from _spare_heirlooms(project, stale)


def delete_stale(stale: Stale) -> None:
    """Delete it, and folders left empty; SnapshotError where it changed since it was found."""
    store, kept = stale.project.store, stale.kept
    if isinstance(kept, Pending):
        store.reject(kept)
    else:
        store.remove(kept.path, kept.spec, kept.case, digest=stale.digest)


class Orphans:
    """Finds, for new cases of one run, the snapshots that they had under an older name.

    The folder in which a case keeps its snapshot is read once, header by header, and only where
    some case has none.
    """

    def __init__(self) -> None:
        self._homes: dict[tuple[Path, str], Path] = {}
        self._indexes: dict[Path, dict[Digests, list[Kept]]] = {}
        self._todays: dict[Path, Today] = {}
        self._given: dict[Path, str] = {}

    def orphan_for(
        self, project: Project, case: Case, provider: str, digests: Digests
    ) -> Orphan | None:
        """The snapshot of a case that is gone, of the same provider and to the same request.

        Of several, the one that has the same case name is meant, else the one of the same spec;
        where that leaves more than one, none is. Each is given to one case: the first that asks.
        """
        root = project.root
        alike = self._index(root, case, provider).get(digests)
        if not alike:
            return None
        if root not in self._todays:
            self._todays[root] = Today(project)
        today = self._todays[root]
        free = [
            kept
            for kept in alike
            if self._given.get(kept.path, case.id) == case.id
            and belongs_to(kept, root, provider)
            and today.is_gone(kept.spec, kept.case)
        ]
        for likeness in (
            [kept for kept in free if kept.case == case.name],
            [kept for kept in free if kept.spec == case.spec.id],
            free,
        ):
            if likeness:
                return self._give(project, case, likeness)
        return None

    def _index(self, root: Path, case: Case, provider: str) -> dict[Digests, list[Kept]]:
        place = (case.spec.path, provider)
        if place not in self._homes:
            path = snapshot_path(root, case.spec.path, case.name, provider)
            self._homes[place] = snapshots_home(root, path)
        home = self._homes[place]
        if home not in self._indexes:
            self._indexes[home] = index_kept(root, home)
        return self._indexes[home]

    def _give(self, project: Project, case: Case, alike: list[Kept]) -> Orphan | None:
        if len(alike) > 1:
            return None
        orphan = open_orphan(project.store, alike[0])
        if orphan is not None:
            self._given[orphan.path] = case.id
        return orphan


def _held(selected: Selected) -> list[Held | Stray]:
    """The snapshots and replies of one project that the targets name."""
    root, store = selected.project.root, selected.project.store
    kept = list(find_kept(root))
    for below, name in selected.absent:
        wanted = [as_selector(below)]
        if not any(_is_of(root, one, wanted) for one in kept) and not any(
            store.iter_pending([below])
        ):
            raise UsageError(f"no file `{name}`, and no snapshot is of it")
    wanted = [as_selector(path) for path in selected.paths]
    waiting = store.iter_pending(selected.paths)
    return [
        *(one for one in kept if _is_of(root, one, wanted)),
        *(pending for pending in waiting if pending.problem is None),
    ]


def _is_of(root: Path, one: Kept | Stray, wanted: list[str]) -> bool:
    spec = one.id.partition("::")[0]
    return is_selected((one.id, spec, one.path.relative_to(root).as_posix()), wanted)


def _judge(project: Project, spec: str, held: list[Held]) -> Iterator[Stale | Spared]:
    try:
        names = read_names(project, spec)
    except PromptrunError as error:
        files = "1 file" if len(held) == 1 else f"{len(held)} files"
        yield Spared(name=spec, reason=f"keeps its {files}: {_why(error)}")
        return
    for one in held:
        if names is None:
            yield _check_whole(project, one, "the spec is gone")
        elif one.case not in names:
            yield _check_whole(project, one, "the spec has no such case")


def _check_whole(project: Project, one: Held, reason: str) -> Stale | Spared:
    """Only what reads as a snapshot from its first line to its last is deleted."""
    if isinstance(one, Pending):
        return Stale(project=project, kept=one, file=_below(project, one.file), reason=reason)
    file = _below(project, one.path)
    try:
        there = project.store.read(one.path, one.spec, one.case)
    except PromptrunError as error:
        return Spared(name=file, reason=_why(error))
    if there.state != "present":
        return Spared(name=file, reason=_why(there.problem) if there.problem else "it is gone")
    return Stale(project=project, kept=one, file=file, reason=reason, digest=there.digest)


def _spare_heirlooms(project: Project, stale: list[Stale]) -> Iterator[Stale | Spared]:
    """The same without the snapshots by which cases of another name are judged."""
    heirs = _find_heirs(project, [one.kept for one in stale if isinstance(one.kept, Kept)])
    for one in stale:
        heir = heirs.get(one.kept.path) if isinstance(one.kept, Kept) else None
        if heir is None:
            yield one
        else:
            yield Spared(name=one.file, reason=f"`{heir}` would take it over: run it and accept")


def _find_heirs(project: Project, kept: list[Kept]) -> dict[Path, str]:
    """By snapshots of cases that are gone, the id of the case that a run judges by each now."""
    heirs: dict[Path, str] = {}
    orphans = Orphans()
    for provider in (*BUILT_IN, *project.settings.providers):
        mine = {one.path for one in kept if belongs_to(one, project.root, provider)}
        for case, digests in _new_cases(project, provider) if mine else ():
            orphan = orphans.orphan_for(project, case, provider, digests)
            if orphan is not None:
                heirs[orphan.path] = case.id
            if mine <= heirs.keys():
                break
    return heirs


def _new_cases(project: Project, provider: str) -> Iterator[tuple[Case, Digests]]:
    """The cases of a project that have no snapshot of a provider, and what they ask now."""
    masker = secrets_for([project.settings], ())
    for case in _cases(project):
        # What is wrong with a case, or with its place, is for a run to tell.
        with suppress(PromptrunError):
            path = snapshot_path(project.root, case.spec.path, case.name, provider)
            if not os.path.lexists(path):
                yield case, digest_request(masker.mask(render_request(case).body))


def _cases(project: Project) -> Iterator[Case]:
    """Those of the specs that load, found as a run of the whole folder would find them."""
    try:
        targets = find_specs([str(project.root)], cwd=project.root)
    except UsageError:
        return
    for target in targets:
        if target.root == project.root:
            with suppress(PromptrunError):
                for case in expand(load_one(target.path, project).spec, None):
                    if isinstance(case, Case):
                        yield case


def _below(project: Project, path: Path) -> str:
    return path.relative_to(project.root).as_posix()


def _why(error: PromptrunError) -> str:
    first = error.errors[0] if isinstance(error, SpecErrors) else error
    return f"{first.location}: {first.message}" if first.location else first.message
