"""The judges of expectations: models that are asked whether a reply is as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.config import choose_provider
from promptrun.errors import PromptrunError, SpecErrors, UsageError
from promptrun.expect.judge_text import JUDGE_SPEC, read_judgement
from promptrun.files.json import digest
from promptrun.files.tree import FileProblem, resolve_below
from promptrun.models import BadCase, Overrides
from promptrun.pipeline.projects import KNOWN, Judge, load_one
from promptrun.render import render_request
from promptrun.spec import expand, load_spec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from promptrun.expect import Judgement, Question
    from promptrun.models import Expectation, Reply, Request, Spec
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec


def find_judge(plan: Plan, planned: PlannedSpec, name: str | None) -> Judge:
    """The judge that a spec names, relative to itself, or promptrun's own; loaded once a run.

    Its provider is the one that its spec names, else that of the case. Raises UsageError and
    SpecErrors where it cannot be used.
    """
    key = (planned.project.root, planned.provider, planned.spec.path.parent, name)
    if key not in plan.judges:
        spec = structs.replace(_load(planned, name), cases=None, matrix={})
        plan.judges[key] = Judge(
            spec=spec,
            provider=choose_provider(planned.project.settings, spec.provider or planned.provider),
            digest=digest([spec.source.text, str(spec.fields.get("model", ""))]),
        )
    return plan.judges[key]


def _load(planned: PlannedSpec, name: str | None) -> Spec:
    if name is None:
        # It lies outside of the project, and the project's defaults are not about it.
        return load_spec(JUDGE_SPEC, root=JUDGE_SPEC.parent, known=KNOWN)
    project = planned.project
    try:
        path = resolve_below(project.root, planned.spec.path.parent, name)
    except FileProblem as problem:
        raise UsageError(problem.message, hint=problem.hint) from None
    return load_one(path, project).spec


def name_of_judge(rule: Expectation) -> str | None:
    """The spec that a rule of the kind `judge` names; None for promptrun's own."""
    name = rule.argument.get("spec") if isinstance(rule.argument, dict) else None
    return name if isinstance(name, str) else None


def judge_digests(
    plan: Plan, planned: PlannedSpec, rules: Iterable[Expectation]
) -> dict[str | None, str]:
    """What the judges of some rules are, by their names; empty texts for those of no use."""
    digests: dict[str | None, str] = {}
    for name in {name_of_judge(rule) for rule in rules if rule.kind == "judge"}:
        try:
            digests[name] = find_judge(plan, planned, name).digest
        except PromptrunError:
            digests[name] = ""
    return digests


def judge_request(
    plan: Plan, planned: PlannedSpec, question: Question, model: str
) -> tuple[tuple[Path, str], Request]:
    """Where a question goes, and the request that asks it.

    `model` is what the case itself asks for: promptrun's own judge is asked of it, unless the
    expectation names another. Raises PromptrunError where the request cannot be made.
    """
    judge = find_judge(plan, planned, question.spec)
    wanted = question.model or (model if question.spec is None else None)
    fields = {"model": wanted} if wanted else {}
    overrides = Overrides(vars=dict(question.variables), fields=fields)
    case = next(expand(judge.spec, overrides))
    if isinstance(case, BadCase):
        raise case.error
    place = (planned.project.root, judge.provider)
    # A run that is judged again asks nobody.
    if place not in plan.servers and plan.options.again is None:
        raise UsageError(f"the provider `{judge.provider}` of the judge was not known in time")
    return place, render_request(case)


def read_reply(reply: Reply) -> Judgement:
    """What a judge's reply says."""
    return read_judgement(reply.choices[0].content or "" if reply.choices else "")


def explain(error: PromptrunError) -> str:
    """Why a judge could not be asked, in a line."""
    if isinstance(error, SpecErrors):
        return "; ".join(str(one) for one in error.errors)
    return str(error)
