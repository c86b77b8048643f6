"""What is wrong with one case before it is sent, and what it is warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.errors import PromptrunError, SpecError, SpecErrors
from promptrun.expect import KINDS
from promptrun.files.tree import FileProblem
from promptrun.models import BadCase
from promptrun.render import render_expectations, render_request
from promptrun.render.rows import name_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from promptrun.models import Case, Expectation, Warned


def find_faults(case: Case | BadCase, *, strict: bool) -> list[SpecError]:
    """What keeps a case from being sent; for a `strict` server that includes warnings."""
    if isinstance(case, BadCase):
        return [case.error]
    errors: list[SpecError] = []
    warnings: tuple[Warned, ...] = ()
    try:
        warnings = warnings_of(case, _of_its_row(case, render_request(case).warnings))
    except SpecErrors as several:
        errors += several.errors
    try:
        errors += missing_checks(case, rules_of(case))
    except SpecErrors as several:
        errors += several.errors
    if strict:
        errors += map(as_error, warnings)
    return errors


def _of_its_row(case: Case, rendered: tuple[Warned, ...]) -> tuple[Warned, ...]:
    end = name_row(case)
    return tuple(structs.replace(one, message=one.message + end) for one in rendered)


def missing_checks(case: Case, rules: Iterable[Expectation]) -> Iterator[SpecError]:
    """The checks in Python that are not there; none of them is run."""
    for rule in rules:
        if rule.kind == "python":
            from promptrun.expect.python import check_function

            try:
                check_function(rule.argument, case.spec.root, case.spec.path.parent)
            except FileProblem as problem:
                location = case.spec.source.at(rule.path, key=bool(rule.path))
                yield SpecError(problem.message, location=location, hint=problem.hint)


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
