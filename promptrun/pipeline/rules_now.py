"""How replies of recorded runs are compared: by the specs as they are now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from msgspec import structs

from promptrun.errors import PromptrunError, UsageError
from promptrun.models import CompareRules

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.pipeline.projects import Project

_MOST: Final = 1_000
"""Specs whose rules are held; a record may name any number."""


class RulesNow:
    """The `compare:` of each spec of a project, and the usual rules where none can be told."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._project: Project | None = None
        self._rules: dict[str, CompareRules] = {}
        self._has_numpy: bool | None = None
        self.problems: tuple[str, ...] = ()

    def of(self, spec: str) -> CompareRules:
        """The rules of a spec by its id, which may come from a stranger's record."""
        if spec not in self._rules:
            if len(self._rules) >= _MOST:
                self._rules.clear()
            try:
                self._rules[spec] = self._read(spec)
            except (PromptrunError, OSError, ValueError):
                self._rules[spec] = CompareRules()
        return self._rules[spec]

    def for_samples(self, rules: CompareRules) -> CompareRules:
        """The same, but for replies that cannot be compared because numpy is not installed."""
        if self._has_numpy is None:
            self._has_numpy = self._find_numpy()
        return rules if self._has_numpy else structs.replace(rules, mode="none")

    def _read(self, spec: str) -> CompareRules:
        from promptrun.pipeline.options import Options
        from promptrun.pipeline.projects import load_one, load_project

        # A record's word for a path: only a spec of this project is looked at.
        path = self._root / spec
        is_own = path.is_relative_to(self._root) and os.path.realpath(path) == os.fspath(path)
        if not is_own or not path.is_file():
            return CompareRules()
        if self._project is None:
            options = Options(targets=(), cwd=self._root, environ=os.environ)
            self._project = load_project(self._root, options)
        return load_one(path, self._project).spec.compare

    def _find_numpy(self) -> bool:
        from promptrun.compare.samples import require_numpy

        try:
            require_numpy()
        except UsageError as error:
            hint = f"; {error.hint}" if error.hint else ""
            self.problems = (
                f"samples are compared by their expectations alone: {error.message}{hint}",
            )
            return False
        return True
