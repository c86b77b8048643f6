"""Which text a reply holds, begins with, or is.

``contains: TEXT`` or a list, of which all must stand there; ``icontains``, whatever the letter
case; ``starts_with: TEXT``; ``equals: TEXT``; ``one_of: [TEXT, …]``. However a text is composed
in Unicode does not count. Spacing at both ends counts for `contains` and `icontains` alone: models
begin with a space or end with a newline as they like.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from promptrun.expect.arguments import check_text, check_texts
from promptrun.expect.family import Family, Finding, place_of, quote
from promptrun.matching.words import same_start

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.expect.family import Choice, Evidence
    from promptrun.protocol import Path, Problem

SHORT = 30
"""Characters that are shown of what stands in another's place."""


def _check_text_or_texts(value: Any, path: Path) -> list[Problem]:
    return (check_texts if isinstance(value, list) else check_text)(value, path)


def _test_contains(argument: Any, choice: Choice, _evidence: Evidence) -> Finding:
    return _find_all(argument, choice, composed)


def _test_icontains(argument: Any, choice: Choice, _evidence: Evidence) -> Finding:
    return _find_all(argument, choice, _folded)


def _find_all(argument: Any, choice: Choice, spell: Callable[[str], str]) -> Finding:
    if choice.text is None:
        return Finding(kept=False, found=choice.instead)
    wanted, text = _as_list(argument), composed(choice.text)
    searched = spell(text)
    offsets = [searched.find(spell(one)) for one in wanted]
    missing = [quote(one) for one, offset in zip(wanted, offsets, strict=True) if offset < 0]
    if missing:
        return Finding(kept=False, found=f"no {' and no '.join(missing)} in {quote(text)}")
    # Where letters were folded into several, offsets are not those of the text.
    where = place_of(text, offsets[0]) if len(searched) == len(text) else ""
    return Finding(kept=True, found=" and ".join(quote(one) for one in wanted), where=where)


def _test_start(argument: str, choice: Choice, _evidence: Evidence) -> Finding:
    if choice.text is None:
        return Finding(kept=False, found=choice.instead)
    text, start = composed(choice.text), composed(argument).strip()
    if text.strip().startswith(start):
        return Finding(kept=True, found=quote(text.strip()))
    return _apart(text, [start])


def _test_equal(argument: Any, choice: Choice, _evidence: Evidence) -> Finding:
    if choice.text is None:
        return Finding(kept=False, found=choice.instead)
    text = composed(choice.text)
    wanted = [composed(one).strip() for one in _as_list(argument)]
    if text.strip() in wanted:
        return Finding(kept=True, found=quote(text.strip()))
    return _apart(text, wanted)


def _apart(text: str, wanted: list[str]) -> Finding:
    """Where a text leaves the one of the wanted ones that it follows the longest."""
    stripped = text.strip()
    same, nearest = max(((same_start(stripped, one), one) for one in wanted), key=_first)
    found = quote(stripped) if stripped else "an empty text"
    if not same:
        return Finding(kept=False, found=found)
    mine, theirs = stripped[same:], nearest[same:]
    there = f"{quote(mine, SHORT)} stands" if mine else "it ends"
    instead = f"{quote(theirs, SHORT)} is expected" if theirs else "it should end"
    return Finding(
        kept=False,
        found=f"{found}: {there} where {instead}",
        where=place_of(text, len(text) - len(text.lstrip()) + same),
    )


def composed(text: str) -> str:
    """The text with every letter in one piece, as `할` and its three parts read the same."""
    from unicodedata import normalize

    return normalize("NFC", text)


def _folded(text: str) -> str:
    return composed(composed(text).casefold())


def _first(pair: tuple[int, str]) -> int:
    return pair[0]


def _as_list(argument: Any) -> list[str]:
    return [argument] if isinstance(argument, str) else list(argument)


def _describe(argument: Any, which: str = "all") -> str:
    texts = [quote(one) for one in _as_list(argument)]
    return texts[0] if len(texts) == 1 else f"{which} of {', '.join(texts)}"


CONTAINS = Family(check=_check_text_or_texts, test=_test_contains, describe=_describe)
ICONTAINS = Family(check=_check_text_or_texts, test=_test_icontains, describe=_describe)
STARTS_WITH = Family(check=check_text, test=_test_start, describe=_describe)
EQUALS = Family(check=partial(check_text, blank=True), test=_test_equal, describe=_describe)
ONE_OF = Family(
    check=partial(check_texts, blank=True),
    test=_test_equal,
    describe=partial(_describe, which="one"),
)
