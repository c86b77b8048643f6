"""How some cases did over the runs, as a page of charts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from promptrun.reports.html.look import show_line
from promptrun.reports.html.page import write_page
from promptrun.reports.html.svg import Chart, begin_chart, draw_chart, write_figures, write_label
from promptrun.reports.trend import HEADS, describe_run, measures_of, order_drawn, write_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptrun.reports.trend import Measure, RunFigures

_NAMES: Final = {
    "passed": "Cases that passed",
    "median": "Median latency",
    "p95": "95th percentile of latency",
    "tokens": "Tokens",
    "cost": "Cost",
}
_HEADS: Final = ("run", "began", *HEADS[1:])
_PAGE: Final = Markup("""<header class="top"><p class="kicker">promptrun history</p>
<h1><bdi>{title}</bdi></h1>
<p class="line">{about}</p></header>
<main>
<section class="charts" aria-labelledby="figures"><h2 id="figures">Figures over the runs</h2>
<div class="drawings">{charts}</div></section>
<section class="charts" aria-labelledby="runs"><h2 id="runs">The runs</h2>
<div class="whole" role="region" aria-labelledby="runs" tabindex="0"><table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}</tbody>
</table></div></section>
</main>
""")
_STYLE: Final = """.whole { overflow-x: auto; margin-top: 8px; }
.whole th, .whole td { white-space: nowrap; }
.chart svg { overflow: visible; }
.chart svg .axis > .line { stroke: var(--line); }
"""


def write_trend_page(figures: Sequence[RunFigures], targets: Sequence[str]) -> str:
    """One self-contained page about runs that are given newest first. Pure: it asks no clock."""
    title = write_targets(targets)
    count = f"{len(figures):,} runs" if len(figures) != 1 else "1 run"
    rows = (_write_row([one.run, _moment(one), *describe_run(one)[1:]]) for one in figures)
    drawn = order_drawn(figures)
    charts = [_draw(one, drawn) for one in measures_of(drawn)]
    body = _PAGE.format(
        title=title,
        about=f"{count}, the newest first; the charts begin with the oldest. Times are UTC.",
        charts=write_figures(charts) or Markup("<p>Two runs make a chart.</p>"),
        heads=Markup("").join(Markup('<th scope="col">{}</th>').format(one) for one in _HEADS),
        rows=Markup("").join(rows),
    )
    return write_page(f"History of {title}", body, styles=[_STYLE])


def _draw(measure: Measure, oldest_first: Sequence[RunFigures]) -> Chart:
    points = [
        (one, value)
        for one, value in zip(oldest_first, measure.values, strict=True)
        if value is not None
    ]
    most = 1.0 if measure.name == "passed" else max(measure.known) or 1.0
    chart = begin_chart("Line", formatter=measure.write)
    chart.range = (0, most)
    chart.y_labels = [{"value": at, "label": measure.write(at)} for at in (0, most / 2, most)]
    first, *_, last_one = (write_label(_moment(one)[5:]) for one, _ in points)
    chart.x_labels = [first, *[""] * (len(points) - 2), last_one]
    chart.x_labels_major = [first, last_one]
    name, last = _NAMES[measure.name], measure.write(points[-1][1])
    chart.add(name, [{"value": value, "label": write_label(one.run)} for one, value in points])
    return Chart(
        name=f"{name}: last {last}",
        kind=measure.name,
        svg=draw_chart(chart, f"{name}, last {last}"),
        head=["run", "began", measure.name],
        rows=[[one.run, _moment(one), measure.write(value)] for one, value in points],
    )


def _write_row(cells: Sequence[str]) -> Markup:
    head, *others = map(show_line, cells)
    told = Markup("").join(Markup("<td>{}</td>").format(one) for one in others)
    return Markup('<tr><th scope="row">{}</th>{}</tr>\n').format(head, told)


def _moment(one: RunFigures) -> str:
    """``2026-11-25 19:35``."""
    return (one.began or "").replace("T", " ")[:16]
