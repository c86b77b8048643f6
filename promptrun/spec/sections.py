"""The keys of promptrun's own that a spec and a case share: vars, tags, name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from promptrun.models import FileRef
from promptrun.protocol.checks import anything, items, text, text_or, values
from promptrun.protocol.problem import shown

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from promptrun.protocol.problem import Path
    from promptrun.spec.findings import Findings

MAX_NAME = 500
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


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
