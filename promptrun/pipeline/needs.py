"""What judging a plan's replies takes, known before anything is sent.

Code needs the project's permission and the user's trust, judges need a provider of their own, and
sets of samples need numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.config import choose_provider, resolve_server
from promptrun.errors import SpecError, SpecErrors, UsageError
from promptrun.models import Case, DataFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from promptrun.models import Expectation, Spec
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec


def python_roots(plan: Plan) -> frozenset[Path]:
    """The projects of a plan that have checks in Python, each allowed and trusted.

    Raises SpecErrors where the project's settings do not allow code, TrustError where they do and
    nobody trusts them yet.
    """
    roots: set[Path] = set()
    for planned in plan.specs:
        if "python" in _kinds(planned.spec):
            _require_python(planned)
            roots.add(planned.project.root)
    return frozenset(roots)


def _require_python(planned: PlannedSpec) -> None:
    from promptrun.config.trust import require_trust

    settings, spec = planned.project.settings, planned.spec
    if not settings.project.allow_python:
        path = next((one.path for one in spec.expect if one.kind == "python"), ())
        error = SpecError(
            "the settings of this project allow no Python code",
            location=spec.source.at(path, key=bool(path)),
            hint="write `allow_python = true` into `promptrun.toml`, then run `promptrun trust`",
        )
        raise SpecErrors([error])
    require_trust(settings, "Python code", "allow_python")


def require_samplers(plan: Plan) -> None:
    """Raise UsageError where sets are to be compared and numpy is not there."""
    if plan.options.overrides.samples or any(_samples(planned.spec) for planned in plan.specs):
        from promptrun.compare.samples import require_numpy

        require_numpy()


def add_judges(plan: Plan) -> None:
    """Load the judges of a plan, and add the servers that they are asked on to its own.

    Raises SpecErrors where a judge's spec cannot be used, UsageError where its provider cannot.
    """
    for planned in plan.specs:
        if "judge" in _kinds(planned.spec):
            for rule in _judged_by(plan, planned):
                _add_judge(plan, planned, rule)


def _add_judge(plan: Plan, planned: PlannedSpec, rule: Expectation) -> None:
    from promptrun.pipeline.judges import load_judge

    name = rule.argument.get("spec") if isinstance(rule.argument, dict) else None
    try:
        judge = load_judge(planned, name)
    except UsageError as error:
        location = planned.spec.source.at(rule.path, key=True)
        found = SpecError(
            f"the judge cannot be used: {error.message}", location=location, hint=error.hint
        )
        raise SpecErrors([found]) from None
    settings = planned.project.settings
    provider = choose_provider(settings, judge.provider or planned.provider)
    place = (planned.project.root, provider)
    if place not in plan.servers:
        plan.servers[place] = resolve_server(settings, provider)


def _judged_by(plan: Plan, planned: PlannedSpec) -> Iterator[Expectation]:
    """The rules of a spec that ask a judge; of a data file's rows, those of the spec."""
    from promptrun.pipeline.faults import rules_of

    if isinstance(planned.spec.cases, DataFile):
        # What a row would fill in is known only when it is read.
        yield from (one for one in planned.spec.expect if one.kind == "judge" and not one.is_open)
        return
    for case in plan.cases(planned):
        if isinstance(case, Case):
            yield from (one for one in rules_of(case) if one.kind == "judge")


def _kinds(spec: Spec) -> set[str]:
    stated = {one.kind for one in spec.expect}
    for entry in _entries(spec):
        for rule in entry.get("expect") or ():
            stated |= rule.keys()
    return stated


def _samples(spec: Spec) -> bool:
    return spec.samples.count > 1 or any(entry.get("samples") for entry in _entries(spec))


def _entries(spec: Spec) -> tuple[dict[str, Any], ...]:
    return spec.cases if isinstance(spec.cases, tuple) else ()
