"""What the checks of arguments share. A mistake has the path, the value, and what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from promptrun.protocol import Path, Problem


def check_text(value: Any, path: Path, *, blank: bool = False) -> list[Problem]:
    """A text; without `blank` one that every reply would keep is refused, as it says nothing."""
    from promptrun.protocol import Problem, shown
    from promptrun.protocol.checks import name_of

    if not isinstance(value, str):
        hint = "write the text behind the key" if value is None else None
        if isinstance(value, int | float):
            hint = f'quote it to make it text: `"{shown(value)[1:-1]}"`'
        return [Problem(path, f"{name_of(path)} must be text, not {shown(value)}", hint)]
    if not value.strip() and not blank:
        hint = "every reply keeps it: write what must stand there, or leave the rule out"
        return [Problem(path, f"{name_of(path)} is an empty text", hint)]
    return []


def check_texts(value: Any, path: Path, *, blank: bool = False) -> list[Problem]:
    """A list of one text or more."""
    from promptrun.protocol import Problem, shown
    from promptrun.protocol.checks import name_of

    hint = "write a list of texts: `[a, b]`"
    if not isinstance(value, list):
        return [Problem(path, f"{name_of(path)} must be a list, not {shown(value)}", hint)]
    if not value:
        return [Problem(path, f"{name_of(path)} is an empty list", hint)]
    return [
        problem
        for index, one in enumerate(value)
        for problem in check_text(one, (*path, index), blank=blank)
    ]


def check_keys(
    value: dict[str, Any], path: Path, known: Collection[str], required: Iterable[str], hint: str
) -> list[Problem]:
    """No key but the known ones, and all that are required; `hint` shows an example."""
    from promptrun.protocol import Problem
    from promptrun.protocol.checks import name_of, unknown_key
    from promptrun.protocol.problem import Report

    report = Report()
    for name in value:
        if name not in known:
            unknown_key(name, path, known, report)
    problems = report.problems
    problems += [
        Problem(path, f"`{name}` is missing in {name_of(path)}", hint)
        for name in required
        if name not in value
    ]
    return problems


def check_count(value: Any, path: Path, what: str) -> list[Problem]:
    """A whole number from 0 on."""
    from promptrun.protocol import Problem, shown
    from promptrun.protocol.checks import name_of

    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        message = f"{name_of(path)} must be a whole number from 0 on, not {shown(value)}"
        return [Problem(path, message, f"write the number of {what}")]
    return []


def check_pattern(value: Any, path: Path) -> list[Problem]:
    """A regular expression that may be used."""
    from promptrun.matching import patterns
    from promptrun.protocol import Problem, shown

    problems = check_text(value, path)
    if problems:
        return problems
    reason = patterns.check_pattern(value)
    if reason is None:
        return []
    hint = r"quote a pattern with ' in YAML, and write `\.` for a sign that stands for itself"
    return [Problem(path, f"{shown(value)} is no pattern that can be used: {reason}", hint)]
