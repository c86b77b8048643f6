"""A project on the disk to load specs from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from promptrun.errors import SpecErrors
from promptrun.protocol import Problem
from promptrun.spec import Rules, expand, load_spec

if TYPE_CHECKING:
    from promptrun.errors import SpecError
    from promptrun.models import BadCase, Case, Overrides, Spec

MINIMAL = "model: m\nmessages:\n  - {role: user, content: hi}\n"


def check_text(value: Any, path: tuple[str | int, ...]) -> list[Problem]:
    return [] if isinstance(value, str) else [Problem(path, "it must be text")]


KNOWN = Rules(
    expectations={"finish_reason": check_text, "contains": check_text, "max_latency": check_text},
    whole=frozenset({"max_latency"}),
    joined=frozenset({"contains"}),
    check_query=lambda text: None if text.startswith("$") else "it is none",
    check_replacement=lambda pattern, _: None if pattern != "(" else "it is none",
)


class Project:
    """A root with files; specs lie in ``specs/``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def load(self, text: str | bytes, name: str = "specs/a.yaml", **options: Any) -> Spec:
        path = self.write(name, text)
        return load_spec(path, root=self.root, known=KNOWN, **options)

    def add(self, text: str, **options: Any) -> Spec:
        """Load a minimal spec with more keys."""
        return self.load(MINIMAL + text, **options)

    def errors(self, text: str | bytes, **options: Any) -> tuple[SpecError, ...]:
        with pytest.raises(SpecErrors) as caught:
            self.load(text, **options)
        return caught.value.errors

    def added_errors(self, text: str, **options: Any) -> tuple[SpecError, ...]:
        return self.errors(MINIMAL + text, **options)

    def cases(self, text: str, overrides: Overrides | None = None) -> list[Case | BadCase]:
        return list(expand(self.add(text), overrides))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path.resolve()
    (root / "promptrun.toml").touch()
    return Project(root)
