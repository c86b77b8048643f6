"""Specs as they are on the disk now, for whatever was kept of them earlier."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

from promptrun.errors import PromptrunError, SpecErrors
from promptrun.models import BadCase, CompareRules, Digests
from promptrun.pipeline.projects import load_one, secrets_for
from promptrun.render import render_request
from promptrun.snapshots import digest_request
from promptrun.spec import expand

if TYPE_CHECKING:
    from collections.abc import Iterable

    from promptrun.pipeline.projects import Project
    from promptrun.snapshots.values import Pending


class CaseNow(Struct, frozen=True, kw_only=True):
    """A case as it would be sent now."""

    compare: CompareRules
    digests: Digests | None
    error: SpecErrors | None = None
    """Why it cannot be rendered, and has no digests."""


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

    def _read_cases(self, spec: str) -> dict[str, CaseNow]:
        path = self._project.root / spec
        if not path.is_file():
            return {}
        wanted = self._expected.get(spec)
        masker = secrets_for([self._project.settings], ())
        cases: dict[str, CaseNow] = {}
        for case in expand(load_one(path, self._project).spec, None):
            if isinstance(case, BadCase) or (wanted is not None and case.name not in wanted):
                continue
            digests, error = None, None
            try:
                digests = digest_request(masker.mask(render_request(case).body))
            except SpecErrors as several:
                error = several
            cases[case.name] = CaseNow(compare=case.compare, digests=digests, error=error)
        return cases


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
