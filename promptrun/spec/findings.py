"""The mistakes of one spec, each with its place, gathered while the rest of it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from promptrun.errors import SpecError, SpecErrors
from promptrun.files.source import Place
from promptrun.models import Warned
from promptrun.protocol.problem import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from promptrun.errors import Location
    from promptrun.files.source import Source
    from promptrun.protocol.problem import Check, Path, Problem

CheckArgument = Callable[[Any, tuple[str | int, ...]], "list[Problem]"]
"""What is wrong with the argument of an expectation that stands at a path of the spec."""


class Rules(NamedTuple):
    """What other parts know about values that a spec only carries."""

    expectations: Mapping[str, CheckArgument]
    """The names under `expect:`."""
    whole: frozenset[str]
    """Those that judge a reply as a whole, so that `on:` means nothing for them."""
    joined: frozenset[str]
    """Those whose list means all of its texts, which `not:` would turn into "not all of them"."""
    check_query: Callable[[str], str | None]
    """Why a text is no query for `compare.ignore`; None where it is one."""
    check_replacement: Callable[[str, str], str | None]
    """Why a pattern and its replacement are none for `compare.replace`; None where they are."""


_MAX_ERRORS = 200
"""Placing an error costs time, and a file with more of them is no spec."""


class Findings:
    """Collects errors and warnings; `finish` raises the errors, if there are any."""

    def __init__(self, source: Source, rules: Rules | None = None) -> None:
        self.source = source
        self.rules = rules
        """What other parts know of arguments; None where all was checked before."""
        self.errors: list[SpecError] = []
        self.warned: list[Warned] = []
        self.defaults = False
        """Whether what is checked comes from ``[defaults]`` and has no place in the file."""

    def place(self, path: Path, *, key: bool = False) -> Location:
        """Where a path of the spec stands."""
        return self.source.at(path, key=key)

    def later(self, path: Path, *, key: bool = False) -> Place:
        """The same, for a place that nobody may ever ask for."""
        return Place(lambda: self.source.at(path, key=key))

    def error(
        self, path: Path, message: str, hint: str | None = None, *, key: bool = False
    ) -> None:
        """Note a mistake that is one for every server."""
        if len(self.errors) >= _MAX_ERRORS:
            return
        if self.defaults:
            message = f"`[defaults]` of the project: {message}"
        location = self.source.span(0, 1) if self.defaults else self.place(path, key=key)
        self.errors.append(SpecError(message, location=location, hint=hint))

    def add(self, problems: Iterable[Problem]) -> None:
        """Note problems whose paths start at the top of the file; lenient ones are warnings."""
        for problem in problems:
            if not problem.lenient:
                self.error(problem.path, problem.message, problem.hint, key=problem.key)
            elif len(self.warned) < _MAX_ERRORS:
                message = problem.message
                location = self.place(problem.path, key=problem.key)
                if self.defaults:
                    message = f"`[defaults]` of the project: {message}"
                    location = self.source.span(0, 1)
                self.warned.append(Warned(message=message, location=location, hint=problem.hint))

    def check(self, check: Check, value: Any, path: Path) -> bool:
        """Run a check of promptrun's own keys, where nothing is lenient or a template.

        True where the value is right.
        """
        report = Report(rendered=True)
        check(value, path, report)
        self.add(problem._replace(lenient=False) for problem in report.problems)
        return not report.problems

    def finish(self) -> None:
        """Raise every error, in the order of the file."""
        if self.errors:
            raise SpecErrors(sorted(self.errors, key=self._place_in_file))

    def _place_in_file(self, error: SpecError) -> tuple[bool, int, int]:
        """The spec's own mistakes stand before those of its data file."""
        place = error.location or self.source.span(0, 1)
        return place.file != self.source.name, place.line, place.column
