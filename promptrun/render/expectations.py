"""The arguments of a case's expectations, with templates and files filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from promptrun.errors import PromptrunError, SpecErrors
from promptrun.models import FileRef
from promptrun.render.disk import Lazy
from promptrun.render.rows import number_hint
from promptrun.render.template import Origin, Renderer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from promptrun.models import Case, Expectation
    from promptrun.protocol import Problem

    CheckArgument = Callable[[str, Any, tuple[str | int, ...]], Sequence[Problem]]
    """The mistakes of an argument, by the kind of the expectation and its path in the spec."""


def render_expectations(case: Case, check: CheckArgument) -> tuple[Expectation, ...]:
    """The expectations of `case` as they judge its reply; its own where nothing was open.

    A text that is one whole ``{{ expression }}`` keeps the type of its value. What was filled in
    is checked as the loader checks the rest. Raises SpecErrors with every mistake.
    """
    if not any(one.is_open for one in case.expect):
        return case.expect
    origin = Origin(case.spec.path, case.spec.source)
    renderer = Renderer(case)
    rendered: list[Expectation] = []
    with renderer:
        for one in case.expect:
            argument, mistakes = one.argument, len(renderer.errors)
            if one.is_open:
                argument = _fill(renderer, argument, origin, one.path)
            rendered.append(structs.replace(one, argument=argument, is_open=False))
            if one.is_open and len(renderer.errors) == mistakes:
                for problem in check(one.kind, argument, one.path):
                    inner = problem.path[len(one.path) :]
                    hint = number_hint(case, problem.message, one.argument, argument, inner)
                    location = case.spec.source.at(problem.path, key=problem.key)
                    renderer.report(problem.message, location, hint or problem.hint)
    if renderer.errors:
        raise SpecErrors(renderer.errors)
    return tuple(rendered)


def _fill(renderer: Renderer, value: Any, origin: Origin, path: tuple[str | int, ...]) -> Any:
    if isinstance(value, FileRef):
        try:
            return Lazy(renderer.spec, value).get()
        except PromptrunError as error:
            renderer.add(error)
            return ""
    if isinstance(value, dict) and any(isinstance(item, FileRef) for item in value.values()):
        return {key: _fill(renderer, item, origin, (*path, key)) for key, item in value.items()}
    return renderer.value(value, origin, path, typed=True)
