"""Specs as they are on the disk now, for whatever was kept of them earlier."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from promptrun.errors import PromptrunError, SpecErrors
from promptrun.models import BadCase, Case, CompareRules, Digests, Outcome
from promptrun.pipeline.projects import PlannedSpec, load_one, secrets_for
from promptrun.render import render_request
from promptrun.snapshots import digest_request
from promptrun.spec import expand

if TYPE_CHECKING:
    from collections.abc import Iterable

    from promptrun.models import Snapshot
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import Project
    from promptrun.snapshots.values import Pending


class CaseNow(Struct, frozen=True, kw_only=True):
    """A case as it would be sent now."""

    planned: PlannedSpec
    case: Case
    digests: Digests | None
    error: SpecErrors | None = None
    """Why it cannot be rendered, and has no digests."""

    @property
    def compare(self) -> CompareRules:
        """How its reply is held against its snapshot."""
        return self.case.compare


class Today:
    """The cases of one project's specs; each spec is read once, when it is first asked for.

    `expected` says which cases will be asked for, so that no others are rendered; of a spec that
    none of them is of, all are.
    """

    def __init__(self, project: Project, expected: Iterable[Pending] = ()) -> None:
        self._project = project
        self._expected: dict[str, set[str]] = {}
        for pending in expected:
            self._expected.setdefault(pending.spec, set()).add(pending.case)
        self._cases: dict[str, dict[str, CaseNow] | PromptrunError] = {}
        self._names: dict[str, frozenset[str] | PromptrunError | None] = {}
        self._plan: Plan | None = None

    def find(self, spec: str, case: str) -> CaseNow | None:
        """A case by its spec's id and its name; None where there is none.

        Raises PromptrunError where the spec does not load.
        """
        if spec not in self._cases:
            try:
                self._cases[spec] = self._read_cases(spec)
            except PromptrunError as error:
                self._cases[spec] = error
        cases = self._cases[spec]
        if isinstance(cases, PromptrunError):
            raise cases
        return cases.get(case)

    def is_gone(self, spec: str, case: str) -> bool:
        """Whether it is certain that there is no such case."""
        if spec not in self._names:
            try:
                self._names[spec] = read_names(self._project, spec)
            except PromptrunError as error:
                self._names[spec] = error
        names = self._names[spec]
        return not isinstance(names, PromptrunError) and case not in (names or ())

    def judge(self, pending: Pending, accepted: Snapshot | None) -> tuple[Outcome, ...]:
        """What today's rules say of a reply or a set that waits; none where no case is there.

        `accepted` is what it is held against by the rules that ask for likeness. Nobody is asked:
        what the waiting file does not tell is not judged. Python runs where the project may run
        it. Whatever goes wrong is an outcome: what waits can be settled all the same.
        """
        try:
            now = self.find(pending.spec, pending.case)
            if now is None or pending.snapshot is None:
                return ()
            return self._judge(now, pending.snapshot, accepted)
        except Exception as error:  # noqa: BLE001 - as the contract says
            return (_unjudged(str(error)),)

    def _judge(
        self, now: CaseNow, waiting: Snapshot, accepted: Snapshot | None
    ) -> tuple[Outcome, ...]:
        # Only accepting and reviewing judge.
        from promptrun.pipeline.prepare import Prepared, prepare
        from promptrun.pipeline.replay import judge_kept
        from promptrun.pipeline.settle import recalled_judgements
        from promptrun.snapshots.values import Accepted

        self._plan = self._plan or _offline_plan(self._project)
        ready = prepare(self._plan, now.planned, now.case)
        if not isinstance(ready, Prepared):
            return (_unjudged(ready.reason or str(ready.error)),)
        against = Accepted(state="present" if accepted else "absent", snapshot=accepted)
        ready = structs.replace(ready, accepted=against)
        return judge_kept(self._plan, ready, waiting, recalled_judgements(waiting)).outcomes

    def _read_cases(self, spec: str) -> dict[str, CaseNow]:
        path = self._project.root / spec
        if not path.is_file():
            return {}
        wanted = self._expected.get(spec)
        masker = secrets_for([self._project.settings], ())
        cases: dict[str, CaseNow] = {}
        planned = load_one(path, self._project)
        for case in expand(planned.spec, None):
            if isinstance(case, BadCase) or (wanted is not None and case.name not in wanted):
                continue
            digests, error = None, None
            try:
                digests = digest_request(masker.mask(render_request(case).body))
            except SpecErrors as several:
                error = several
            cases[case.name] = CaseNow(planned=planned, case=case, digests=digests, error=error)
        return cases


def _offline_plan(project: Project) -> Plan:
    """A run of one project that sends nothing and writes nothing."""
    from promptrun.config.trust import python_allowed
    from promptrun.pipeline.options import Options, choose_policy
    from promptrun.pipeline.plan import Plan

    options = Options(targets=(), cwd=project.root, environ={}, replay=True)
    allowed = project.settings.project.allow_python and python_allowed(project.settings)
    return Plan(
        options=options,
        policy=choose_policy(options, in_ci=False),
        specs=(),
        keyword=None,
        servers={},
        masker=secrets_for([project.settings], ()),
        jobs=1,
        strangers=(),
        run_id="",
        python_roots=frozenset([project.root] if allowed else ()),
    )


def _unjudged(reason: str) -> Outcome:
    return Outcome(kind="expect", kept=True, not_judged=reason)


def read_names(project: Project, spec: str) -> frozenset[str] | None:
    """The names of all the cases of a spec; None where no such file is there.

    Raises PromptrunError where that cannot be told: the spec does not load, its data file cannot
    be read, or a row of it is bad and may be any case.
    """
    path = project.root / spec
    if not _is_there(path):
        return None
    names = set()
    for case in expand(load_one(path, project).spec, None):
        if isinstance(case, BadCase):
            raise case.error
        names.add(case.name)
    return frozenset(names)


def _is_there(path: os.PathLike[str]) -> bool:
    """Whether something stands there; a folder that hides it from us may hold it."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
