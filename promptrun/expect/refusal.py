"""``refusal: true`` or ``false``: whether the model must have refused to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.expect.family import Family
from promptrun.models import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.expect.family import Evidence
    from promptrun.protocol import Path, Problem

KIND: Final = "refusal"
LONGEST: Final = 300
"""Characters of a refusal that an outcome quotes."""


def _check(value: Any, path: Path) -> list[Problem]:
    from promptrun.protocol import Problem, shown

    if isinstance(value, bool):
        return []
    hint = "`true`: every choice must be a refusal; `false`: none may be"
    return [Problem(path, f"`refusal` takes `true` or `false`, not {shown(value)}", hint=hint)]


def _judge(argument: Any, evidence: Evidence) -> Iterator[Outcome]:
    choices = list(evidence.choices())
    if argument and not choices:
        yield _broken(argument, "a reply without a choice", "")
    for where, choice in choices:
        refusal = choice.get("refusal")
        if bool(refusal) is not argument:
            found = f"a refusal: {_shortened(refusal)}" if refusal else "an answer"
            yield _broken(argument, found, where)


def _broken(argument: Any, found: str, where: str) -> Outcome:
    return Outcome(kind=KIND, kept=False, expected=_describe(argument), found=found, where=where)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def _describe(argument: Any) -> str:
    return "a refusal" if argument else "an answer"


FAMILY = Family(check=_check, judge=_judge, describe=_describe, always=False)
