"""``exact``: texts are equal when every character is."""

from __future__ import annotations

from promptrun.compare.mode import Mode
from promptrun.compare.values import compare_json
from promptrun.models import Difference


def compare_exact(where: str, old: str, new: str) -> Difference | None:
    """The texts as they are, or None where they are one."""
    return None if old == new else Difference(where=where, old=old, new=new)


MODE = Mode(reads="text", text=compare_exact, json=compare_json)
