"""The charts of a run: verdicts by spec, how latency and cost are spread, the last runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from promptrun.models import WORST_FIRST
from promptrun.reports.history import find_pass_rate, write_share
from promptrun.reports.html.facts import write_cost
from promptrun.reports.html.svg import (
    Chart,
    begin_chart,
    draw_chart,
    write_figures,
    write_label,
)
from promptrun.reports.html.tally import rank_specs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from markupsafe import Markup

    from promptrun.reports.history import PastRun
    from promptrun.reports.html.tally import Spread, Tally

MAX_SPECS: Final = 12
"""Specs that the chart names; the rest is counted together."""


def write_charts(tally: Tally, runs: Sequence[PastRun]) -> Markup:
    """The charts that have something to show; `runs` are told oldest first."""
    charts = [
        *_chart_specs(tally),
        *_chart_spread("Latency", "latency", tally.latency, write_seconds),
        *_chart_spread("Cost of a case", "cost", tally.cost, write_cost),
        *_chart_runs(runs),
    ]
    return write_figures(charts)


def write_seconds(seconds: float) -> str:
    """``90 ms``, ``0.84 s``, ``12 s``."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:,.0f} s"


def _chart_specs(tally: Tally) -> Iterator[Chart]:
    ranked = rank_specs(tally.specs.counts, MAX_SPECS)
    if not ranked:
        return
    chart = begin_chart("HorizontalStackedBar", height=22 * len(ranked) + 40, order_min=0)
    # It draws from below.
    chart.x_labels = [write_label(name) for name, _ in reversed(ranked)]
    for verdict in WORST_FIRST:
        chart.add(verdict, [counts[verdict] for _, counts in reversed(ranked)])
    # The rest has no bar: beside it the others could not be told apart.
    others = tally.verdicts.copy()
    for _, counts in ranked:
        others.subtract(counts)
    more = f"{len(tally.specs.counts) - len(ranked):,} other specs"
    if tally.specs.others:
        more = f"more than {more}"
    rest = [(more, others)] if others.total() else []
    told = f"the worst; {more} in the table" if rest else ""
    found = [one for one in WORST_FIRST if tally.verdicts[one]]
    yield Chart(
        name="Verdicts by spec",
        told=told,
        kind="specs",
        svg=draw_chart(chart, "Verdicts by spec, the worst first"),
        head=["spec", *found],
        rows=[[name, *(f"{counts[one]:,}" for one in found)] for name, counts in [*ranked, *rest]],
        legend=found,
    )


def _chart_spread(
    name: str, kind: str, spread: Spread, write: Callable[[float], str]
) -> Iterator[Chart]:
    buckets = list(spread.group(4))
    if not buckets:
        return
    half, most = spread.find_share(0.5), spread.find_share(0.95)
    told = f"half below about {write(half)}, 95 % below about {write(most)}"
    chart = begin_chart("Bar", order_min=0)  # cases are whole
    chart.x_labels = [write(low) for low, _, _ in buckets]
    chart.x_labels_major_count = 2
    chart.add("cases", [count for _, _, count in buckets])
    yield Chart(
        name=name,
        told=told,
        kind=kind,
        svg=draw_chart(chart, f"{name}, {told}"),
        head=["from", "to", "replies" if kind == "latency" else "cases"],
        rows=[[write(low), write(high), f"{count:,}"] for low, high, count in buckets],
    )


def _chart_runs(runs: Sequence[PastRun]) -> Iterator[Chart]:
    rates = [(run, rate) for run in runs if (rate := find_pass_rate(run.verdicts)) is not None]
    if len(rates) > 1:
        yield _chart_line("Pass rate over the last runs", "rate", rates, write_share)
    costs = [(run, run.cost) for run in runs if run.cost is not None]
    if len(costs) > 1 and any(cost for _, cost in costs):
        yield _chart_line("Cost over the last runs", "cost", costs, write_cost)


def _chart_line(
    name: str,
    kind: str,
    points: Sequence[tuple[PastRun, float]],
    write: Callable[[float], str],
) -> Chart:
    chart = begin_chart("Line", formatter=write)
    chart.range = (0, 1 if kind == "rate" else max(amount for _, amount in points) or 1)
    chart.y_labels = [
        {"value": amount, "label": write(amount)}
        for amount in (0, chart.range[1] / 2, chart.range[1])
    ]
    # Only the first and the last moment have room.
    chart.x_labels = [_moment(points[0][0]), *[""] * (len(points) - 2), _moment(points[-1][0])]
    chart.x_labels_major = [chart.x_labels[0], chart.x_labels[-1]]
    chart.add(name, [amount for _, amount in points])
    last = write(points[-1][1])
    return Chart(
        name=name,
        told=f"now {last}",
        kind=kind,
        svg=draw_chart(chart, f"{name}, now {last}"),
        head=["run", "began", kind],
        rows=[[run.id, _moment(run), write(amount)] for run, amount in points],
    )


def _moment(run: PastRun) -> str:
    """``11-25 19:35``, in UTC."""
    return write_label((run.began or "").replace("T", " ")[5:16])
