"""The rules that a spec or a case states about its replies: expect, compare, samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from promptrun.models import CompareRules, Expectation, FileRef, Replacement, SampleRules
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
)
from promptrun.protocol.problem import Problem, Report, is_template, shown
from promptrun.spec.sections import as_file_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as FilePath

    from promptrun.protocol.problem import Check, Path
    from promptrun.spec.findings import Findings, Rules

MAX_SAMPLES = 1_000

_FILE_KEYS = ("to", "rubric")
"""The keys of an argument whose value may come from a file; so may the argument as a whole."""


def _between(
    low: float, high: float, *, whole: bool = False, above: bool = False, what: str = ""
) -> Check:
    """A number of promptrun's own: its range is never lenient; `above` leaves `low` itself out."""
    kind = "a whole number" if whole else "a number"

    def check(value: Any, path: Path, report: Report) -> None:
        fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not fits or not low <= value <= high or (above and value == low):
            wanted = what or f"{kind} between {low} and {high}"
            report.add(path, f"{name_of(path)} must be {wanted}, not {shown(value)}")

    return check


_tolerance = _between(0, float("inf"), what="a number from 0 on")
_query = text(pattern=r"\$.*", what="a JSONPath that begins with `$`")
_replacement = mapping({"pattern": text(empty=False), "with": text()}, required=["pattern", "with"])


def _replacements(value: Any, path: Path, report: Report) -> None:
    (items(_replacement) if isinstance(value, list) else _replacement)(value, path, report)


_compare = mapping(
    {
        "mode": one_of("auto", "exact", "text", "json", "shape", "none"),
        "ignore": text_or(items(_query), _query),
        "ignore_order": boolean,
        "tolerance": _tolerance,
        "replace": _replacements,
    }
)
_count = _between(1, MAX_SAMPLES, whole=True)
_alpha = _between(0, 0.5, above=True, what="a number above 0 and at most 0.5")
_samples = mapping({"count": _count, "alpha": _alpha}, required=["count"])
_modifiers = {
    "not": boolean,
    "on": one_of("all", "any", "first", lenient=False),
    "at_least": _between(0, 1, above=True, what="a share above 0 and at most 1"),
}


def read_expectations(
    value: Any, path: Path, folder: FilePath, found: Findings
) -> tuple[Expectation, ...]:
    """The rules under an `expect:` key; relative files in them start at `folder`."""
    if not found.check(items(anything), value, path):
        return ()
    read = [
        _read_expectation(entry, (*path, index), folder, found) for index, entry in enumerate(value)
    ]
    return tuple(one for one in read if one is not None)


def _read_expectation(
    entry: Any, path: Path, folder: FilePath, found: Findings
) -> Expectation | None:
    kinds = [key for key in entry if key not in _modifiers] if isinstance(entry, dict) else []
    if len(kinds) != 1:
        hint = "write each rule as an item of its own: `- finish_reason: stop`"
        if isinstance(entry, dict) and isinstance(entry.get("not"), dict):
            hint = "`not` stands beside its rule: `- contains: dragon`, below it `not: true`"
        found.error(path, f"{name_of(path)} must be a mapping with one rule", hint)
        return None
    [kind] = kinds
    argument = entry[kind]
    rules = found.rules
    if rules is not None and kind not in rules.expectations:
        report = Report()
        unknown_key(kind, path, (*rules.expectations, *_modifiers), report)
        found.add(report.problems)
        return None
    for name in entry.keys() & _modifiers.keys():
        if not found.check(_modifiers[name], entry[name], (*path, name)):
            return None
    if rules is not None and kind in rules.whole and "on" in entry:
        message = f"`on` means nothing for `{kind}`: it is a rule about the reply as a whole"
        found.error((*path, "on"), message, "leave it out", key=True)
    if rules is not None and kind in rules.joined and entry.get("not") and _is_several(argument):
        message = f"`not` with a list means that not all of them may be there, for `{kind}`"
        hint = "write a rule for each text: then none of them may be"
        found.error((*path, "not"), message, hint, key=True)
    filled = _with_files(argument, (*path, kind), folder, found)
    is_open = filled is not argument or _holds_template(argument)
    if rules is not None and not is_open:
        found.add(rules.expectations[kind](argument, (*path, kind)))
    return Expectation(
        kind=kind,
        argument=filled,
        negated=entry.get("not", False),
        on=entry.get("on", "all"),
        at_least=entry.get("at_least"),
        is_open=is_open,
        path=() if found.defaults else (*path, kind),
    )


def _is_several(argument: Any) -> bool:
    return isinstance(argument, list) and len(argument) > 1


def _with_files(argument: Any, path: Path, folder: FilePath, found: Findings) -> Any:
    """The argument with a FileRef where ``{file: NAME}`` may stand; the same object where none is.

    Only there: the text of a JSON schema or of an expected value may look like one.
    """
    name = as_file_name(argument)
    if name is not None:
        return FileRef(name=name, folder=folder, place=found.later((*path, "file")))
    if not isinstance(argument, dict):
        return argument
    refs = {
        key: FileRef(name=name, folder=folder, place=found.later((*path, key, "file")))
        for key in _FILE_KEYS
        if (name := as_file_name(argument.get(key))) is not None
    }
    return argument | refs if refs else argument


def _holds_template(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_template, value.values()))
    if isinstance(value, list):
        return any(map(_holds_template, value))
    return is_template(value)


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
    if "replace" in given:
        if found.rules:
            found.add(_replace_problems(given["replace"], (*path, "replace"), found.rules))
        given["replace"] = tuple(
            Replacement(pattern=one["pattern"], text=one["with"])
            for one in _as_list(given["replace"])
        )
    return structs.replace(over, **given)


def _query_problems(ignore: str | list[str], path: Path, rules: Rules) -> Iterator[Problem]:
    for query, place in _placed(ignore, path):
        reason = rules.check_query(query)
        if reason is not None:
            yield Problem(place, f"{shown(query)} cannot be ignored: {reason}")


def _replace_problems(value: Any, path: Path, rules: Rules) -> Iterator[Problem]:
    for one, place in _placed(value, path):
        reason = rules.check_replacement(one["pattern"], one["with"])
        if reason is not None:
            message = f"{shown(one['pattern'])} cannot be replaced: {reason}"
            yield Problem((*place, "pattern"), message)


def _placed(value: Any, path: Path) -> list[tuple[Any, Path]]:
    """Each item of a list with its path; a value that is no list, by itself."""
    if isinstance(value, list):
        return [(item, (*path, index)) for index, item in enumerate(value)]
    return [(value, path)]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def read_samples(value: Any, path: Path, found: Findings, over: SampleRules) -> SampleRules:
    """``samples: 10`` or ``samples: {count: 10, alpha: 0.01}``, laid over other rules."""
    check = _samples if isinstance(value, dict) else _count
    if not found.check(check, value, path):
        return over
    return structs.replace(over, **(value if isinstance(value, dict) else {"count": value}))
