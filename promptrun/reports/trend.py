"""How the cases that were asked about did over the runs: a table, and a small plot a figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from promptrun.models import Verdict
from promptrun.reports.history import (
    find_pass_rate,
    write_seconds,
    write_share,
    write_tokens,
    write_verdicts,
)
from promptrun.reports.money import write_dollars
from promptrun.reports.style import visible_line
from promptrun.reports.table import GAP, UNKNOWN, table_width, wrap_parts, write_table
from promptrun.reports.width import cut, display_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEADS: Final = ("run", "cases", "passed", "median", "p95", "tokens", "cost")
_SHORT_HEADS: Final = ("run", "worst", *HEADS[2:])
_RIGHT: Final = frozenset({"passed", "median", "p95", "tokens", "cost"})
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_SIGNS: Final = ".:-=+*#@"
"""The same steps where a stream has no blocks."""
_ARROWS: Final = {False: "→", True: "->"}
_LEAST_PLOT: Final = 8
"""Columns that a plot needs to stand on one line with its figures."""
_SPENT: Final = ("prompt_tokens", "completion_tokens", "cost")
_MOST_NAMED: Final = 3
"""Targets that a heading names."""


class RunFigures(Struct, frozen=True, kw_only=True):
    """What the cases that were asked about add up to in one run."""

    run: str
    began: str | None = None
    """UTC, as ISO 8601."""
    verdicts: dict[Verdict, int] | None = None
    """None where counting took too long, or the record cannot be read; then all is unknown."""
    median: float | None = None
    """Seconds that a reply took; so with the next one."""
    p95: float | None = None
    requests: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    """US dollars."""

    @property
    def passed(self) -> float | None:
        """The share of cases that are well, as `find_pass_rate` has it."""
        return find_pass_rate(self.verdicts or {})

    @property
    def tokens(self) -> int | None:
        """Those of the prompts and of the replies together."""
        if self.prompt_tokens is None and self.completion_tokens is None:
            return None
        return (self.prompt_tokens or 0) + (self.completion_tokens or 0)


class Measure(Struct, frozen=True, kw_only=True):
    """One figure over the runs, the oldest first."""

    name: str
    values: tuple[float | None, ...]
    write: Callable[[float], str]
    """A value for people."""

    @property
    def known(self) -> list[float]:
        """The values that there are."""
        return [value for value in self.values if value is not None]


def describe_figures(figures: RunFigures) -> dict[str, Any] | None:
    """For programs; `docs/runs.md` lists the fields. None where nothing is known."""
    if figures.verdicts is None:
        return None
    names = ("verdicts", "passed", "median", "p95", "requests", *_SPENT)
    return {name: getattr(figures, name) for name in names}


def order_drawn(figures: Sequence[RunFigures]) -> list[RunFigures]:
    """The runs that have a place in a drawing, oldest first, of those that are given newest first.

    One whose record cannot be read has no time.
    """
    return [one for one in reversed(figures) if one.began]


def measures_of(oldest_first: Sequence[RunFigures]) -> list[Measure]:
    """What can be drawn of runs: the figures that two of them know."""
    writers: dict[str, Callable[[float], str]] = {
        "passed": write_share,
        "median": write_latency,
        "p95": write_latency,
        "tokens": lambda tokens: f"{tokens:,.0f}",
        "cost": write_dollars,
    }
    found = [
        Measure(name=name, values=tuple(getattr(one, name) for one in oldest_first), write=write)
        for name, write in writers.items()
    ]
    return [one for one in found if len(one.known) > 1]


def write_trend(
    figures: Sequence[RunFigures], targets: Sequence[str], width: int | None, *, plain: bool = False
) -> Iterator[str]:
    """Lines of at most `width` columns about runs that are given newest first; None is for a pipe.

    `plain` is for a stream that knows ASCII alone: it gets other signs.
    """
    yield _cut(f"of {write_targets(targets)}", width)
    yield from _write_rows(figures, width)
    drawn = order_drawn(figures)
    measures = measures_of(drawn)
    if measures:
        yield ""
        arrow = _ARROWS[plain]
        yield _cut(f"{len(drawn)} runs: first {arrow} last (least to most)", width)
        label = max(len(one.name) for one in measures)
        for one in measures:
            yield from _write_plot(one, label, width, plain=plain)


def write_targets(targets: Sequence[str]) -> str:
    """What was asked about, on one line."""
    told = ", ".join(visible_line(one) for one in targets[:_MOST_NAMED])
    more = len(targets) - _MOST_NAMED
    return f"{told} and {more:,} more" if more > 0 else told


def write_latency(seconds: float) -> str:
    """``0.84 s``, ``12.3 s``, ``1 min 5 s``."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    return write_seconds(seconds)


