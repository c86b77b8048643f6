"""``none``: replies are not compared. The expectations alone judge them."""

from __future__ import annotations

from promptrun.compare.exact import compare_exact
from promptrun.compare.mode import Mode
from promptrun.compare.values import compare_json

MODE = Mode(reads="text", text=compare_exact, json=compare_json, replies=False)
