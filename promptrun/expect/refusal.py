"""``refusal: true`` or ``false``: whether the model must have refused to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.expect.family import Family, Finding, shorten

if TYPE_CHECKING:
    from promptrun.expect.family import Choice, Evidence
    from promptrun.protocol import Path, Problem


def _check(value: Any, path: Path) -> list[Problem]:
    from promptrun.protocol import Problem, shown

    if isinstance(value, bool):
        return []
    hint = "`true`: every choice must be a refusal; `false`: none may be"
    return [Problem(path, f"`refusal` takes `true` or `false`, not {shown(value)}", hint=hint)]


def _test(argument: Any, choice: Choice, _evidence: Evidence) -> Finding:
    refusal = choice.recorded.get("refusal")
    found = f"a refusal: {shorten(refusal)}" if refusal else "an answer"
    return Finding(kept=bool(refusal) is argument, found=found)


def _describe(argument: Any) -> str:
    return "a refusal" if argument else "an answer"


FAMILY = Family(check=_check, test=_test, describe=_describe, always=False)
