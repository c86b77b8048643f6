"""``promptrun diff``: two recorded runs held against each other."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from promptrun.cli.screen import Screen
    from promptrun.pipeline.compare_runs import RunsDiff
    from promptrun.reports.run_diff import CaseDiff, Kind
    from promptrun.reports.style import Style

EXAMPLES = """\b
Examples:
  promptrun diff last~1 last
  promptrun diff 20261124 20261125T101500-3f2a specs/summary.yaml
  promptrun diff last~1 last --json | jq -r 'select(.kind == "worse") | .id'
"""


@click.command("diff", epilog=EXAMPLES)
@click.argument("before", metavar="RUN")
@click.argument("now", metavar="RUN")
@click.argument("targets", nargs=-1, metavar="[PATH…]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a case on stdout.")
def command(*, before: str, now: str, targets: tuple[str, ...], as_json: bool) -> int:
    """Tell what the second RUN does better and worse than the first, case by case.

    A run is `last`, `last~1` (the one before it), its id, or the beginning of one. PATH limits it
    to a folder, a spec or one case. Nothing is sent.

    Exit code: 0 nothing got worse, 1 something did, 2 the command line is wrong.
    """
    from promptrun.cli.screen import Screen
    from promptrun.pipeline.compare_runs import RunsDiff
    from promptrun.pipeline.options import working_folder

    screen, counts = Screen(), Counts()
    with RunsDiff((before, now), targets, cwd=working_folder()) as runs:
        _write_cases(screen, runs, counts, as_json=as_json)
        _write_summary(screen, runs, counts, as_json=as_json)
    return 1 if counts.kinds["worse"] else 0


class Counts:
    """What the summary counts."""

    def __init__(self) -> None:
        self.kinds: Counter[Kind] = Counter()
        self.sampled = 0
        self.chance = 0.0

    def add(self, diff: CaseDiff) -> None:
        """Count one case."""
        self.kinds[diff.kind] += 1
        self.sampled += diff.sets is not None
        self.chance += diff.chance


def _write_cases(screen: Screen, runs: RunsDiff, counts: Counts, *, as_json: bool) -> None:
    from promptrun.reports.run_diff import write_diff
    from promptrun.reports.run_diff_json import write_diff_json

    style = _style_of(screen)
    for diff in runs.cases():
        counts.add(diff)
        if as_json:
            screen.data(write_diff_json(diff))
        elif diff.kind != "same":
            for line in write_diff(diff, style):
                screen.data(line)
        if screen.is_lost("json" if as_json else "text"):
            return


def _write_summary(screen: Screen, runs: RunsDiff, counts: Counts, *, as_json: bool) -> None:
    from promptrun.reports.run_diff import write_chance, write_counts, write_sides

    style, tell = _style_of(screen), screen.talk if as_json else screen.data
    for problem in runs.problems:
        screen.talk(f"warning: {problem}")
    if counts.kinds.total() > counts.kinds["same"] and not as_json:
        tell("")
    tell(write_counts(counts.kinds, style))
    if counts.sampled:
        told = write_chance(counts.sampled, counts.chance)
        tell("\n".join(style.fold(told, 2)))
    width = style.width if style.folds and not as_json else None
    for line in write_sides(runs.before, runs.now, width):
        tell(line)


def _style_of(screen: Screen) -> Style:
    """For stdout, where all of it goes."""
    from promptrun.reports.style import Style

    here = screen.out_is_terminal
    return Style(color=here and screen.style.color, width=screen.style.width, folds=here)
