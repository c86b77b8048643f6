"""``promptrun run``: send the cases, judge the replies, keep what may be kept."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from promptrun.cli import options

if TYPE_CHECKING:
    from collections import Counter

    from promptrun.cli.run_screen import Form
    from promptrun.models import Verdict

EXAMPLES = """\b
Examples:
  promptrun specs/json_people.yaml
  promptrun specs/greetings.yaml --var name=지수
  promptrun specs/ -k korean -j 4 --update none
  promptrun specs/ --replay --json > results.jsonl

\b
Exit codes:
  0 passed or new    1 changed, failed or missing   2 a bad spec or command line
  3 no reply         4 nothing was judged           130 interrupted
"""


@click.command("run", epilog=EXAMPLES)
@options.selecting
@click.option("-j", "--jobs", type=click.IntRange(1, 1000), metavar="N", help="N in flight.")
@click.option("--timeout", type=click.FloatRange(0.001), metavar="S", help="Seconds for one reply.")
@click.option(
    "--update",
    type=click.Choice(["auto", "new", "changed", "all", "none"]),
    default="auto",
    show_default=True,
    help="Which snapshots to write; auto is `new` for a person and `none` in CI.",
)
@click.option("--replay", is_flag=True, help="Judge the accepted replies; no network, no key.")
@click.option(
    "--changed", is_flag=True, help="Send what moved since its snapshot; replay the rest."
)
@click.option(
    "--again",
    metavar="RUN",
    help="Judge the replies of a recorded run (`last`, an id) by today's rules; no network.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Ask each case N times and judge the set; writes nothing.",
)
@click.option("--no-stream", is_flag=True, help="Ask for whole replies even where a spec streams.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a case on stdout.")
@click.option("--raw", is_flag=True, help="The server's reply alone, as indented JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Only what needs reading.")
@click.option("-v", "--verbose", is_flag=True, help="Every reply and every verdict.")
def command(*, as_json: bool, raw: bool, quiet: bool, verbose: bool, **chosen: Any) -> int:
    """Run specs: a file, a folder of them, or one case as `spec.yaml::case`."""
    from promptrun.cli.run_screen import RunScreen
    from promptrun.cli.screen import Screen, warn_of_strangers
    from promptrun.errors import UsageError
    from promptrun.pipeline.plan import make_plan
    from promptrun.pipeline.run import run_plan

    if as_json and raw:
        raise UsageError("`--json` and `--raw` are two forms of the same", hint="choose one")
    plan = make_plan(
        options.make_options(**chosen), sends=not (chosen["replay"] or chosen["again"])
    )
    out = Screen()
    warn_of_strangers(out, plan.strangers)
    form: Form = "json" if as_json else "raw" if raw else "text"
    screen = RunScreen(out, plan, form=form, quiet=quiet, verbose=verbose)
    with screen, closing(run_plan(plan, on_setup=screen.show_setup)) as events:
        for event in events:
            screen.show(event)
    screen.finish()
    return exit_code(screen.counts, screen.updated)


def exit_code(counts: Counter[Verdict], updated: int) -> int:
    """The first that applies of 1, 3, 4, 0: a proven regression is not hidden by a fault.

    `updated` of the changed cases were accepted by `--update` and count as settled.
    """
    from promptrun.models import Verdict

    if counts[Verdict.CHANGED] > updated or counts[Verdict.FAILED] or counts[Verdict.MISSING]:
        return 1
    if counts[Verdict.ERROR]:
        return 3
    return 0 if counts.total() > counts[Verdict.SKIPPED] else 4
