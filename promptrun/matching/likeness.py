"""How alike two texts are, and which numbers and negations tell them apart."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from promptrun.matching.words import same_start, split_words

if TYPE_CHECKING:
    import re
    from collections import Counter
    from collections.abc import Iterator, Sequence

BLOCK: Final = 4_000
"""Pieces of a text that are held at once against those of the other."""

MAX_CHARACTERS: Final = 400_000
"""Of one text; a longer one is like its equal alone, and numbers past it are not told."""

SHORT: Final = 1_000
"""Characters of a text whose pieces are kept for the next comparison."""

MAX_TOLD: Final = 8
"""Numbers and negations that are listed for one text."""

_NEGATION: Final = (
    # "n't" stands for "not", so that "isn't" and "is not" say the same.
    r"(?P<not>\bnot\b|\bcannot\b|(?<=[a-z])n['’]t\b)|\b(?P<word>no|never|none|nor|neither|without)\b"
    # `안`, `못` and `말` are parts of many nouns, too: what stands beside them tells.
    r"|(?P<안>(?<!\w)안(?=\s|되|돼|된|됩|될))|(?P<못>(?<![잘연])못)|(?P<않>않)|(?P<없>없)"
    r"|(?P<아니>아니|아닙|아닌|아닐|아녜|아녔)|(?P<말>지\s?(?:말(?=[고아라자기았])|마(?=[세십시라]|\b)))"
)
_NUMBER: Final = (
    # A hyphen behind a word (`GPT-5`, `2020-2026`) is no minus.
    r"(?P<number>(?:(?<![\w)\]%])[-+−])?(?:[$€£¥₩]\s?[-−]?)?"
    r"\d+(?:[.,]\d+)*[십백천만억조]*(?:\s?(?:%|‰|퍼센트|원|달러|유로|엔|위안)|[€£₩])?)"
)


def likeness(one: str, other: str) -> float:
    """From 0 (no word in common) to 1 (the same words and signs in the same order).

    It is twice the length of the longest common sequence of words and signs over the sum of both
    lengths, so which text comes first does not matter, nor does spacing. Korean words are taken
    syllable by syllable, each with the one before it: another particle is a small difference. Long
    texts are compared block by block, which can only make them less alike.
    """
    if one == other:
        return 1.0
    if max(len(one), len(other)) > MAX_CHARACTERS:
        return 0.0
    left, right = _pieces(one), _pieces(other)
    if left == right:
        return 1.0
    total = len(left) + len(right)
    return 2 * _common(left, right) / total if left and right else 0.0


def _pieces(text: str) -> list[str]:
    # A set of replies is compared pair by pair: each text comes many times.
    return _short_pieces(text) if len(text) <= SHORT else _split_pieces(text)


@lru_cache(maxsize=256)
def _short_pieces(text: str) -> list[str]:
    return _split_pieces(text)


def _split_pieces(text: str) -> list[str]:
    import re
    from unicodedata import normalize

    is_korean = re.compile("[가-힣]").search
    pieces: list[str] = []
    for word in split_words(normalize("NFC", text)):
        if word.isspace():
            continue
        if not word.isascii() and is_korean(word):
            # The first syllable has a space before it, which tells one word from two.
            pieces += [a + b for a, b in zip(f" {word}", word, strict=False)]
        else:
            pieces.append(word)
    return pieces


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """The length of a sequence that both have in common: the longest, where one block holds all."""
    from rapidfuzz.distance import LCSseq

    longest = max(len(left), len(right))
    if longest <= BLOCK:
        return int(LCSseq.similarity(left, right))
    head = same_start(left, right)
    left, right = left[head:], right[head:]
    tail = same_start(left[::-1], right[::-1])
    left, right = left[: len(left) - tail], right[: len(right) - tail]
    blocks = -(-max(len(left), len(right)) // BLOCK)
    return (
        head
        + tail
        + sum(
            int(LCSseq.similarity(a, b))
            for a, b in zip(_blocks_of(left, blocks), _blocks_of(right, blocks), strict=True)
        )
    )


def _blocks_of(pieces: Sequence[str], blocks: int) -> Iterator[Sequence[str]]:
    for block in range(blocks):
        yield pieces[len(pieces) * block // blocks : len(pieces) * (block + 1) // blocks]


def telling(
    one: str, other: str, *, names: tuple[str, str] = ("the first text", "the second text")
) -> list[str]:
    """What may turn the meaning of similar texts round, a line for each text that has some.

    The numbers and negations that one text has and the other has not, or has more often: ``only in
    the first text: `$10`, `not` ``. Of a negation its stem is told: `not` for "isn't", `없` for
    `없습니다`. No line where both texts have the same ones.
    """
    told = [_told(one), _told(other)]
    lines = []
    for name, mine, theirs in zip(names, told, told[::-1], strict=True):
        own = [f"`{sign}`" for sign in mine - theirs]
        more = f" and {len(own) - MAX_TOLD:,} more" if len(own) > MAX_TOLD else ""
        if own:
            lines.append(f"only in {name}: {', '.join(own[:MAX_TOLD])}{more}")
    return lines


def _told(text: str) -> Counter[str]:
    import re
    from collections import Counter
    from unicodedata import normalize

    text = normalize("NFC", text)[:MAX_CHARACTERS].lower()
    return Counter(_stem(match) for match in re.finditer(f"{_NEGATION}|{_NUMBER}", text))


def _stem(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "number":
        return _number(match[0])
    return kind if kind and kind != "word" else match[0]


def _number(text: str) -> str:
    """One spelling of a number: ``1,000`` is ``1000``, and ``10 %`` is ``10%``."""
    import re

    text = re.sub(r"\s", "", text).replace("−", "-").removeprefix("+")
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
