"""Everything that is settled before anything is sent: specs, settings, providers, cases."""

from __future__ import annotations

from collections.abc import Callable
from os import urandom
from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING

from msgspec import Struct, field, structs

from promptrun.config import Masker, resolve_server
from promptrun.errors import SpecError, SpecErrors
from promptrun.models import BadCase, Case, Digests, Server
from promptrun.pipeline.faults import find_faults
from promptrun.pipeline.options import Options, WritePolicy, check_options, choose_policy
from promptrun.pipeline.projects import (
    Judge,
    PlannedSpec,
    Project,
    load_planned,
    names_of,
    no_such_case,
    secrets_for,
)
from promptrun.spec import expand

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from promptrun.snapshots.values import Orphan

MOST_FAULTS = 100
"""Of one spec: whoever has more of them will look at the first ones first."""


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
    judges: dict[tuple[Path, str, Path, str | None], Judge] = field(default_factory=dict)
    """Those that were loaded, by root, provider of the case, folder of its spec and name."""
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
    judged = sends or options.replay or bool(options.again)
    if judged:
        plan = structs.replace(plan, find_orphan=_orphan_finder())
    if any(one.spec.states_rules for one in specs) or options.overrides.samples:
        plan = _ready_to_judge(plan, sends=sends, judged=judged)
    return structs.replace(plan, masker=secrets_for(settings, servers.values()))


def _ready_to_judge(plan: Plan, *, sends: bool, judged: bool) -> Plan:
    """The plan with all that its expectations and sets of samples take.

    One that is only looked at needs no trust, and no package; its judges have to be there.
    """
    # Few plans need any of it.
    from promptrun.pipeline import needs

    if sends or plan.options.again:
        needs.require_samplers(plan)
    needs.add_judges(plan, sends=sends)
    roots = needs.python_roots(plan) if judged else frozenset()
    return structs.replace(plan, python_roots=roots)


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
    from promptrun.matching.words import mentions

    return any(mentions(planned.spec.source.text, name) for planned in specs)


def _check_names(plan: Plan) -> None:
    """Refuse a ``spec.yaml::case`` whose case is not there."""
    for planned in plan.specs:
        if planned.wanted is None:
            continue
        overrides = plan.options.overrides
        missing = set(planned.wanted)
        for case in expand(planned.spec, overrides):
            missing.discard(case.name)
            if not missing:
                break
        for name in sorted(missing):
            raise no_such_case(planned.spec, name, names_of(planned.spec, overrides))


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
