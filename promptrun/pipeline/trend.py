"""What some cases of a project added up to in each of its recorded runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from promptrun.errors import UsageError
from promptrun.pipeline.history import find_wanted
from promptrun.reports.trend import RunFigures
from promptrun.runs.place import named_record
from promptrun.runs.reader import figures_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptrun.reports.history import PastRun
    from promptrun.runs.figures import Figures


def read_trend(
    runs: Sequence[PastRun], targets: Sequence[str], *, cwd: Path
) -> tuple[RunFigures, ...]:
    """The figures of the cases below `targets` in each of `runs`, in the same order.

    Nothing is known of a run whose record cannot be read, was deleted just now, or is so large that
    counting takes too long.
    """
    wanted = {str(root): names for root, names in find_wanted(targets, cwd).items()}
    return tuple(_read(run, wanted[run.root]) for run in runs)


def _read(run: PastRun, targets: Sequence[str]) -> RunFigures:
    nothing = RunFigures(run=run.id, began=run.began)
    if run.state == "unreadable":
        return nothing
    try:
        figures = figures_of(named_record(Path(run.root), run.id), targets)
    except UsageError:
        return nothing
    if figures is None:
        return nothing
    return as_run_figures(run.id, run.began, figures)


def as_run_figures(run_id: str, began: str | None, figures: Figures) -> RunFigures:
    """The figures of a record as the reports show them."""
    totals = figures.totals
    return RunFigures(
        run=run_id,
        began=began,
        verdicts=figures.verdicts,
        median=figures.median,
        p95=figures.p95,
        requests=totals.requests,
        prompt_tokens=totals.prompt_tokens,
        completion_tokens=totals.completion_tokens,
        cost=totals.cost,
    )
