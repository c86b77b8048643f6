"""The entries of `cases:`: each checked as the spec is loaded, and read again as it is expanded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.errors import SpecErrors
from promptrun.files.tree import FileProblem, resolve_below
from promptrun.models import DataFile, FileRef
from promptrun.protocol.checks import text
from promptrun.spec import rules, sections
from promptrun.spec.fields import read_fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path as FilePath

    from promptrun.models import Spec
    from promptrun.protocol import Path
    from promptrun.spec.findings import Findings

CASE_KEYS = frozenset({"name", "description", "vars", "expect", "compare", "samples", "tags"})
"""The keys of a case that are no request fields."""

DEFAULT_NAME = "default"


def read_cases(
    top: Mapping[str, Any], spec: Spec, found: Findings
) -> tuple[dict[str, Any], ...] | DataFile | None:
    """What stands under `cases:`, checked; None for a spec that is one case by itself."""
    if "cases" not in top:
        return None
    value = top["cases"]
    name = sections.as_file_name(value)
    if name is not None:
        ref = FileRef(name=name, folder=spec.path.parent, place=found.later(("cases", "file")))
        _check_data_file(ref, spec.root, found)
        return DataFile(ref=ref)
    if not isinstance(value, list) or not value:
        hint = "leave `cases` out for one case, or name a file: `cases: {file: people.csv}`"
        found.error(("cases",), "`cases` must be a list of at least one case", hint)
        return None
    checker = _CaseChecker(spec, found)
    for index, entry in enumerate(value):
        checker.check(entry, ("cases", index))
    return tuple(entry for entry in value if isinstance(entry, dict))


def find_data_file(ref: FileRef, root: FilePath) -> tuple[FilePath, str]:
    """The file of rows, and what messages call it; FileProblem where there is none."""
    path = resolve_below(root, ref.folder, ref.name)
    return path, path.relative_to(root).as_posix()


def _check_data_file(ref: FileRef, root: FilePath, found: Findings) -> None:
    """Read as far as the first row, so that what is wrong with the whole file is known now."""
    # Only a spec with a data file loads what reads one.
    from promptrun.spec.rows import read_rows

    try:
        path, name = find_data_file(ref, root)
        if next(read_rows(path, name), None) is None:
            found.error(("cases", "file"), f"`{name}` has no rows")
    except FileProblem as problem:
        found.error(("cases", "file"), problem.message, problem.hint)
    except SpecErrors as several:
        found.errors += several.errors


class _CaseChecker:
    """Checks one entry after the other; what they share is worked out once."""

    def __init__(self, spec: Spec, found: Findings) -> None:
        self.spec = spec
        self.found = found
        self.names: dict[str, Path] = {}

    def check(self, entry: Any, path: Path) -> None:
        found = self.found
        if not isinstance(entry, dict):
            found.error(path, "a case must be a mapping", "write `- vars: {…}`")
            return
        read_fields(entry, path, found, own=CASE_KEYS, case=True)
        self.check_name(entry, path)
        if "description" in entry:
            found.check(text(), entry["description"], (*path, "description"))
        if entry.get("vars") is not None:
            found.check(sections.check_variables, entry["vars"], (*path, "vars"))
        if "tags" in entry:
            found.check(sections.check_tags, entry["tags"], (*path, "tags"))
        if "expect" in entry:
            folder = self.spec.path.parent
            rules.read_expectations(entry["expect"], (*path, "expect"), folder, found)
        if "compare" in entry:
            rules.read_compare(entry["compare"], (*path, "compare"), found, self.spec.compare)
        if "samples" in entry:
            rules.read_samples(entry["samples"], (*path, "samples"), found, self.spec.samples)

    def check_name(self, entry: Mapping[str, Any], path: Path) -> None:
        place = (*path, "name") if "name" in entry else path
        name, problem = DEFAULT_NAME, None
        if "name" in entry:
            name, problem = sections.read_name(entry["name"])
        if problem is not None:
            self.found.error(place, problem)
        elif name not in self.names:
            self.names[name] = place
        elif "name" in entry:
            line = self.found.place(self.names[name]).line
            message = f"two cases are called `{name}`: here and at line {line}"
            self.found.error(place, message, "give each case a name of its own")
        else:
            hint = "only one case may go without; it is called `default`"
            self.found.error(place, "this case has no `name`", hint)
