"""Texts that look like keys, whoever they belong to.

The shapes are those that their makers document, as gathered in
https://docs.github.com/code-security/secret-scanning/introduction/supported-secret-scanning-patterns.
What people write in place of a key (``sk-xxxx…``, ``AKIA…EXAMPLE``) is none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD: Final = r"(?<![A-Za-z0-9_-])(?:{})(?![A-Za-z0-9_])"
_SHAPES: Final = {
    "a key of OpenAI's form": r"sk-(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Za-z])[\w-]{20,200}",
    "a key of Hugging Face": r"hf_[A-Za-z0-9]{30,100}",
    "a token of the form JWT": r"eyJ[\w-]{10,4000}\.eyJ[\w-]{10,8000}\.[\w-]{10,2000}",
}
"""What it is → its shape, which stands alone: a longer word may end as it begins."""
_LONG: Final = {
    # Each has sixteen letters or digits in a row somewhere; words with hyphens have none such.
    "a key of OpenAI's form": r"sk-(?:proj|svcacct|admin|or-v1|ant-[a-z]{3,10}\d\d)-"
    r"(?=[\w-]{0,200}\d)(?=[\w-]{0,200}?[A-Za-z0-9]{16})[\w-]{20,200}",
    "a key of GitHub": r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255}",
    "a key of GitLab": r"glpat-[\w-]{20,100}",
    "a key of AWS": r"(?:AKIA|ASIA)(?![A-Z0-9]{9}EXAMPLE)[A-Z0-9]{16}(?![A-Z0-9])",
    "a key of Google": r"AIza[\w-]{35}(?![A-Za-z0-9])",
    "a key of Slack": r"xox[abeoprs]-(?=[\w-]{0,200}\d)[\w-]{10,200}",
    "a key of Stripe": r"[rs]k_live_[A-Za-z0-9]{20,200}",
}
"""Those whose beginning is like nothing else: they are found in the middle of a word, too.

Every repetition is bounded, for the texts are a stranger's.
"""
# It goes on to its end, or as far as the longest ones do.
_PRIVATE: Final = (
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]{0,20000}-----END [A-Z0-9 ]{1,80}-----)?"
)

_ALL: Final = (
    *((what, _WORD.replace("{}", shape)) for what, shape in _SHAPES.items()),
    *_LONG.items(),
    ("a private key", _PRIVATE),
)
_ANY: Final = re.compile(
    "|".join(f"(?P<s{number}>{shape})" for number, (_, shape) in enumerate(_ALL)), re.ASCII
)


class LooksLikeKey(NamedTuple):
    """A stretch of a text that looks like a key."""

    what: str
    start: int
    end: int


def find_keys(text: str) -> Iterator[LooksLikeKey]:
    """Every stretch that looks like a key, from the left."""
    for match in _ANY.finditer(text):
        name = match.lastgroup or "s0"
        yield LooksLikeKey(_ALL[int(name[1:])][0], match.start(), match.end())
