"""The judges of expectations: models that are asked whether a reply is as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.config import choose_provider
from promptrun.errors import PromptrunError, SpecErrors, UsageError
from promptrun.expect.judge_text import JUDGE_SPEC, read_judgement
from promptrun.files.tree import FileProblem, resolve_below
from promptrun.models import BadCase, Overrides
from promptrun.pipeline.projects import load_one
from promptrun.render import render_request
from promptrun.spec import expand

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.expect import Judgement, Question
    from promptrun.models import Reply, Request, Spec
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec


def load_judge(planned: PlannedSpec, name: str | None) -> Spec:
    """The spec of a judge: a file named relative to the spec that asks, or promptrun's own.

    Raises UsageError and SpecErrors where it cannot be used.
    """
    project = planned.project
    if name is None:
        return load_one(JUDGE_SPEC, structs.replace(project, root=JUDGE_SPEC.parent)).spec
    try:
        path = resolve_below(project.root, planned.spec.path.parent, name)
    except FileProblem as problem:
        raise UsageError(problem.message, hint=problem.hint) from None
    return load_one(path, project).spec


def judge_request(
    plan: Plan, planned: PlannedSpec, question: Question, model: str
) -> tuple[tuple[Path, str], Request]:
    """Where a question goes, and the request that asks it.

    The judge's provider is the one that its spec names, else that of the case. `model` is what the
    case itself asks for: promptrun's own judge is asked of it, unless the expectation names
    another. Raises PromptrunError where the request cannot be made.
    """
    spec = load_judge(planned, question.spec)
    wanted = question.model or (model if question.spec is None else None)
    fields = {"model": wanted} if wanted else {}
    overrides = Overrides(vars=dict(question.variables), fields=fields)
    case = next(expand(structs.replace(spec, cases=None, matrix={}), overrides))
    if isinstance(case, BadCase):
        raise case.error
    settings = planned.project.settings
    provider = choose_provider(settings, spec.provider or planned.provider)
    place = (planned.project.root, provider)
    # A run that is judged again asks nobody.
    if place not in plan.servers and plan.options.again is None:
        raise UsageError(f"the provider `{provider}` of the judge was not known before the run")
    return place, render_request(case)


def read_reply(reply: Reply) -> Judgement:
    """What a judge's reply says."""
    return read_judgement(reply.choices[0].content or "" if reply.choices else "")


def explain(error: PromptrunError) -> str:
    """Why a judge could not be asked, in a line."""
    if isinstance(error, SpecErrors):
        return "; ".join(str(one) for one in error.errors)
    return str(error)
