"""`matrix:` multiplies the cases of a spec: every value of every axis with every other."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from promptrun.files.json import canonical, digest
from promptrun.models import FileRef
from promptrun.protocol import FIELDS, check_field, did_you_mean
from promptrun.protocol.checks import anything, values
from promptrun.spec.sections import read_variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path as FilePath

    from promptrun.protocol import Path
    from promptrun.spec.findings import Findings

MAX_COMBINATIONS = 10_000
_MAX_LABEL = 60


class Combination(NamedTuple):
    """One value of every axis."""

    suffix: str
    """What it adds to a case's name: ``,language=ko``."""
    fields: dict[str, Any]
    origins: dict[str, tuple[str | int, ...]]
    vars: dict[str, Any]


def read_matrix(value: Any, folder: FilePath, found: Findings) -> dict[str, list[Any]]:
    """The axes under `matrix:`, checked."""
    path = ("matrix",)
    if value is None or not found.check(values(anything), value, path):
        return {}
    matrix: dict[str, list[Any]] = {}
    targets: dict[tuple[str, str], str] = {}
    for key, items in value.items():
        target = _target(key)
        if target is None:
            hint = did_you_mean(key, [*FIELDS, *(f"parameters.{name}" for name in FIELDS)])
            hint = hint or "an axis is a request field, `parameters.NAME` or `vars.NAME`"
            found.error((*path, key), f"`{key}` is no axis", hint, key=True)
        elif target in targets:
            message = f"`{key}` and `{targets[target]}` are the same axis"
            found.error((*path, key), message, key=True)
        elif not isinstance(items, list) or not items:
            found.error((*path, key), f"`{key}` must be a list of at least one value")
        else:
            targets[target] = key
            matrix[key] = _read_axis(key, items, target, folder, found)
    if (combinations := prod(map(len, matrix.values()))) > MAX_COMBINATIONS:
        message = f"the matrix makes {combinations} cases of each; the most is {MAX_COMBINATIONS}"
        found.error(path, message, key=True)
    return matrix


def _target(key: str) -> tuple[str, str] | None:
    """What an axis sets: ``("fields", NAME)`` or ``("vars", NAME)``."""
    table, dot, name = key.partition(".")
    if dot and table == "vars" and name:
        return "vars", name
    field = name if dot and table == "parameters" else key
    return ("fields", field) if field in FIELDS and field != "messages" else None


def sets_fields(matrix: Mapping[str, list[Any]]) -> bool:
    """Whether any axis sets a request field."""
    return any(target and target[0] == "fields" for target in map(_target, matrix))


def _read_axis(
    key: str, items: list[Any], target: tuple[str, str], folder: FilePath, found: Findings
) -> list[Any]:
    axis = []
    labels: set[str] = set()
    for index, item in enumerate(items):
        path: Path = ("matrix", key, index)
        if target[0] == "fields":
            found.add(check_field(target[1], item, path))
            value = item
        else:
            value = read_variable(item, path, folder, found)
        label = _label(value)
        if label in labels:
            found.error(path, f"`{label}` stands twice in `{key}`", "keep one of them")
        labels.add(label)
        axis.append(value)
    return axis


def _label(value: Any) -> str:
    """A value as a piece of a case's name; what is long or odd is named by its digest."""
    if isinstance(value, FileRef):
        return value.name
    text = value if isinstance(value, str) else canonical(value)
    return text if len(text) <= _MAX_LABEL and text.isprintable() else digest(value)


def combine(matrix: Mapping[str, list[Any]]) -> Iterator[Combination]:
    """Every combination, the last axis moving fastest; one that adds nothing for no axes."""
    short = {key: key.rpartition(".")[2] for key in matrix}
    often = Counter(short.values())
    names = {key: name if often[name] == 1 else key for key, name in short.items()}
    for choice in product(*(list(enumerate(items)) for items in matrix.values())):
        fields: dict[str, Any] = {}
        origins: dict[str, tuple[str | int, ...]] = {}
        variables: dict[str, Any] = {}
        suffix = ""
        for key, (index, value) in zip(matrix, choice, strict=True):
            suffix += f",{names[key]}={_label(value)}"
            table, name = _target(key) or ("vars", key)
            if table == "vars":
                variables[name] = value
            else:
                fields[name], origins[name] = value, ("matrix", key, index)
        yield Combination(suffix, fields, origins, variables)