def draw(values: Sequence[float | None], room: int, *, plain: bool = False) -> str:
    """A plot of at most `room` signs, from the least value to the most; a gap for what is unknown.

    Where there are more values, neighbours are drawn together, as their mean. Values that are all
    equal are drawn at half height.
    """
    drawn = _gather(values, room)
    known = [value for value in drawn if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    signs, gap = (_SIGNS, "_") if plain else (_BLOCKS, "·")
    top = len(signs) - 1

    def step(value: float) -> int:
        return round((value - low) / (high - low) * top) if high > low else top // 2

    return "".join(gap if value is None else signs[step(value)] for value in drawn)


def _gather(values: Sequence[float | None], room: int) -> list[float | None]:
    if len(values) <= room:
        return list(values)
    means: list[float | None] = []
    for at in range(room):
        part = values[at * len(values) // room : (at + 1) * len(values) // room]
        known = [value for value in part if value is not None]
        means.append(sum(known) / len(known) if known else None)
    return means


def _write_plot(measure: Measure, label: int, width: int | None, *, plain: bool) -> Iterator[str]:
    write, known, values = measure.write, measure.known, measure.values
    told = (
        f"{write(known[0])} {_ARROWS[plain]} {write(known[-1])}",
        f"({write(min(known))} to {write(max(known))})",
    )
    start = f"{measure.name:<{label}}{GAP}"
    line = " ".join(told)
    if width is None:
        yield f"{start}{draw(values, len(values), plain=plain)}{GAP}{line}"
        return
    room = width - len(start) - len(GAP) - display_width(line)
    if room >= min(_LEAST_PLOT, len(values)):
        yield f"{start}{draw(values, room, plain=plain)}{GAP}{line}"
        return
    room = width - len(start)
    yield f"{start}{draw(values, room, plain=plain)}"
    for row in [line] if display_width(line) <= room else told:
        yield cut(f"{' ' * len(start)}{row}", width)


def _cut(line: str, width: int | None) -> str:
    return line if width is None else cut(line, width)


def _write_rows(figures: Sequence[RunFigures], width: int | None) -> Iterator[str]:
    """A table; a shorter one where that is too wide; else the runs below each other."""
    whole = [HEADS, *map(describe_run, figures)]
    short = [_SHORT_HEADS, *map(_describe_shortly, figures)]
    for rows in (whole, short):
        if width is None or table_width(rows) <= width:
            yield from write_table(rows, _RIGHT, width)
            return
    for one, row in zip(figures, whole[1:], strict=True):
        yield from _write_block(one, row, width or 0)


def describe_run(one: RunFigures) -> tuple[str, ...]:
    """The cells of a run, in the order of `HEADS`."""
    return (
        one.run,
        write_verdicts(one.verdicts or {}) or UNKNOWN,
        UNKNOWN if one.passed is None else write_share(one.passed),
        UNKNOWN if one.median is None else write_latency(one.median),
        UNKNOWN if one.p95 is None else write_latency(one.p95),
        write_tokens(one.prompt_tokens, one.completion_tokens),
        UNKNOWN if one.cost is None else write_dollars(one.cost),
    )


def _describe_shortly(one: RunFigures) -> tuple[str, ...]:
    """The same with the worst verdict alone, and all tokens together."""
    run, cases, passed, median, p95, _, cost = describe_run(one)
    worst = cases.partition(": ")[2].partition(",")[0] or cases
    tokens = UNKNOWN if one.tokens is None else f"{one.tokens:,}"
    return run, worst, passed, median, p95, tokens, cost


def _write_block(one: RunFigures, row: tuple[str, ...], width: int) -> Iterator[str]:
    named = {head: cell for head, cell in zip(HEADS, row, strict=True) if cell != UNKNOWN}
    yield cut(named.pop("run"), width)
    nothing = "not known" if one.verdicts is None else "no case"
    words = {"passed": "{} passed", "median": "median {}", "p95": "p95 {}", "tokens": "{} tokens"}
    parts = named.pop("cases", nothing).split(", ")
    parts += [words.get(head, "{}").format(cell) for head, cell in named.items()]
    for line in wrap_parts(parts, width - 2):
        yield f"  {line}"
