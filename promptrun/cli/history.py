"""``promptrun history``: the runs that were recorded, and how some cases did in them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptrun.cli.screen import Screen
    from promptrun.pipeline.history import History
    from promptrun.reports.trend import RunFigures

EXAMPLES = """\b
Examples:
  promptrun history
  promptrun history specs/summary.yaml -n 5
  promptrun history specs/summary.yaml::tale --html trend.html
  promptrun history --json | jq 'select(.state == "killed") | .id'
"""


@click.command("history", epilog=EXAMPLES)
@click.argument("targets", nargs=-1, metavar="[PATH…]")
@click.option(
    "-n",
    "most",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="At most N runs.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a run on stdout.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the figures of PATH as a page, too.",
)
def command(*, targets: tuple[str, ...], most: int, as_json: bool, page: Path | None) -> int:
    """List the recorded runs, newest first: when, how long, verdicts, tokens and cost.

    PATH limits it to runs that took it: a folder, a spec or one case, be it there still or not.
    How its cases did in each of them follows, with a small plot of each figure.
    """
    # Before the screen makes it UTF-8, so that Korean is never lost: signs are.
    plain = not _knows_blocks()
    from promptrun.cli.screen import Screen
    from promptrun.pipeline.history import read_history
    from promptrun.pipeline.options import working_folder

    if page is not None and not targets:
        raise click.UsageError("`--html` draws the figures of a PATH; name a spec or a case")
    if str(page) == "-":
        raise click.UsageError("`--html` takes a file: the table goes to stdout")
    screen, folder = Screen(), working_folder()
    history = read_history(targets, cwd=folder, most=most)
    figures: Sequence[RunFigures] = ()
    if targets and history.runs:
        from promptrun.pipeline.trend import read_trend

        figures = read_trend(history.runs, targets, cwd=folder)
    if as_json:
        _write_json(screen, history, figures)
    elif history.runs:
        _write_tables(screen, history, figures, targets, plain=plain)
    _talk(screen, history, targets)
    if page is not None and figures:
        _write_page(screen, folder / page, str(page), figures, targets)
    return 0


def _knows_blocks() -> bool:
    try:
        "▁→".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _write_json(screen: Screen, history: History, figures: Sequence[RunFigures]) -> None:
    from promptrun.reports.history import write_history_json

    for at, run in enumerate(history.runs):
        told = None
        if figures:
            from promptrun.reports.trend import describe_figures

            told = {"figures": describe_figures(figures[at])}
        screen.data(write_history_json(run, told))


def _write_tables(
    screen: Screen,
    history: History,
    figures: Sequence[RunFigures],
    targets: Sequence[str],
    *,
    plain: bool,
) -> None:
    from promptrun.reports.history import write_history

    width = screen.style.width if screen.out_is_terminal else None
    for line in write_history(history.runs, width):
        screen.data(line)
    if figures:
        from promptrun.reports.trend import write_trend

        screen.data("")
        for line in write_trend(figures, targets, width, plain=plain):
            screen.data(line)


def _write_page(
    screen: Screen, path: Path, typed: str, figures: Sequence[RunFigures], targets: Sequence[str]
) -> None:
    from promptrun.cli.report_files import write_text
    from promptrun.reports.trend_page import write_trend_page

    write_text(path, typed, write_trend_page(figures, targets))
    screen.talk(f"wrote {typed}")


def _talk(screen: Screen, history: History, targets: tuple[str, ...]) -> None:
    from promptrun.reports.problems import write_problem

    for problem in history.problems:
        screen.talk(write_problem(problem, screen.style, word="warning"))
    if not history.runs:
        over = " over what was named" if targets else ""
        screen.talk(f"no run is recorded{over}")
    if history.more:
        total = history.more + len(history.runs)
        older = "1 older run" if history.more == 1 else f"{history.more:,} older runs"
        screen.talk(f"{older}; `-n {total}` lists all")
