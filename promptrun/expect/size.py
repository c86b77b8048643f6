"""``max_words: N`` and ``max_chars: N``: how long the text of a choice may be.

Words are what white space separates; characters are code points, letters composed (a Korean
syllable is one). A choice without text has none of both.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from promptrun.expect.arguments import check_count
from promptrun.expect.family import Family, Finding
from promptrun.expect.words import composed

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.expect.family import Choice, Evidence


def _limit(unit: str, measure: Callable[[str], int]) -> Family:
    def test(most: int, choice: Choice, _evidence: Evidence) -> Finding:
        size = measure(choice.text or "")
        return Finding(kept=size <= most, found=_counted(size, unit))

    return Family(
        check=partial(check_count, what=f"{unit}s"),
        test=test,
        describe=lambda most: f"at most {_counted(most, unit)}",
    )


def _counted(size: Any, unit: str) -> str:
    return f"{size:,} {unit if size == 1 else f'{unit}s'}"


MAX_WORDS = _limit("word", lambda text: len(text.split()))
MAX_CHARS = _limit("character", lambda text: len(composed(text)))
