"""The specs that take part, each under the settings of its project."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from promptrun.config import (
    Flags,
    Masker,
    Settings,
    choose_provider,
    is_strict,
    load_settings,
    secrets_of,
)
from promptrun.errors import SpecError, SpecErrors, UsageError
from promptrun.expect import JOINED, KINDS, WHOLE
from promptrun.models import DataFile, Overrides, Server, Spec
from promptrun.snapshots import SnapshotStore, snapshot_path
from promptrun.spec import Rules, expand, find_specs, load_spec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from promptrun.pipeline.options import Options


def _check_query(text: str) -> str | None:
    # Few specs have one.
    from promptrun.matching.jsonpath import check_jsonpath

    return check_jsonpath(text)


def _check_replacement(pattern: str, text: str) -> str | None:
    from promptrun.matching.patterns import check_replacement

    return check_replacement(pattern, text)


MOST_NAMES = 10_000

KNOWN = Rules(
    expectations=KINDS,
    whole=WHOLE,
    joined=JOINED,
    check_query=_check_query,
    check_replacement=_check_replacement,
)
"""What the stages behind it know of the rules that a spec states."""


class Project(Struct, frozen=True, kw_only=True):
    """One root, with what holds for every spec below it."""

    root: Path
    settings: Settings
    store: SnapshotStore


class PlannedSpec(Struct, frozen=True, kw_only=True):
    """A spec that takes part, and which of its cases do."""

    spec: Spec
    project: Project
    provider: str
    strict: bool
    """Whether OpenAI's own ranges hold for this provider."""
    wanted: frozenset[str] | None
    """Names of cases; None for all."""

    @property
    def inline(self) -> bool:
        """Whether its cases are written in the spec, not rows of a file."""
        return not isinstance(self.spec.cases, DataFile)


class Judge(Struct, frozen=True, kw_only=True):
    """One judge of one project, as its spec stood when the run began."""

    spec: Spec
    """By itself, without cases."""
    provider: str
    digest: str
    """Of the spec's text and its model: a judgement by another one is none by this."""


def load_planned(options: Options) -> tuple[tuple[PlannedSpec, ...], list[SpecError]]:
    """Every spec that the targets name, once each, and what keeps the others from being loaded."""
    wanted: dict[Path, set[str] | None] = {}
    roots: dict[Path, Path] = {}
    for target in find_specs(options.targets, cwd=options.cwd):
        roots[target.path] = target.root
        names = wanted.setdefault(target.path, set())
        if target.case is None:
            wanted[target.path] = None
        elif names is not None:
            names.add(target.case)
    projects: dict[Path, Project] = {}
    specs: list[PlannedSpec] = []
    errors: list[SpecError] = []
    for path, names in wanted.items():
        root = roots[path]
        if root not in projects:
            projects[root] = load_project(root, options)
        try:
            specs.append(load_one(path, projects[root], names, options.overrides))
        except SpecErrors as several:
            errors.extend(several.errors)
        except SpecError as error:
            errors.append(error)
    return tuple(specs), errors


def load_project(root: Path, options: Options) -> Project:
    """The settings of a root, under the environment and the flags of this run."""
    flags = Flags(provider=options.provider, jobs=options.jobs, timeout=options.timeout)
    settings = load_settings(root, environ=options.environ, env_file=options.env_file, flags=flags)
    return Project(root=root, settings=settings, store=SnapshotStore(root))


def load_one(
    path: Path,
    project: Project,
    names: Iterable[str] | None = None,
    overrides: Overrides | None = None,
) -> PlannedSpec:
    """Load one spec of a project, under the project's defaults; SpecErrors with its mistakes."""
    # A spec without a model is whole once `--model` names one.
    fields = overrides.fields if overrides else {}
    given = {"model": fields["model"]} if "model" in fields else {}
    spec = load_spec(
        path,
        root=project.root,
        defaults=given | project.settings.defaults,
        known=KNOWN,
    )
    provider = choose_provider(project.settings, spec.provider)
    try:
        strict = is_strict(project.settings, provider)
        snapshot_path(project.root, spec.path, "default", provider)
    except (SpecError, UsageError) as error:
        # A provider that only a flag or a variable names is no mistake of the spec.
        named = isinstance(error, UsageError) and provider == spec.provider
        if isinstance(error, UsageError) and not named:
            raise
        place = spec.source.at(("provider",) if named else ())
        raise SpecError(error.message, location=place, hint=error.hint) from None
    return PlannedSpec(
        spec=spec,
        project=project,
        provider=provider,
        strict=strict,
        wanted=None if names is None else frozenset(names),
    )


def secrets_for(settings: Iterable[Settings], servers: Iterable[Server]) -> Masker:
    """One masker for all that the settings and the servers of a run keep secret."""
    servers = tuple(servers)
    return Masker([secret for one in settings for secret in secrets_of(one, servers)])


def names_of(spec: Spec, overrides: Overrides | None = None) -> list[str]:
    """The names of a spec's cases, as many as are worth looking through for a similar one."""
    return [case.name for case in islice(expand(spec, overrides), MOST_NAMES)]


def no_such_case(spec: Spec, name: str, names: list[str]) -> UsageError:
    """The error for a name that is none of `names`, the cases of a spec."""
    from promptrun.protocol import nearest

    near = nearest(name, names)
    if near:
        hint = f"did you mean `{spec.id}::{near}`?"
    else:
        shown = ", ".join(f"`{one}`" for one in names[:10])
        hint = f"its cases are {shown}{' …' if len(names) > 10 else ''}"
    return UsageError(f"no case `{name}` in `{spec.id}`", hint=hint)
