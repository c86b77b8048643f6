"""Spec → Cases, as a stream: the entries or rows, times the matrix, under the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import structs

from promptrun.errors import SpecError, SpecErrors
from promptrun.files.json import digest
from promptrun.files.source import Place
from promptrun.files.tree import FileProblem
from promptrun.models import (
    BadCase,
    Case,
    CompareRules,
    DataFile,
    Overrides,
    SampleRules,
    Warned,
)
from promptrun.spec import rules, sections
from promptrun.spec.entries import DEFAULT_NAME, find_data_file
from promptrun.spec.fields import in_body_order, own_fields, place_together
from promptrun.spec.findings import Findings
from promptrun.spec.matrix import combine
from promptrun.spec.names import SeenNames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.models import Expectation, Spec
    from promptrun.protocol import Problem
    from promptrun.spec.fields import Origins
    from promptrun.spec.matrix import Combination
    from promptrun.spec.rows import BadRow

_MAX_PLACES_SOUGHT = 20
_MAX_ROWS_READ_AGAIN = 1_000_000
"""Finding the first of two rows of one name means to read the file again, as far as that row."""


class _Entry(NamedTuple):
    """One case before the matrix: only what it adds to its spec."""

    name: str
    label: str
    place: Place
    vars: dict[str, Any]
    fields: dict[str, Any]
    origins: Origins
    expect: tuple[Expectation, ...]
    compare: CompareRules
    samples: SampleRules
    tags: tuple[str, ...]


def expand(spec: Spec, overrides: Overrides | None = None) -> Iterator[Case | BadCase]:
    """The cases of a spec that `load_spec` gave, in the order of the file.

    A row that cannot be read, or whose name is taken, is a BadCase, and the others go on. Of the
    rows that went by only the hashes of their names are kept. Raises SpecErrors where a data file
    as a whole has become unreadable since the spec was loaded.
    """
    builder = _CaseBuilder(spec, overrides or Overrides())
    combinations = tuple(combine(spec.matrix))
    seen = SeenNames()
    sought = read_again = 0
    for index, entry in enumerate(_entries(spec)):
        if not isinstance(entry, _Entry):
            yield BadCase(spec=spec, name=entry.label, error=entry.error)
            continue
        for combination in combinations:
            name = entry.name + combination.suffix
            if not seen.add(name):
                sought += 1
                may_seek = sought <= _MAX_PLACES_SOUGHT and read_again <= _MAX_ROWS_READ_AGAIN
                first = _find_first(spec, name) if may_seek else None
                read_again += first[0] if first else 0
                # Only the hashes met where the first of this name is this very entry.
                if first is None or first[0] != index:
                    yield _taken(spec, entry, name, first[1] if first else None)
                    break
            yield builder.build(entry, combination, name)


def _entries(spec: Spec) -> Iterator[_Entry | BadRow]:
    if spec.cases is None:
        yield _plain_entry(spec, DEFAULT_NAME, "", Place(lambda: spec.source.at(())), {})
    elif isinstance(spec.cases, DataFile):
        yield from _row_entries(spec, spec.cases)
    else:
        for index, case in enumerate(spec.cases):
            yield _inline_entry(spec, case, index)


def _inline_entry(spec: Spec, case: dict[str, Any], index: int) -> _Entry:
    # Checked when the spec was loaded: nothing is found a second time.
    found = Findings(spec.source)
    path = ("cases", index)
    fields, origins = own_fields(case, path)
    folder = spec.path.parent
    variables = sections.read_variables(case.get("vars"), (*path, "vars"), folder, found)
    expect, compare, samples = spec.expect, spec.compare, spec.samples
    if "expect" in case:
        own = rules.read_expectations(case["expect"], (*path, "expect"), folder, found)
        expect = (*expect, *own)
    if "compare" in case:
        compare = rules.read_compare(case["compare"], (*path, "compare"), found, compare)
    if "samples" in case:
        samples = rules.read_samples(case["samples"], (*path, "samples"), found, samples)
    tags = spec.tags
    if "tags" in case:
        tags = (*tags, *sections.read_tags(case["tags"], (*path, "tags"), found))
    name = sections.read_name(case["name"])[0] if "name" in case else DEFAULT_NAME
    place = Place(lambda: spec.source.at(path))
    return _Entry(name, name, place, variables, fields, origins, expect, compare, samples, tags)


def _row_entries(spec: Spec, data: DataFile) -> Iterator[_Entry | BadRow]:
    # Only a spec with a data file loads what reads one.
    from promptrun.spec.rows import BadRow, read_rows

    try:
        path, name = find_data_file(data.ref, spec.root)
        for row in read_rows(path, name):
            if isinstance(row, BadRow):
                yield row
                continue
            called, problem = _name_row(row.values)
            if problem is not None:
                yield BadRow(row.label, SpecError(problem, location=row.location))
            else:
                yield _plain_entry(spec, called, row.label, Place(row.locate), row.values)
    except FileProblem as problem:
        error = SpecError(problem.message, location=data.ref.location, hint=problem.hint)
        raise SpecErrors([error]) from None


def _name_row(values: dict[str, Any]) -> tuple[str, str | None]:
    """The name of a row, and what is wrong with it."""
    for column in ("name", "id"):
        if column in values:
            return sections.read_name(values[column])
    return digest(values), None


def _plain_entry(
    spec: Spec, name: str, label: str, place: Place, variables: dict[str, Any]
) -> _Entry:
    """A case that adds nothing but variables."""
    rules = spec.expect, spec.compare, spec.samples, spec.tags
    return _Entry(name, label, place, variables, {}, {}, *rules)


def _find_first(spec: Spec, name: str) -> tuple[int, _Entry] | None:
    """The first entry that makes a case of this name, and its index."""
    combinations = tuple(combine(spec.matrix))
    for index, entry in enumerate(_entries(spec)):
        if isinstance(entry, _Entry) and name.startswith(entry.name):
            for combination in combinations:
                if entry.name + combination.suffix == name:
                    return index, entry
    return None


def _taken(spec: Spec, entry: _Entry, name: str, first: _Entry | None) -> BadCase:
    where = "an earlier row"
    if first is not None:
        # The rows of a JSON file are known by their number only.
        by_number = first.label.startswith("row ") and "line" not in first.label
        where = first.label if by_number else f"line {first.place.location.line}"
    message = f"two cases are called `{name}`: here and at {where}"
    hint = "give each a name of its own; a row without `name` or `id` is named by its variables"
    error = SpecError(message, location=entry.place.location, hint=hint)
    is_row = isinstance(spec.cases, DataFile)
    return BadCase(spec=spec, name=entry.label if is_row else name, error=error)


class _CaseBuilder:
    """Lays matrix and command line over the entries of one spec."""

    def __init__(self, spec: Spec, overrides: Overrides) -> None:
        self.spec = spec
        self.overrides = overrides

    def build(self, entry: _Entry, combination: Combination, name: str) -> Case:
        spec, flags = self.spec, self.overrides
        fields, origins = spec.fields, spec.origins
        warned: tuple[Warned, ...] = ()
        if entry.fields or combination.fields or flags.fields:
            fields, origins = self.lay_fields(entry, combination)
            if combination.fields or flags.fields:
                # Without an axis of fields, the spec's own warnings hold what is wrong by itself.
                own = None if combination.fields else entry
                warned = self.warn(own, fields, origins)
        samples = entry.samples
        if flags.samples is not None:
            samples = structs.replace(samples, count=flags.samples)
        return Case(
            spec=spec,
            name=name,
            fields=fields,
            origins=origins,
            vars={**spec.vars, **entry.vars, **combination.vars, **flags.vars},
            expect=entry.expect,
            compare=entry.compare,
            samples=samples,
            tags=tuple(dict.fromkeys(entry.tags)),
            place=entry.place,
            warned=warned,
        )

    def lay_fields(self, entry: _Entry, combination: Combination) -> tuple[dict[str, Any], Origins]:
        flags = self.overrides.fields
        fields = {**self.spec.fields, **entry.fields, **combination.fields, **flags}
        origins = {**self.spec.origins, **entry.origins, **combination.origins}
        for name in flags:
            origins.pop(name, None)
        if flags.get("stream") is False:
            # Options of a stream that nobody wants any more would make the request invalid.
            fields.pop("stream_options", None)
            origins.pop("stream_options", None)
        return in_body_order(fields), origins

    def warn(
        self, told: _Entry | None, fields: dict[str, Any], origins: Origins
    ) -> tuple[Warned, ...]:
        """What became wrong through the matrix or the command line, beyond what was `told`."""
        spec = self.spec
        known: list[Problem] = []
        if told is not None:
            known = place_together(spec.fields | told.fields, spec.origins | told.origins)
        return tuple(
            Warned(
                message=problem.message,
                location=spec.source.at(problem.path, key=problem.key),
                hint=problem.hint,
            )
            for problem in place_together(fields, origins)
            if problem not in known
        )
