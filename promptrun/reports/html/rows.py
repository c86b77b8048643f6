"""The list of cases as data: a compact row a case, and its fragment, in blocks that rest unread."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from promptrun.reports.html.reply import write_plain
from promptrun.reports.html.tally import find_model
from promptrun.reports.replies import live_replies
from promptrun.reports.style import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.models import CaseResult, Reply

ROWS: Final = 200
"""Rows of one block."""
CASES: Final = 32
"""The most cases of one block: what is parsed when one of them is opened."""
CASES_SIZE: Final = 2**20
"""Characters of one block; a case that is larger has a block of its own."""
MAX_GIST: Final = 160
"""Characters of a reply that its row shows."""
MAX_TAGS: Final = 20
"""Tags of one row."""
MAX_NAME: Final = 300
"""Characters of a spec's name, a case's name, a tag."""

# What readers of scripts take for ends of lines, and what no text may hold.
_UNSAFE = re.compile("[\u2028\u2029\ud800-\udfff]")


def describe_row(result: CaseResult) -> list[Any]:
    """What the list shows of a case, finds it by and sorts it by; `script.js` names the columns."""
    spent = result.spent
    comparison = result.comparison
    tokens = [one for one in (spent.prompt_tokens, spent.completion_tokens) if one] if spent else []
    return [
        _name(result.spec),
        _name(result.case),
        str(result.verdict),
        [str(cause) for cause in comparison.causes] if comparison else [],
        [_name(tag) for tag in result.tags[:MAX_TAGS]],
        _name(find_model(result) or result.provider),
        _find_seconds(result),
        _round(spent.cost if spent else None),
        sum(tokens) if tokens else None,
        _gist(result),
        len(result.replies),
    ]


def write_block(kind: str, values: list[Any], *, first: int | None = None) -> str:
    """Values as an element of JSON that nothing runs, safe within HTML.

    `first` is the number of the first one among all of that kind, for those that are not read in
    order.
    """
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    # Without `<` nothing in it can end the element or begin a comment.
    safe = _UNSAFE.sub(_escape, text.replace("<", "\\u003c"))
    number = "" if first is None else f' data-first="{first}"'
    return f'<script type="application/json"{number} class="{kind}">{safe}</script>\n'


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def _find_seconds(result: CaseResult) -> float | None:
    totals = sorted(one.timings.total for one in live_replies(result) if one.timings.total)
    return _round(totals[len(totals) // 2]) if totals else None


def _round(amount: float | None) -> float | None:
    """What JSON can say of an amount."""
    return round(amount, 9) if amount is not None and isfinite(amount) else None


def _gist(result: CaseResult) -> str:
    """The beginning of the reply, or why there is none."""
    failure, error = result.failure, result.error
    text = result.reason or (failure.message if failure else error.message if error else "")
    if result.reply:
        text = " ".join(_read_choices(result.reply))
    return visible_line(" ".join(text[: 4 * MAX_GIST].split())[:MAX_GIST])


def _read_choices(reply: Reply) -> Iterator[str]:
    for choice in reply.choices[:3]:
        yield (choice.content or write_plain(choice))[: 4 * MAX_GIST]


def _name(text: str) -> str:
    shown = visible_line(text[:MAX_NAME])
    return shown if len(text) <= MAX_NAME else f"{shown}…"
