"""A report against the file that holds how it looks; written anew by PROMPTRUN_WRITE_GOLDEN=1."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from promptrun.reports.report import find_format

if TYPE_CHECKING:
    from promptrun.reports.report import Report

FOLDER = Path(__file__).parent / "golden"
WRITE = os.environ.get("PROMPTRUN_WRITE_GOLDEN") == "1"


def write_text(name: str, report: Report) -> str:
    """The whole report in the format of that name."""
    out = StringIO()
    find_format(name)(report, out)
    return out.getvalue()


def check_golden(file: str, text: str) -> None:
    """`text` is what the file holds, byte for byte."""
    path = FOLDER / file
    if WRITE:
        path.write_text(text, "utf-8", newline="\n")
    assert text.encode() == path.read_bytes()
