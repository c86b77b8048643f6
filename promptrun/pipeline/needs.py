"""What judging a plan's replies takes, known before anything is sent.

Code needs the project's permission and the user's trust, judges need a provider of their own, and
sets of samples need numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.config import resolve_server
from promptrun.errors import SpecError, SpecErrors, UsageError
from promptrun.models import Case, DataFile
from promptrun.pipeline.faults import rules_of
from promptrun.protocol.problem import is_template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from promptrun.models import Expectation, Spec
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec

    YamlPath = tuple[str | int, ...]


def python_roots(plan: Plan) -> frozenset[Path]:
    """The projects of a plan that have checks in Python, each allowed and trusted.

    Raises SpecErrors where the project's settings do not allow code, TrustError where they do and
    nobody trusts them yet.
    """
    roots: set[Path] = set()
    for planned in plan.specs:
        place = _stated(planned.spec).get("python")
        if place is not None:
            _require_python(planned, place)
            roots.add(planned.project.root)
    return frozenset(roots)


def _require_python(planned: PlannedSpec, place: YamlPath) -> None:
    from promptrun.config.trust import require_trust

    settings = planned.project.settings
    if not settings.project.allow_python:
        error = SpecError(
            "the settings of this project allow no Python code",
            location=planned.spec.source.at(place, key=bool(place)),
            hint="write `allow_python = true` into `promptrun.toml`, then run `promptrun trust`",
        )
        raise SpecErrors([error])
    require_trust(settings, "Python code", "allow_python")


def require_samplers(plan: Plan) -> None:
    """Raise UsageError where sets are to be compared and numpy is not there."""
    asked = plan.options.overrides.samples
    for planned in plan.specs:
        spec = planned.spec
        counts = [spec.samples.count, *map(_count, _entries(spec))] if asked is None else [asked]
        modes = {spec.compare.mode, *(_mode(entry) for entry in _entries(spec))}
        if max(counts) > 1 and modes != {"none"}:
            from promptrun.compare.samples import require_numpy

            require_numpy()
            return


def _count(entry: dict[str, Any]) -> int:
    samples = entry.get("samples", 1)
    return int(samples["count"] if isinstance(samples, dict) else samples)


def _mode(entry: dict[str, Any]) -> str:
    return str(entry.get("compare", {}).get("mode", "none"))


def add_judges(plan: Plan, *, sends: bool) -> None:
    """Load the judges of a plan; where it sends, its servers include those that they are asked on.

    Raises SpecErrors where a judge's spec cannot be used, UsageError where its provider cannot.
    """
    for planned in plan.specs:
        if "judge" in _stated(planned.spec):
            for rule in _judged_by(plan, planned):
                _add_judge(plan, planned, rule, sends=sends)


def _add_judge(plan: Plan, planned: PlannedSpec, rule: Expectation, *, sends: bool) -> None:
    from promptrun.pipeline.judges import find_judge, name_of_judge

    try:
        judge = find_judge(plan, planned, name_of_judge(rule))
    except UsageError as error:
        location = planned.spec.source.at(rule.path, key=True)
        found = SpecError(
            f"the judge cannot be used: {error.message}", location=location, hint=error.hint
        )
        raise SpecErrors([found]) from None
    place = (planned.project.root, judge.provider)
    if sends and place not in plan.servers:
        plan.servers[place] = resolve_server(planned.project.settings, judge.provider)


def _judged_by(plan: Plan, planned: PlannedSpec) -> Iterator[Expectation]:
    """The rules of a spec that ask a judge; of a data file's rows, those of the spec."""
    if isinstance(planned.spec.cases, DataFile):
        for rule in planned.spec.expect:
            # Which judge a row would name is known only when it is read.
            if rule.kind == "judge" and not is_template(_named(rule)):
                yield rule
        return
    for case in plan.cases(planned):
        if isinstance(case, Case):
            yield from (one for one in rules_of(case) if one.kind == "judge")


def _named(rule: Expectation) -> Any:
    """What stands under `spec` of a judge, template or not."""
    return rule.argument.get("spec") if isinstance(rule.argument, dict) else None


def _stated(spec: Spec) -> dict[str, YamlPath]:
    """The kinds of rules that a spec and its cases state, and where the first of each stands."""
    places: dict[str, YamlPath] = {}
    for one in spec.expect:
        places.setdefault(one.kind, one.path)
    for index, entry in enumerate(_entries(spec)):
        for at, rule in enumerate(entry.get("expect") or ()):
            for kind in rule:
                places.setdefault(kind, ("cases", index, "expect", at, kind))
    return places


def _entries(spec: Spec) -> tuple[dict[str, Any], ...]:
    return spec.cases if isinstance(spec.cases, tuple) else ()
