"""Files that a case names and never reads: by an `include` out of reach, an unused variable."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from promptrun.errors import PromptrunError
from promptrun.files.json import pretty
from promptrun.pipeline.share.repeat import render_there, write_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptrun.models import Case, Overrides
    from promptrun.pipeline.projects import PlannedSpec
    from promptrun.reports.share.shared import SharedFile

MOST_TRIED: Final = 100
"""Files times cases: each is rendered once without each file."""
_OPENS: Final = frozenset({"judge", "python"})
"""Expectations that open files of their own when there is a reply."""


def find_unread(
    files: Sequence[SharedFile], cases: Sequence[tuple[PlannedSpec, Case]], overrides: Overrides
) -> set[str]:
    """The paths of the files without which all cases are rendered to the very same requests.

    There is none where that cannot be told: the files give no request, a judge or a check in Python
    may read them later, or there are too many to try.
    """
    kept = {case.spec.id for _, case in cases} | {"promptrun.toml"}
    tried = [one for one in files if one.path not in kept]
    if (
        not tried
        or len(tried) * len(cases) > MOST_TRIED
        or any(rule.kind in _OPENS for _, case in cases for rule in case.expect)
    ):
        return set()
    with suppress(OSError), TemporaryDirectory(prefix="promptrun-") as name:
        return _try_without(Path(name).resolve(), files, tried, cases, overrides)
    return set()


def _try_without(
    root: Path,
    files: Sequence[SharedFile],
    tried: Sequence[SharedFile],
    cases: Sequence[tuple[PlannedSpec, Case]],
    overrides: Overrides,
) -> set[str]:
    for file in files:
        write_file(root, file)
    whole = _render_all(root, cases, overrides)
    unread: set[str] = set()
    for file in tried if whole is not None else ():
        (root / file.path).unlink(missing_ok=True)
        if _render_all(root, cases, overrides) == whole:
            unread.add(file.path)
        else:
            write_file(root, file)
    return unread


def _render_all(
    root: Path, cases: Sequence[tuple[PlannedSpec, Case]], overrides: Overrides
) -> list[str] | None:
    """Requests and expectations, filled in; None where a file is missing."""
    found: list[Any] = []
    try:
        for planned, case in cases:
            found.append(render_there(root, planned, case, overrides))
    except PromptrunError:
        return None
    return [pretty(one) for one in found]
