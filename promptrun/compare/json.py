"""``json``: values are equal when they say the same, however they are spelled.

A reply that is no JSON is compared character by character.
"""

from __future__ import annotations

from promptrun.compare.exact import compare_exact
from promptrun.compare.mode import Mode
from promptrun.compare.values import compare_json

MODE = Mode(reads="json", text=compare_exact, json=compare_json)
