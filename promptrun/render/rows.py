"""Mistakes in what the row of a data file renders to: which row it is, and what mends its cell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from promptrun.models import DataFile

if TYPE_CHECKING:
    from promptrun.models import Case

    YamlPath = tuple[str | int, ...]

ONE_VARIABLE: Final = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")
"""A text that is one variable and nothing else."""

_WANTED: Final = (("a whole number", int), ("a number", float))
"""What a message says is wanted, and the filter of that name."""


def name_row(case: Case, *, column: bool = False) -> str:
    """The end of a message about a case that is a row; nothing for a case of the spec's own.

    It is ``, in the case `부산` (data/people.csv:3)``. With `column` a variable is missing: in a
    CSV file no row has it then, and the message is the same for all of them.
    """
    if not isinstance(case.spec.cases, DataFile):
        return ""
    file, line = case.location[:2]
    if column and _is_csv(file):
        return f": {file}:1 names no such column"
    return f", in the case `{case.name}` ({file}:{line})"


def number_hint(
    case: Case, message: str, written: Any, value: Any, path: YamlPath = ()
) -> str | None:
    """What mends a variable that is text where a number is wanted, and is one to a reader.

    `written` became `value`, and `path` leads to the mistake in both. None for other mistakes.
    """
    try:
        for step in path:
            written, value = written[step], value[step]
        variable = ONE_VARIABLE.fullmatch(written)
        read = next((kind for words, kind in _WANTED if words in message), None)
        if variable is None or read is None or not isinstance(value, str):
            return None
        read(value)
    except (LookupError, TypeError, ValueError):
        return None
    from_csv = isinstance(case.spec.cases, DataFile) and _is_csv(case.location.file)
    what = "a CSV cell" if from_csv else f"`{variable[1]}`"
    return f"{what} is text: write `{{{{ {variable[1]} | {read.__name__} }}}}`"


def _is_csv(file: str) -> bool:
    return file.lower().endswith(".csv")
