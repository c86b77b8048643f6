"""The list of recorded runs: a table for people, an object a run for programs."""

from __future__ import annotations

import json
from datetime import datetime
from math import floor
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from promptrun.models import WORST_FIRST, Verdict
from promptrun.reports.money import write_dollars
from promptrun.reports.style import visible_line
from promptrun.reports.table import GAP, UNKNOWN, table_width, wrap_parts, write_table
from promptrun.reports.width import cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FORMAT = 1
"""Goes up when a field changes its meaning or goes away; new fields may come at any time."""

_LEAST_TARGETS = 16
"""Columns that the targets need, for the table to be worth more than lines below each other."""
MOST_TARGETS = 3
"""Of a run, in one line."""
_HEADS = ("run", "began", "took", "state", "cases", "requests", "tokens", "cost", "targets")
_LEFT_OUT = ("began", "requests", "tokens", "cost")
"""What a narrow table does without; the name of a run begins with the time at which it began."""
_RIGHT = {"took", "requests", "tokens", "cost"}

State = Literal[
    "finished", "stopped", "interrupted", "crashed",  # what the run said of its end
    "running", "killed",  # it said nothing yet; it never will
    "unreadable",
]  # fmt: skip


class PastRun(Struct, frozen=True, kw_only=True):
    """One recorded run, as the list tells it; for one that is unreadable, only why."""

    id: str
    root: str
    """The project's folder."""
    state: State
    began: str | None = None
    """UTC, as ISO 8601; so is `ended`."""
    ended: str | None = None
    seconds: float | None = None
    """Until the end, or until now for one that runs; None for one that was killed."""
    exit_code: int | None = None
    targets: tuple[str, ...] = ()
    """As they were typed."""
    selection: tuple[str, ...] = ()
    """The same below the root."""
    providers: tuple[str, ...] = ()
    overrides: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    update: str | None = None
    versions: dict[str, str | None] = field(default_factory=dict)
    """Of promptrun, openai and python."""
    commit: str | None = None
    verdicts: dict[Verdict, int] = field(default_factory=dict)
    requests: int | None = None
    """None where counting took too long; so with the next ones."""
    failures: int | None = None
    attempts: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    """US dollars."""
    problem: str | None = None
    """Why the record cannot be read."""


def write_history_json(run: PastRun, more: Mapping[str, Any] | None = None) -> str:
    """One line that holds all that is known of a run; `docs/runs.md` lists the fields."""
    fields = {name: getattr(run, name) for name in run.__struct_fields__}
    return json.dumps({"promptrun": FORMAT, **fields, **(more or {})}, ensure_ascii=False)


def write_history(runs: Sequence[PastRun], width: int | None) -> Iterator[str]:
    """Lines of at most `width` columns: a table, or below each other where it would not fit.

    A narrow table lacks columns, the least telling ones first. None is for a pipe: nothing is cut.
    """
    rows = [_HEADS, *map(_describe, runs)]
    if width is None:
        yield from write_table(rows, _RIGHT)
        return
    for count in range(len(_LEFT_OUT) + 1):
        shown = [at for at, head in enumerate(_HEADS) if head not in _LEFT_OUT[:count]]
        table = [tuple(row[at] for at in shown) for row in rows]
        if table_width(table, last=_LEAST_TARGETS) <= width:
            yield from write_table(table, _RIGHT, width)
            return
    for row in rows[1:]:
        yield from _write_block(row, width)


def _write_targets(targets: tuple[str, ...]) -> str:
    """What was typed; of many targets, as pytest names each of its cases, the first ones."""
    told = visible_line(" ".join(targets[:MOST_TARGETS])) or UNKNOWN
    more = len(targets) - MOST_TARGETS
    return f"{told} and {more:,} more" if more > 0 else told


def _write_block(row: tuple[str, ...], width: int) -> Iterator[str]:
    named = dict(zip(_HEADS, row, strict=True))
    yield cut(f"{named['run']}{GAP}{named['state']}", width)
    began, took, cost = named["began"], named["took"], named["cost"]
    requests = "1 request" if named["requests"] == "1" else f"{named['requests']} requests"
    counted = [requests, f"{named['tokens']} tokens"]
    for parts in (
        [began, f"took {took}" if took != UNKNOWN else took],
        named["cases"].split(", "),
        [*(one for one in counted if not one.startswith(UNKNOWN)), cost],
        [named["targets"]],
    ):
        for line in wrap_parts([one for one in parts if one != UNKNOWN], width - 2):
            yield f"  {line}"


def _describe(run: PastRun) -> tuple[str, ...]:
    """The cells of a run, in the order of the heads."""
    return (
        run.id,
        write_moment(run.began) if run.began else UNKNOWN,
        UNKNOWN if run.seconds is None else write_seconds(run.seconds),
        run.state,
        write_verdicts(run.verdicts) or UNKNOWN,
        UNKNOWN if run.requests is None else f"{run.requests:,}",
        write_tokens(run.prompt_tokens, run.completion_tokens),
        UNKNOWN if run.cost is None else write_dollars(run.cost),
        _write_targets(run.targets),
    )


def write_moment(text: str) -> str:
    """Local time to the minute; what is no time, as it stands."""
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return visible_line(text[:16])


def write_seconds(seconds: float) -> str:
    """``0.8 s``, ``12 min 5 s``, ``3 h 20 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours:,} h {rest} min" if rest else f"{hours:,} h"


def write_verdicts(verdicts: dict[Verdict, int]) -> str:
    """``12: 1 failed, 11 passed``; ``12 passed``."""
    parts = [f"{verdicts[one]:,} {one}" for one in WORST_FIRST if verdicts.get(one)]
    if len(parts) < 2:
        return "".join(parts)
    return f"{sum(verdicts.values()):,}: {', '.join(parts)}"


def find_pass_rate(verdicts: Mapping[Verdict, int]) -> float | None:
    """How many cases passed or were new, of all that were not skipped; None where none was."""
    judged = sum(verdicts.values()) - verdicts.get(Verdict.SKIPPED, 0)
    well = verdicts.get(Verdict.PASSED, 0) + verdicts.get(Verdict.NEW, 0)
    return well / judged if judged else None


def write_share(share: float) -> str:
    """``92 %``, ``99.9 %``: what is less than all is never written as all."""
    return f"{floor(share * 1000 + 1e-9) / 10:g} %"


def write_tokens(prompt: int | None, completion: int | None) -> str:
    """Those of the prompts and those of the replies."""
    if prompt is None and completion is None:
        return UNKNOWN
    return f"{prompt or 0:,} + {completion or 0:,}"
