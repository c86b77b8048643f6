"""The strings of one case, rendered; its mistakes are collected, so that all come at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from promptrun.errors import Location, PromptrunError, SpecError, SpecErrors
from promptrun.files.source import MAX_LINE_SHOWN
from promptrun.files.tree import FileProblem, resolve_below
from promptrun.models import FileRef
from promptrun.render.budget import Budget, BudgetError, reset_budget, set_budget
from promptrun.render.disk import Lazy, display_name, load_text
from promptrun.render.plain import render_plain
from promptrun.render.rows import name_row

if TYPE_CHECKING:
    from contextvars import Token
    from pathlib import Path

    from promptrun.files.source import Source
    from promptrun.models import Case

    YamlPath = tuple[str | int, ...]


def has_mark(text: str) -> bool:
    """Whether Jinja would see anything but text."""
    return "{" in text and ("{{" in text or "{%" in text or "{#" in text)


def is_fixed(value: Any) -> bool:
    """Whether it is a text without a brace, a number or nothing: most values of a request are."""
    return "{" not in value if isinstance(value, str) else not isinstance(value, (dict, list))


class Origin:
    """Where values were written: a file of YAML, or nowhere (``[defaults]``, a flag)."""

    __slots__ = ("file", "source")

    def __init__(self, file: Path, source: Source | None) -> None:
        self.file = file
        self.source = source

    def at(
        self, path: YamlPath, *, key: bool = False, word: str | None = None, line: int | None = None
    ) -> Location | None:
        """The place of a value; None where it stands in no file."""
        return self.source.at(path, key=key, word=word, line=line) if self.source else None


class Renderer:
    """Renders strings with the variables of one case, inside a ``with``."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.spec = case.spec
        self.errors: list[SpecError] = []
        self._seen: set[tuple[str, Location | None]] = set()
        self._budget = Budget()
        self._exhausted = False
        self._variables: dict[str, Any] | None = None
        self._token: Token[Budget]

    def __enter__(self) -> Self:
        self._token = set_budget(self._budget)
        return self

    def __exit__(self, *_error: object) -> None:
        reset_budget(self._token)

    def report(self, message: str, location: Location | None, hint: str | None = None) -> None:
        """Remember one mistake, with the row that it is made in."""
        self._remember(message + name_row(self.case), location, hint)

    def add(self, error: PromptrunError) -> None:
        """Remember a mistake, or all of them where it stands for several."""
        for one in error.errors if isinstance(error, SpecErrors) else (error,):
            if isinstance(one, SpecError):
                self.report(one.message, one.location, one.hint)

    def _remember(self, message: str, location: Location | None, hint: str | None) -> None:
        """The same mistake at the same place counts once."""
        if (message, location) not in self._seen:
            self._seen.add((message, location))
            self.errors.append(SpecError(message, location=location, hint=hint))

    def value(self, value: Any, origin: Origin, path: YamlPath, *, typed: bool) -> Any:
        """`value` with every string in it rendered; the same object where nothing was.

        `typed`: a string that is one whole expression becomes its value, and not a text.
        """
        if isinstance(value, str):
            return self.string(value, origin, path, typed=typed) if has_mark(value) else value
        if isinstance(value, dict):
            mapping = {
                key: item if is_fixed(item) else self.value(item, origin, (*path, key), typed=typed)
                for key, item in value.items()
            }
            return same_or(mapping, value)
        if isinstance(value, list):
            items = [
                self.value(item, origin, (*path, index), typed=typed)
                for index, item in enumerate(value)
            ]
            return same_or(items, value)
        return value

    def string(self, text: str, origin: Origin, path: YamlPath, *, typed: bool = False) -> Any:
        """One string, rendered; an empty text where that failed."""
        plain = render_plain(text, self.case.vars, self._budget, typed=typed)
        if plain is not None:
            return plain
        from promptrun.render.sandbox import INLINE

        return self._run(f"{origin.file}{INLINE}", text, origin, path, typed=typed)

    def file(self, name: str, origin: Origin, path: YamlPath) -> str:
        """The text of a file that is named at `path`; it is a template, too."""
        found = self.resolve(name, origin.file.parent, origin.at(path))
        if found is None:
            return ""
        try:
            text = load_text(found)
        except FileProblem as problem:
            self.report(problem.message, origin.at(path), problem.hint)
            return ""
        if not has_mark(text):
            return text
        plain = render_plain(text, self.case.vars, self._budget, typed=False)
        return str(self._run(str(found), text, origin, path)) if plain is None else plain

    def resolve(self, name: str, folder: Path, location: Location | None) -> Path | None:
        """The file that `name` means in `folder`; None, and a mistake, where it means none."""
        try:
            return resolve_below(self.spec.root, folder, name)
        except FileProblem as problem:
            self.report(problem.message, location, problem.hint)
            return None

    def variables(self) -> dict[str, Any]:
        """What templates see: the functions, and over them the variables."""
        if self._variables is None:
            from promptrun.render.methods import FUNCTIONS

            self._variables = {
                **FUNCTIONS,
                **{
                    name: Lazy(self.spec, value) if isinstance(value, FileRef) else value
                    for name, value in self.case.vars.items()
                },
            }
        return self._variables

    def _run(
        self, name: str, text: str, origin: Origin, path: YamlPath, *, typed: bool = False
    ) -> Any:
        if self._exhausted:
            return ""
        from promptrun.render.sandbox import sandbox_for
        from promptrun.render.text import require_unicode

        sandbox = sandbox_for(self.spec.root)
        failure: Exception | None = None
        result: Any = ""
        self._budget.resume()
        try:
            result = sandbox.run(sandbox.template(name, text, typed=typed), self.variables())
            require_unicode(result)
        except PromptrunError as error:
            self.add(error)
        except Exception as error:  # noqa: BLE001 -- a template can raise whatever Python can
            failure = error
        self._budget.pause()
        if failure is None and not self._budget.notes:
            return result
        self._explain(failure, origin, path)
        return ""

    def _explain(self, failure: Exception | None, origin: Origin, path: YamlPath) -> None:
        from promptrun.render import explain
        from promptrun.render.missing import is_variable

        noted = list(self._budget.notes.values())
        self._budget.notes.clear()
        names = [name for name in self.case.vars if isinstance(name, str)]
        for note in noted:
            problem = explain.missing_name(note, names)
            location = self._locate(note.template, note.line, origin, path, note.name)
            message = problem.message + name_row(self.case, column=is_variable(note))
            self._remember(message, location, problem.hint)
        self._exhausted = isinstance(failure, BudgetError)
        # What fails after a missing value fails because of it, as a rule.
        if failure is None or (noted and not self._exhausted):
            return
        problem = explain.failure(failure)
        location = self._locate(problem.template, problem.line, origin, path)
        self.report(problem.message, location, problem.hint)

    def _locate(
        self, template: str, line: int, origin: Origin, path: YamlPath, word: str | None = None
    ) -> Location | None:
        """The line of a template file; for a string, its place in the YAML."""
        from pathlib import Path

        from promptrun.render.sandbox import INLINE

        if not template or template.endswith(INLINE):
            return origin.at(path, word=word, line=line)
        try:
            lines = load_text(Path(template)).split("\n")
        except FileProblem:
            return origin.at(path)
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        column = max(text.find(word or ""), 0) + 1
        name = display_name(self.spec, Path(template))
        shown = text if len(text) <= MAX_LINE_SHOWN else ""
        return Location(name, line, column, shown, len(word or " "))


def same_or(new: Any, old: Any) -> Any:
    """`old` where `new`, a mapping or list of the same shape, holds the very same values."""
    if len(new) != len(old):
        return new
    if isinstance(new, dict):
        for key, value in new.items():
            if value is not old[key]:
                return new
        return old
    return old if all(a is b for a, b in zip(new, old, strict=True)) else new
