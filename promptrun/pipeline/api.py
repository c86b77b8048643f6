"""What the functions of ``import promptrun`` do."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from promptrun.errors import SpecErrors, StoppedError, UsageError
from promptrun.models import BadCase, CaseResult, Overrides
from promptrun.pipeline.events import Stopped
from promptrun.pipeline.loops import call_outside_of_loops
from promptrun.pipeline.options import Options, working_folder
from promptrun.pipeline.plan import make_plan
from promptrun.pipeline.projects import load_planned, names_of, no_such_case
from promptrun.pipeline.run import run_plan
from promptrun.protocol import create_arguments
from promptrun.render import render_request
from promptrun.spec import expand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from promptrun.models import Spec


def load_prompt(target: str) -> tuple[Spec, str | None]:
    """The spec that a target names and the name of its case, if any; both exist."""
    options = Options(targets=(target,), cwd=working_folder(), environ=os.environ)
    specs, errors = load_planned(options)
    if errors:
        raise SpecErrors(errors)
    if len(specs) != 1 or Path(target).is_dir():
        raise UsageError(f"`{target}` is a folder", hint="name one spec: `specs/hello.yaml`")
    planned = specs[0]
    name = next(iter(planned.wanted or ()), None)
    if name is not None and all(case.name != name for case in expand(planned.spec, None)):
        raise no_such_case(planned.spec, name, names_of(planned.spec))
    return planned.spec, name


def render_arguments(spec: Spec, name: str | None, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments for ``create`` that send a case; without a name, the spec by itself."""
    if name is None:
        spec = structs.replace(spec, cases=None, matrix={})
    overrides = Overrides(vars=dict(variables))
    case = next(one for one in expand(spec, overrides) if name in {None, one.name})
    if isinstance(case, BadCase):
        raise case.error
    return create_arguments(render_request(case).body)


def collect_results(
    targets: tuple[str, ...],
    *,
    variables: Mapping[str, Any],
    fields: dict[str, Any],
    samples: int | None,
    **chosen: Any,
) -> list[CaseResult]:
    """Every result of a run, in the order in which they came.

    Raises StoppedError, with the results so far, where it ended before its last case; `fail_fast`
    alone is no reason for that.
    """
    options = Options(
        targets=targets,
        cwd=working_folder(),
        environ=os.environ,
        overrides=Overrides(vars=dict(variables), fields=fields, samples=samples),
        **chosen,
    )
    plan = make_plan(options, sends=not (options.replay or options.again))

    def collect() -> list[CaseResult]:
        results = []
        with closing(run_plan(plan)) as events:
            for event in events:
                if isinstance(event, CaseResult):
                    results.append(event)
                elif isinstance(event, Stopped) and not event.wished:
                    raise StoppedError(event.reason, hint=event.hint, results=results)
        return results

    return call_outside_of_loops(collect)
