"""``text``: texts are equal when they read the same, however they are spaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.compare.exact import compare_exact
from promptrun.compare.mode import Mode
from promptrun.compare.values import compare_json

if TYPE_CHECKING:
    from promptrun.models import Difference


def compare_text(where: str, old: str, new: str) -> Difference | None:
    """The texts as `normalise` leaves them, so that only what counts is shown; or None."""
    return None if old == new else compare_exact(where, normalise(old), normalise(new))


def normalise(text: str) -> str:
    r"""The text without what spacing alone can change.

    ``\r\n`` and ``\r`` become ``\n``; inside a line every run of white space becomes one space, at
    its beginning too, and at its end none; empty lines that follow each other become one, and at
    both ends of the text there are none. Where a line is broken still counts, and so does whether
    it is indented at all.
    """
    import re

    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(r"[^\S\n]+", " ", text).replace(" \n", "\n")
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n").removesuffix(" ")


MODE = Mode(reads="text", text=compare_text, json=compare_json)
