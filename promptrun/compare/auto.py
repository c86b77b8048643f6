"""``auto``: what is a JSON object or list is compared as JSON, everything else as text."""

from __future__ import annotations

from promptrun.compare.mode import Mode
from promptrun.compare.text import compare_text
from promptrun.compare.values import compare_json

MODE = Mode(reads="structures", text=compare_text, json=compare_json)
