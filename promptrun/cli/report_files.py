"""``FORMAT=PATH``: the reports that are wanted, and how they get to their files."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from msgspec import Struct

from promptrun.errors import UsageError
from promptrun.files.atomic import write_whole
from promptrun.reports.report import FORMATS, find_format

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from promptrun.cli.screen import Screen
    from promptrun.reports.report import Report

STDOUT = "-"


class Wanted(Struct, frozen=True, kw_only=True):
    """One report that is wanted."""

    format: str
    path: Path | None
    """None for stdout."""
    typed: str
    """The path as it was typed."""


def parse_reports(texts: Sequence[str], folder: Path) -> list[Wanted]:
    """What is wanted, before anything is paid for; UsageError where it cannot be."""
    wanted = [_parse(text, folder) for text in texts]
    # One file may be typed in several ways.
    places = [
        one.path and Path(os.path.realpath(one.path.parent)) / one.path.name for one in wanted
    ]
    for at, one in enumerate(wanted):
        if places[at] in places[:at]:
            raise UsageError(f"two reports cannot both be written to `{one.typed}`")
    return wanted


def _parse(text: str, folder: Path) -> Wanted:
    name, equals, typed = text.partition("=")
    if not equals or not typed:
        raise UsageError(f"cannot read `{text}`", hint="write it as FORMAT=PATH: html=report.html")
    if name not in FORMATS:
        from difflib import get_close_matches

        near = get_close_matches(name, FORMATS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"choose one of {', '.join(FORMATS)}"
        raise UsageError(f"there is no report `{name}`", hint=hint)
    if typed == STDOUT:
        return Wanted(format=name, path=None, typed=typed)
    path = folder / typed
    try:
        _check_place(path, typed)
    except OSError as error:
        raise UsageError(f"cannot write `{typed}`: {error.strerror}") from None
    return Wanted(format=name, path=path, typed=typed)


def _check_place(path: Path, typed: str) -> None:
    """A report that could not be written should be known before the run."""
    if path.is_dir():
        raise UsageError(f"`{typed}` is a folder", hint="name a file in it")
    nearest = next(one for one in path.parents if one.exists())
    if not nearest.is_dir():
        raise UsageError(f"cannot write `{typed}`: `{nearest.name}` is no folder")
    if not (os.access(path, os.W_OK) if path.exists() else os.access(nearest, os.W_OK)):
        raise UsageError(f"cannot write `{typed}`: nothing may be written there")


def write_reports(report: Report, wanted: Sequence[Wanted], screen: Screen) -> None:
    """Write each report, and say where it is.

    One that the disk refuses keeps no other one from being written; UsageError for the first such
    one, and OSError for a stdout that nobody reads, once the others are there.
    """
    errors: list[UsageError | OSError] = []
    for one in wanted:
        try:
            _write_report(report, one, screen)
        except (UsageError, OSError) as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _write_report(report: Report, one: Wanted, screen: Screen) -> None:
    write = find_format(one.format)
    if one.path is None:
        # Only its own lines are commands to the log of a job; the report encodes all others.
        out = screen.command_data if one.format == "github" else screen.out
        write(report, out)
        out.flush()
        return
    with _writing(one.path, one.typed) as file:
        write(report, file)
    screen.talk(f"wrote {one.typed}")


def write_text(path: Path, typed: str, text: str) -> None:
    """Write a file whole, whose path was typed so; UsageError where the disk refuses."""
    with _writing(path, typed) as file:
        file.write(text)


@contextmanager
def _writing(path: Path, typed: str) -> Iterator[TextIO]:
    try:
        with write_whole(path) as file:
            yield file
    except OSError as error:
        raise UsageError(f"cannot write `{typed}`: {error.strerror}") from None
