"""``promptrun history``: the runs that were recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from promptrun.cli.screen import Screen
    from promptrun.pipeline.history import History

EXAMPLES = """\b
Examples:
  promptrun history
  promptrun history specs/summary.yaml -n 5
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
def command(*, targets: tuple[str, ...], most: int, as_json: bool) -> int:
    """List the recorded runs, newest first: when, how long, verdicts, tokens and cost.

    PATH limits it to runs that took it: a folder, a spec or one case, be it there still or not.
    """
    from promptrun.cli.screen import Screen
    from promptrun.pipeline.history import read_history
    from promptrun.pipeline.options import working_folder
    from promptrun.reports.history import write_history, write_history_json

    screen = Screen()
    history = read_history(targets, cwd=working_folder(), most=most)
    if as_json:
        for run in history.runs:
            screen.data(write_history_json(run))
    elif history.runs:
        width = screen.style.width if screen.out_is_terminal else None
        for line in write_history(history.runs, width):
            screen.data(line)
    _talk(screen, history, targets)
    return 0


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
