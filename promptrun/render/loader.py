"""Where `include`, `import` and `extends` find templates: below the root, never hidden."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import BaseLoader
from jinja2.exceptions import SecurityError, TemplateNotFound

from promptrun.files.tree import FileProblem, resolve_below
from promptrun.render.disk import load_text, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

_MAX_NAME = 1000
_MAX_CHOICES = 100


class Files(BaseLoader):
    """Templates by their real path."""

    def get_source(
        self,
        environment: Environment,  # noqa: ARG002
        template: str,
    ) -> tuple[str, str, Callable[[], bool]]:
        """The text, the path, and whether the file is still the same."""
        path = Path(template)
        before = stamp(path)
        return load_text(path), template, lambda: stamp(path) == before


def locate(root: Path, template: object, parent: str) -> str:
    """The real path of the file that `template` means beside the file `parent`.

    Raises TemplateNotFound, which `ignore missing` passes over, where there is no such file, and
    FileProblem where there may be none.
    """
    if not isinstance(template, str):
        raise SecurityError(f"a {type(template).__name__} names no template")
    if len(template) > _MAX_NAME:
        raise FileProblem(f"`{template[:80]}…` is too long for the name of a file")
    folder = Path(parent).parent
    try:
        return str(resolve_below(root, folder, template))
    except FileProblem as problem:
        if not _exists(folder / template):
            raise TemplateNotFound(template, problem.message) from problem
        raise


def require_few(names: object) -> None:
    """Refuse what is no short list of names."""
    if not isinstance(names, (list, tuple)) or not 0 < len(names) <= _MAX_CHOICES:
        raise SecurityError(f"a template is named by a text, or by up to {_MAX_CHOICES} of them")


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True
