"""``FORMAT=PATH``: the reports that are wanted, and how they get to their files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from promptrun.errors import UsageError
from promptrun.files.atomic import write_whole
from promptrun.reports.report import FORMATS, find_format

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    paths = [one.path for one in wanted]
    for at, one in enumerate(wanted):
        if one.path in paths[:at]:
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
    _check_place(path, typed)
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
    """Write each report, and say where it is. UsageError for the first that the disk refuses."""
    for one in wanted:
        write = find_format(one.format)
        if one.path is None:
            # Only its own lines are commands to the log of a job; the report encodes all others.
            out = screen.command_data if one.format == "github" else screen.out
            write(report, out)
            out.flush()
            continue
        try:
            with write_whole(one.path) as file:
                write(report, file)
        except OSError as error:
            raise UsageError(f"cannot write `{one.typed}`: {error.strerror}") from None
        screen.talk(f"wrote {one.typed}")
