"""A text as words, for marking what differs and for measuring how much does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def same_start(one: Sequence[str], other: Sequence[str]) -> int:
    """How many letters or words two texts have in common from their beginning on."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def mentions(text: str, name: str) -> bool:
    """Whether `name` stands in `text` as a whole name: `nam` does not in ``{{ name }}``."""
    import re

    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None
