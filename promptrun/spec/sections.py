"""The keys of promptrun's own that a spec and a case share: vars, expect, compare, tags, name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import structs

from promptrun.models import CompareRules, Expectation, FileRef
from promptrun.protocol.checks import (
    anything,
    boolean,
    items,
    mapping,
    name_of,
    one_of,
    text,
    text_or,
    unknown_key,
    values,
)
from promptrun.protocol.problem import Problem, Report, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as FilePath

    from promptrun.protocol.problem import Path
    from promptrun.spec.findings import Findings, Rules

MAX_NAME = 500
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def _tolerance(value: Any, path: Path, report: Report) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        report.add(path, f"{name_of(path)} must be a number from 0 on, not {shown(value)}")


_query = text(pattern=r"\$.*", what="a JSONPath that begins with `$`")
_compare = mapping(
    {
        "mode": one_of("auto", "exact", "text", "json", "shape"),
        "ignore": text_or(items(_query), _query),
        "ignore_order": boolean,
        "tolerance": _tolerance,
    }
)
_label = text(empty=False, pattern=r"[^\x00-\x1f\x7f]+", what="text without control characters")
check_tags = text_or(items(_label), _label)
check_variables = values(
    anything,
    keys=(r"[^\W\d]\w*", "a name of letters, digits and `_` that begins with no digit"),
)


def as_file_name(value: Any) -> str | None:
    """The NAME of ``{file: NAME}``; None for any other value."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(value.get("file"), str):
        name: str = value["file"]
        return name
    return None


def read_variable(value: Any, path: Path, folder: FilePath, found: Findings) -> Any:
    """A variable's value: itself, or a FileRef for ``{file: NAME}``."""
    name = as_file_name(value)
    if name is None:
        return value
    return FileRef(name=name, folder=folder, place=found.later((*path, "file")))


def read_variables(value: Any, path: Path, folder: FilePath, found: Findings) -> dict[str, Any]:
    """The variables under a `vars:` key."""
    if value is None or not found.check(check_variables, value, path):
        return {}
    return {name: read_variable(item, (*path, name), folder, found) for name, item in value.items()}


def read_expectations(value: Any, path: Path, found: Findings) -> tuple[Expectation, ...]:
    """The rules under an `expect:` key."""
    kinds = found.rules.expectations if found.rules else None
    if not found.check(items(anything), value, path):
        return ()
    expectations = []
    for index, entry in enumerate(value):
        place = (*path, index)
        if not isinstance(entry, dict) or len(entry) != 1:
            hint = "write each rule as an item of its own: `- finish_reason: stop`"
            found.error(place, f"{name_of(place)} must be a mapping of one key", hint)
            continue
        [(kind, argument)] = entry.items()
        if kinds is not None and kind not in kinds:
            report = Report()
            unknown_key(kind, place, kinds, report)
            found.add(report.problems)
            continue
        if kinds is not None:
            found.add(kinds[kind](argument, (*place, kind)))
        stated = None if found.defaults else found.later((*place, kind), key=True)
        expectations.append(Expectation(kind=kind, argument=argument, place=stated))
    return tuple(expectations)


def read_compare(value: Any, path: Path, found: Findings, over: CompareRules) -> CompareRules:
    """The rules under a `compare:` key, laid over other ones."""
    if not found.check(_compare, value, path):
        return over
    given = dict(value)
    if "ignore" in given:
        ignore = given["ignore"]
        given["ignore"] = (ignore,) if isinstance(ignore, str) else tuple(ignore)
        if found.rules:
            found.add(_query_problems(ignore, (*path, "ignore"), found.rules))
    return structs.replace(over, **given)


def _query_problems(ignore: str | list[str], path: Path, rules: Rules) -> Iterator[Problem]:
    placed = [(ignore, path)] if isinstance(ignore, str) else []
    placed += [(query, (*path, index)) for index, query in enumerate(ignore)] if not placed else []
    for query, place in placed:
        reason = rules.check_query(query)
        if reason is not None:
            yield Problem(place, f"{shown(query)} cannot be ignored: {reason}")


def read_tags(value: Any, path: Path, found: Findings) -> tuple[str, ...]:
    """One tag or a list of them."""
    if not found.check(check_tags, value, path):
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def read_name(value: Any) -> tuple[str, str | None]:
    """The text of a case's name, and what is wrong with it.

    YAML reads ``name: 2024`` as a number and JSON rows have numeric ids: their text is the name.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return "", f"a case's name must be text, not {shown(value)}"
    name = str(value)
    if not name.strip():
        return "", "a case's name must not be empty"
    if len(name) > MAX_NAME:
        return "", f"a case's name has {len(name)} characters; the most is {MAX_NAME}"
    if control := _CONTROL.search(name):
        return "", f"a case's name must not hold the character U+{ord(control[0]):04X}"
    return name, None
