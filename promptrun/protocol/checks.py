"""Small checks that combine: each looks at one value and notes what is wrong with it.

A check is called as ``check(value, path, report)``. A text with a template in it passes every
check of literals until it is rendered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from promptrun.protocol.problem import Path, Report, did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from promptrun.protocol.problem import Check


def text(
    *, longest: int | None = None, pattern: str | None = None, what: str = "", empty: bool = True
) -> Check:
    """A text; `what` says in words what `pattern` wants."""

    def check(value: Any, path: Path, report: Report) -> None:
        if not isinstance(value, str):
            hint = "quote it to make it text" if isinstance(value, int | float) else None
            report.add(path, f"{name_of(path)} must be text, not {shown(value)}", hint)
        elif not value and not empty:
            report.add(path, f"{name_of(path)} must not be empty")
        elif report.open(value):
            return
        elif longest is not None and len(value) > longest:
            message = f"{name_of(path)} has {len(value)} characters; the most is {longest}"
            report.add(path, message, lenient=True)
        elif pattern is not None and not re.fullmatch(pattern, value):
            report.add(path, f"{name_of(path)} must be {what}, not {shown(value)}", lenient=True)

    return check


def number(low: float | None = None, high: float | None = None, *, whole: bool = False) -> Check:
    """A number, or with `whole` an integer; its range is lenient."""
    kind = "a whole number" if whole else "a number"

    def check(value: Any, path: Path, report: Report) -> None:
        if report.open(value):
            return
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            report.add(path, f"{name_of(path)} must be {kind}, not {shown(value)}")
        elif (low is not None and value < low) or (high is not None and value > high):
            wanted = f"at least {low}" if high is None else f"between {low} and {high}"
            message = f"{name_of(path)} must be {wanted}, not {shown(value)}"
            report.add(path, message, lenient=True)

    return check


def boolean(value: Any, path: Path, report: Report) -> None:
    """True or false."""
    if not isinstance(value, bool) and not report.open(value):
        hint = "YAML's booleans are `true` and `false`" if isinstance(value, str) else None
        report.add(path, f"{name_of(path)} must be true or false, not {shown(value)}", hint)


def one_of(*choices: str, lenient: bool = True) -> Check:
    """A text out of an enumeration."""

    def check(value: Any, path: Path, report: Report) -> None:
        if report.open(value) or (isinstance(value, str) and value in choices):
            return
        if not isinstance(value, str):
            report.add(path, f"{name_of(path)} must be text, not {shown(value)}", _list(choices))
            return
        hint = did_you_mean(value, choices) or _list(choices)
        report.add(path, f"{name_of(path)} cannot be {shown(value)}", hint, lenient=lenient)

    return check


def nullable(inner: Check) -> Check:
    """Null, or what `inner` accepts."""

    def check(value: Any, path: Path, report: Report) -> None:
        if value is not None:
            inner(value, path, report)

    return check


def items(inner: Check, *, fewest: int = 0, most: int | None = None) -> Check:
    """A list; how many items it may have is lenient."""

    def check(value: Any, path: Path, report: Report) -> None:
        if report.open(value):
            return
        if not isinstance(value, list):
            report.add(path, f"{name_of(path)} must be a list, not {shown(value)}")
            return
        if len(value) < fewest or (most is not None and len(value) > most):
            wanted = f"at least {fewest}" if most is None else f"{fewest} to {most}"
            message = f"{name_of(path)} must have {wanted} items, not {len(value)}"
            report.add(path, message, lenient=True)
        for index, item in enumerate(value):
            inner(item, (*path, index), report)

    return check


def mapping(fields: Mapping[str, Check], *, required: Iterable[str] = ()) -> Check:
    """A mapping of exactly these keys."""
    wanted = tuple(required)

    def check(value: Any, path: Path, report: Report) -> None:
        if report.open(value):
            return
        if not isinstance(value, dict):
            report.add(path, f"{name_of(path)} must be a mapping, not {shown(value)}")
            return
        for name, item in value.items():
            if name in fields:
                fields[name](item, (*path, name), report)
            else:
                unknown_key(name, path, fields, report)
        for name in wanted:
            if name not in value:
                report.add(path, f"`{name}` is missing in {name_of(path)}")

    return check


def tagged(variants: Mapping[str, Check], *, tag: str = "type", lenient: bool = False) -> Check:
    """A mapping whose `tag` says which of the variants it is; `lenient` where servers add more."""
    kind = one_of(*variants, lenient=lenient)

    def check(value: Any, path: Path, report: Report) -> None:
        if report.open(value):
            return
        if not isinstance(value, dict):
            report.add(path, f"{name_of(path)} must be a mapping, not {shown(value)}")
        elif tag not in value:
            report.add(path, f"`{tag}` is missing in {name_of(path)}", _list(variants))
        elif (variant := variants.get(value[tag]) if isinstance(value[tag], str) else None) is None:
            kind(value[tag], (*path, tag), report)
        else:
            variant(value, path, report)

    return check


def text_or(inner: Check, text_check: Check) -> Check:
    """A text that `text_check` accepts, or anything else that `inner` does."""

    def check(value: Any, path: Path, report: Report) -> None:
        (text_check if isinstance(value, str) else inner)(value, path, report)

    return check


def values(inner: Check, *, keys: tuple[str, str] | None = None, most: int | None = None) -> Check:
    """A mapping whose values `inner` accepts; `keys` are a pattern and what it wants in words."""

    def check(value: Any, path: Path, report: Report) -> None:
        if report.open(value):
            return
        if not isinstance(value, dict):
            report.add(path, f"{name_of(path)} must be a mapping, not {shown(value)}")
            return
        if most is not None and len(value) > most:
            message = f"{name_of(path)} has {len(value)} entries; the most is {most}"
            report.add(path, message, lenient=True)
        for name, item in value.items():
            if keys is not None and not re.fullmatch(keys[0], name) and not report.open(name):
                message = f"the key {shown(name)} must be {keys[1]}"
                report.add((*path, name), message, lenient=True, key=True)
            inner(item, (*path, name), report)

    return check


def anything(value: Any, path: Path, report: Report) -> None:
    """Every JSON value."""


json_object: Check = values(anything)


def unknown_key(name: str, path: Path, known: Iterable[str], report: Report) -> None:
    """Note a key that means nothing here, with the nearest right one."""
    report.add((*path, name), f"unknown key `{name}`", did_you_mean(name, known), key=True)


def name_of(path: Path) -> str:
    """How a message names the value at a path: by its last key, with the index behind it."""
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return "this"
    indexes = path[len(path) - 1 - path[::-1].index(names[-1]) + 1 :]
    return f"`{names[-1]}{''.join(f'[{index}]' for index in indexes)}`"


def _list(choices: Iterable[str]) -> str:
    return "one of " + ", ".join(f"`{choice}`" for choice in choices)
