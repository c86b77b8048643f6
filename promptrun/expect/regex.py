"""``regex: PATTERN``: a regular expression that must match somewhere in the text.

It is matched as `promptrun/matching/patterns.py` says: a pattern that takes too long is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.expect.arguments import check_pattern
from promptrun.expect.family import Family, Finding, failed, place_of, quote
from promptrun.expect.words import composed

if TYPE_CHECKING:
    from promptrun.expect.family import Choice, Evidence


def _test(argument: str, choice: Choice, _evidence: Evidence) -> Finding:
    from promptrun.matching import patterns

    if choice.text is None:
        return Finding(kept=False, found=choice.instead)
    text = composed(choice.text)
    try:
        span = patterns.search(composed(argument), text)
    except patterns.PatternError as error:
        return failed(str(error))
    if span is None:
        return Finding(kept=False, found=f"no match in {quote(text)}")
    start, end = span
    found = quote(text[start:end]) if end > start else "an empty match"
    return Finding(kept=True, found=found, where=place_of(text, start))


FAMILY = Family(check=check_pattern, test=_test, describe=quote)
