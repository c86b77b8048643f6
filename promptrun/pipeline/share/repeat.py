"""Whether the files of an example, alone in a folder, give the same request."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from promptrun.errors import PromptrunError, SpecError, SpecErrors
from promptrun.files.json import pretty
from promptrun.models import Case
from promptrun.pipeline.faults import find_faults, rules_of
from promptrun.pipeline.options import Options
from promptrun.pipeline.projects import load_one, load_project
from promptrun.render import render_request
from promptrun.spec import expand

if TYPE_CHECKING:
    from collections.abc import Iterable

    from promptrun.models import Overrides
    from promptrun.pipeline.projects import PlannedSpec
    from promptrun.reports.share.shared import SharedFile

MOST_RENDERED: Final = 100
"""Cases of one spec, where the one that is meant is not found by its name."""


def repeats(
    files: Iterable[SharedFile],
    planned: PlannedSpec,
    case: Case,
    body: dict[str, Any],
    overrides: Overrides,
) -> str | None:
    """Why the files alone, in a folder of their own, do not give this very request.

    None where they do. Raises OSError where the folder cannot be made.
    """
    with TemporaryDirectory(prefix="promptrun-") as name:
        root = Path(name).resolve()
        for file in files:
            write_file(root, file)
        try:
            again, _ = render_there(root, planned, case, overrides)
        except PromptrunError as error:
            return _explain(error, root)
    return None if pretty(again) == pretty(body) else "it comes out as another one"


def render_masked(
    files: Iterable[SharedFile], planned: PlannedSpec, case: Case, overrides: Overrides
) -> tuple[dict[str, list[Any]], str | None]:
    """What files give whose secrets are masked, or why they give nothing.

    Those are the requests and the arguments of the expectations; of all cases of the spec where
    this one is not found, since a row without a name is called after what it holds. Raises OSError
    where no folder can be made for them.
    """
    with TemporaryDirectory(prefix="promptrun-") as name:
        root = Path(name).resolve()
        for file in files:
            write_file(root, file)
        try:
            cases = _expand_there(root, planned, case, overrides)
            there = [one for one in cases if one.name == case.name] or cases
            bodies: list[Any] = [render_request(one).body for one in there[:MOST_RENDERED]]
            rules = [rule.argument for one in there[:MOST_RENDERED] for rule in rules_of(one)]
        except PromptrunError as error:
            return {}, _explain(error, root)
    return {"request": bodies, "expect": rules}, None if bodies else "they have no case"


def _explain(error: PromptrunError, root: Path) -> str:
    first = error.errors[0] if isinstance(error, SpecErrors) else error
    return str(first).replace(str(root), "…")


def write_file(root: Path, file: SharedFile) -> None:
    """One file of an example, below a folder; nothing where its content is left out."""
    path = root / file.path
    if file.text is None and file.base64 is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b64decode(file.base64) if file.base64 else (file.text or "").encode())


def render_there(
    root: Path, planned: PlannedSpec, case: Case, overrides: Overrides
) -> tuple[dict[str, Any], list[Any]]:
    """The request that the files in a folder give, and the arguments of its expectations.

    Raises PromptrunError where they give none.
    """
    cases = _expand_there(root, planned, case, overrides)
    there = next((one for one in cases if one.name == case.name), None)
    if there is None:
        raise SpecError("the case is not among those of the files")
    faults = find_faults(there, strict=planned.strict)
    if faults:
        raise faults[0]
    return render_request(there).body, [rule.argument for rule in rules_of(there)]


def _expand_there(root: Path, planned: PlannedSpec, case: Case, overrides: Overrides) -> list[Case]:
    """The cases of the spec that can be rendered, read from the files in a folder."""
    # A provider of the project's own is not known there, and renders nothing.
    provider = "openai" if planned.strict else "local"
    options = Options(targets=(), cwd=root, environ={}, provider=provider)
    project = load_project(root, options)
    spec = load_one(root / case.spec.id, project, overrides=overrides).spec
    return [one for one in expand(spec, overrides) if isinstance(one, Case)]
