"""``similar: 0.8``: how alike the text must be to the accepted one, from 0 to 1.

The measure is that of `promptrun/matching/likeness.py`. The accepted text is that of the same
choice; of a set of accepted replies the nearest one counts. ``similar: {to: TEXT, at_least: 0.8}``
names the text instead. Similar texts may say the opposite, so numbers and negations that stand in
one of them alone are told, whether the rule is kept or broken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.expect.arguments import check_keys, check_text
from promptrun.expect.family import Family, Finding, not_judged, quote

if TYPE_CHECKING:
    from promptrun.expect.family import Choice, Evidence
    from promptrun.protocol import Path, Problem

_HINT = "for example `similar: 0.8` or `similar: {to: TEXT, at_least: 0.8}`"

MAX_CHARACTERS = 1_000_000
"""Of the accepted replies of a set that are compared: some seconds at the worst."""


def _check(value: Any, path: Path) -> list[Problem]:
    if isinstance(value, dict):
        keys = ("to", "at_least")
        problems = check_keys(value, path, keys, keys, _HINT)
        if "to" in value:
            problems += check_text(value["to"], (*path, "to"))
        if "at_least" in value:
            problems += _check_share(value["at_least"], (*path, "at_least"))
        return problems
    return _check_share(value, path)


def _check_share(value: Any, path: Path) -> list[Problem]:
    from promptrun.protocol import Problem, shown
    from promptrun.protocol.checks import name_of

    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        message = f"{name_of(path)} must be a number above 0 and at most 1, not {shown(value)}"
        return [Problem(path, message, _HINT)]
    return []


def _test(argument: Any, choice: Choice, evidence: Evidence) -> Finding:
    if isinstance(argument, dict):
        return _hold(choice, [argument["to"]], argument["at_least"], "the text of the rule")
    if evidence.accepted is None:
        return not_judged("there is no accepted reply yet")
    texts = evidence.accepted_texts(choice)
    if not texts:
        return Finding(kept=False, found=f"no accepted text for {choice.name}")
    return _hold(choice, texts, argument, "the accepted reply")


def _hold(choice: Choice, texts: list[str], least: float, name: str) -> Finding:
    from itertools import accumulate

    from promptrun.matching.likeness import likeness, telling

    if choice.text is None:
        return Finding(kept=False, found=choice.instead)
    # What is left out past the bound could only have been nearer.
    ends = accumulate(len(text) for text in texts)
    near = [text for text, end in zip(texts, ends, strict=True) if end <= MAX_CHARACTERS]
    score, nearest = max(
        ((likeness(choice.text, text), text) for text in near or texts[:1]), key=_first
    )
    return Finding(
        kept=score >= least,
        found=f"{_write_score(score, least)} like {quote(nearest)}",
        details=tuple(telling(nearest, choice.text, names=(name, "this reply"))),
    )


def _write_score(score: float, least: float) -> str:
    """The score with so many digits that it stands on the right side of the threshold."""
    digits = next((n for n in range(2, 17) if (round(score, n) >= least) is (score >= least)), 17)
    return f"{score:.{digits}f}"


def _first(pair: tuple[float, str]) -> float:
    return pair[0]


def _describe(argument: Any) -> str:
    if isinstance(argument, dict):
        return f"at least {argument['at_least']:g} like {quote(argument['to'])}"
    return f"at least {argument:g} like the accepted reply"


FAMILY = Family(check=_check, test=_test, describe=_describe)
