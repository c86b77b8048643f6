"""A text as words, for marking what differs and for measuring how much does."""

from __future__ import annotations


def split_words(text: str) -> list[str]:
    """Words, stretches of white space, and single signs; nothing is lost.

    Chinese and Japanese, which are written without spaces, go by the character, and what emoji are
    joined from stays together.
    """
    import re

    return re.findall(
        r"(?:[^\W\u3040-\u30ff\u3400-\u9fff][\u0300-\u036f]*)+|\s+"
        r"|.(?:[\u200d\ufe0f\u20e3\U0001f3fb-\U0001f3ff]+[^\w\s]?)*",
        text,
        re.DOTALL,
    )
