"""Everything that is settled before anything is sent: specs, settings, providers, cases."""

from __future__ import annotations

from collections.abc import Callable
from os import urandom
from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from promptrun.config import (
    Flags,
    Masker,
    Settings,
    choose_provider,
    is_strict,
    load_settings,
    resolve_server,
    secrets_of,
)
from promptrun.errors import PromptrunError, SpecError, SpecErrors, UsageError
from promptrun.expect import JOINED, KINDS, WHOLE
from promptrun.matching.jsonpath import check_jsonpath
from promptrun.matching.patterns import check_replacement
from promptrun.models import (
    BadCase,
    Case,
    DataFile,
    Digests,
    Expectation,
    Overrides,
    Server,
    Spec,
    Warned,
)
from promptrun.pipeline.options import Options, WritePolicy, check_options, choose_policy
from promptrun.render import render_expectations, render_request
from promptrun.snapshots import SnapshotStore, snapshot_path
from promptrun.spec import Rules, expand, find_specs, load_spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from promptrun.snapshots.stale import Orphan

KNOWN = Rules(
    expectations=KINDS,
    whole=WHOLE,
    joined=JOINED,
    check_query=check_jsonpath,
    check_replacement=check_replacement,
)
"""What the stages behind it know of the rules that a spec states."""

MOST_FAULTS = 100
"""Of one spec: whoever has more of them will look at the first ones first."""


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


FindOrphan = Callable[[Project, Case, str, Digests], "Orphan | None"]
"""From a case without a snapshot, its provider and its request to the snapshot it once had."""


class Plan(Struct, frozen=True, kw_only=True):
    """A run that may begin."""

    options: Options
    policy: WritePolicy
    specs: tuple[PlannedSpec, ...]
    keyword: Callable[[str], bool] | None
    servers: dict[tuple[Path, str], Server]
    """By root and provider's name; empty for a replay."""
    masker: Masker
    jobs: int
    strangers: tuple[str, ...]
    """Variables of the command line that no spec mentions: misspelled, as a rule."""
    run_id: str
    """Stands beside every reply that waits: ``20261122T232510-3f2a``."""
    find_orphan: FindOrphan | None = None
    """Finds the snapshot of a case that was renamed; None where nothing is judged."""
    python_roots: frozenset[Path] = frozenset()
    """The projects whose checks in Python may run."""

    def allows_python(self, root: Path) -> bool:
        """Whether the settings of `root` allow code, and the user trusts them."""
        return root in self.python_roots

    def cases(self, planned: PlannedSpec) -> Iterator[Case | BadCase]:
        """The cases of one spec that were asked for, as a stream."""
        for case in expand(planned.spec, self.options.overrides):
            if planned.wanted is not None and case.name not in planned.wanted:
                continue
            if self.keyword and not self.keyword(_keywords(case)):
                continue
            yield case

    def all_cases(self) -> Iterator[tuple[PlannedSpec, Case | BadCase]]:
        """The cases of every spec, in order."""
        for planned in self.specs:
            for case in self.cases(planned):
                yield planned, case


def _keywords(case: Case | BadCase) -> str:
    tags = case.tags if isinstance(case, Case) else ()
    return " ".join((case.id, *tags))


def make_plan(options: Options, *, sends: bool, every_row: bool = False) -> Plan:
    """Find, load and check what `options` name; nothing is sent and nothing is written.

    Every inline case is rendered once here, so that a mistake in the last one is known before the
    first is paid for; with `every_row`, those of data files are, too. Raises SpecErrors with every
    mistake of every file, UsageError, TrustError.
    """
    check_options(options)
    specs, errors = load_planned(options)
    keyword = None
    if options.keyword:
        from promptrun.pipeline.keyword import compile_keyword

        keyword = compile_keyword(options.keyword)
    servers: dict[tuple[Path, str], Server] = {}
    settings = [planned.project.settings for planned in specs]
    plan = Plan(
        options=options,
        policy=choose_policy(options, in_ci=any(one.in_ci for one in settings)),
        specs=specs,
        keyword=keyword,
        servers=servers,
        masker=Masker(()),
        jobs=settings[0].jobs if settings else 1,
        strangers=tuple(name for name in options.overrides.vars if not _mentions(specs, name)),
        run_id=f"{strftime('%Y%m%dT%H%M%S')}-{urandom(2).hex()}",
    )
    _check_names(plan)
    for planned in specs:
        if planned.inline or every_row:
            errors += _faults(plan, planned)
    if errors:
        raise SpecErrors(sorted(errors, key=_file_of))
    if sends:
        for planned in specs:
            place = (planned.project.root, planned.provider)
            if place not in servers:
                servers[place] = resolve_server(planned.project.settings, planned.provider)
    if sends or options.replay or options.again:
        plan = _ready_to_judge(plan, sends=sends)
    return structs.replace(plan, masker=secrets_for(settings, servers.values()))


