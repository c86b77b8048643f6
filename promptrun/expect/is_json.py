"""``is_json: true``, ``object`` or ``list``: whether the text is JSON, and of which kind.

What only looks like JSON is none: a key that stands twice, NaN, a code fence around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.expect.family import Family, Finding
from promptrun.expect.values import judge_json, kind_of

if TYPE_CHECKING:
    from promptrun.expect.family import Choice, Evidence
    from promptrun.protocol import Path, Problem

_WANTED: Final = {True: "JSON", "object": "a JSON object", "list": "a JSON list"}
_TYPES: Final = {True: object, "object": dict, "list": list}


def _check(value: Any, path: Path) -> list[Problem]:
    from promptrun.protocol import Problem, shown

    if value is True or (isinstance(value, str) and value in _WANTED):
        return []
    if value is False:
        hint = "write `is_json: true` and beside it `not: true`"
        return [Problem(path, "`is_json` cannot be `false`", hint)]
    hint = "`true` takes any JSON, `object` and `list` only that kind"
    if value == "true":
        hint = "write it without quotes"
    return [Problem(path, f"`is_json` takes `true`, `object` or `list`, not {shown(value)}", hint)]


def _test(argument: bool | str, choice: Choice, _evidence: Evidence) -> Finding:
    return judge_json(
        choice,
        lambda value: Finding(
            kept=isinstance(value, _TYPES[argument]), found=f"JSON: {kind_of(value)}"
        ),
    )


FAMILY = Family(check=_check, test=_test, describe=lambda argument: _WANTED[argument])