def _ready_to_judge(plan: Plan, *, sends: bool) -> Plan:
    """The plan with all that its expectations and sets of samples take."""
    # Few plans need any of it, and it stands on this module.
    from promptrun.pipeline import needs

    needs.require_samplers(plan)
    if sends:
        needs.add_judges(plan)
    return structs.replace(
        plan, python_roots=needs.python_roots(plan), find_orphan=_orphan_finder()
    )


def _orphan_finder() -> FindOrphan:
    """Of one run; nothing of it is loaded before a case has no snapshot."""
    finder: list[FindOrphan] = []

    def find(project: Project, case: Case, provider: str, digests: Digests) -> Orphan | None:
        if not finder:
            from promptrun.pipeline.prune import Orphans

            finder.append(Orphans().orphan_for)
        return finder[0](project, case, provider, digests)

    return find


def _file_of(error: SpecError) -> str:
    return error.location.file if error.location else ""


def _mentions(specs: Iterable[PlannedSpec], name: str) -> bool:
    return any(name in planned.spec.source.text for planned in specs)


def secrets_for(settings: Iterable[Settings], servers: Iterable[Server]) -> Masker:
    """One masker for all that the settings and the servers of a run keep secret."""
    servers = tuple(servers)
    return Masker([secret for one in settings for secret in secrets_of(one, servers)])


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


def _check_names(plan: Plan) -> None:
    """Refuse a ``spec.yaml::case`` whose case is not there."""
    for planned in plan.specs:
        if planned.wanted is None:
            continue
        names = [case.name for case in expand(planned.spec, plan.options.overrides)]
        for name in sorted(planned.wanted.difference(names)):
            raise no_such_case(planned.spec, name, names)


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


def _faults(plan: Plan, planned: PlannedSpec) -> Iterator[SpecError]:
    """What rendering every selected case of a spec finds wrong, each mistake once."""
    seen: set[tuple[str, str]] = set()
    for case in plan.cases(planned):
        if len(seen) >= MOST_FAULTS:
            return
        for error in find_faults(case, strict=planned.strict):
            key = (str(error.location), error.message)
            if key not in seen:
                seen.add(key)
                yield error


def find_faults(case: Case | BadCase, *, strict: bool) -> list[SpecError]:
    """What keeps a case from being sent; for a `strict` server that includes warnings."""
    if isinstance(case, BadCase):
        return [case.error]
    errors: list[SpecError] = []
    warnings: tuple[Warned, ...] = ()
    try:
        warnings = warnings_of(case, render_request(case).warnings)
    except SpecErrors as several:
        errors += several.errors
    try:
        rules_of(case)
    except SpecErrors as several:
        errors += several.errors
    if strict:
        errors += map(as_error, warnings)
    return errors


def rules_of(case: Case) -> tuple[Expectation, ...]:
    """The expectations of a case, templates and files filled in; SpecErrors with the mistakes."""
    return render_expectations(case, lambda kind, value, path: KINDS[kind](value, path))


def warnings_of(case: Case, rendered: tuple[Warned, ...]) -> tuple[Warned, ...]:
    """What the spec, the case and the rendered request are warned of, each once."""
    together = (*case.spec.warned, *case.warned, *rendered)
    return tuple({(one.message, str(one.location)): one for one in together}.values())


def as_error(warned: Warned) -> SpecError:
    """What only warns elsewhere, as the error that it is for OpenAI's own server."""
    return SpecError(warned.message, location=warned.location, hint=warned.hint)


def describe_error(error: PromptrunError) -> str:
    """The message of an error that becomes a reason inside a result."""
    return f"{error.message}; {error.hint}" if error.hint else error.message
