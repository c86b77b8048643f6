"""``promptrun run``: send the cases, judge the replies, keep what may be kept."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from promptrun.cli import options
from promptrun.cli.group import COMMANDS
from promptrun.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from promptrun.cli.report_files import Wanted
    from promptrun.cli.run_ending import Ending
    from promptrun.cli.run_screen import Form, RunScreen
    from promptrun.cli.screen import Screen
    from promptrun.execute import Stop
    from promptrun.pipeline.options import Options
    from promptrun.pipeline.plan import Plan

EXAMPLES = """\b
Examples:
  promptrun specs/json_people.yaml
  promptrun specs/greetings.yaml --var name=지수
  promptrun specs/ -k korean -j 4 --update none
  promptrun specs/ --max-cost 0.50
  promptrun specs/ --resume
  promptrun specs/ --replay --json > results.jsonl

\b
Exit codes:
  0 passed or new                1 changed, failed or missing
  2 a bad spec or command line   3 no reply, or stopped early
  4 nothing was judged           130 interrupted
"""

SECTIONS: Final = {
    "What is asked": (
        "keyword", "variables", "model", "seed", "samples", "no_stream", "provider", "env_file",
    ),
    "Instead of asking anew": ("changed", "resume", "run_id", "replay", "again"),
    "How much at once, and how much in all": (
        "jobs", "timeout", "max_requests", "max_cost", "fail_fast", "yes",
    ),
    "What is kept": ("update", "no_record", "reports"),
    "What is shown": ("as_json", "raw", "quiet", "verbose"),
}  # fmt: skip

RESUMING: Final = ("resume", "run_id", "yes")
"""What a command that goes on with this run says in its own way, or need not say."""

NOTHING_JUDGED: Final = 4


@click.command("run", epilog=EXAMPLES, cls=options.SectionedCommand, sections=SECTIONS)
@options.selecting
@click.option("-j", "--jobs", type=click.IntRange(1, 1000), metavar="N", help="N in flight.")
@click.option("--timeout", type=click.FloatRange(0.001), metavar="S", help="Seconds for one reply.")
@click.option(
    "--max-requests",
    type=click.IntRange(1),
    metavar="N",
    help="Stop after N requests, retries included.",
)
@click.option(
    "--max-cost",
    type=click.FloatRange(0, min_open=True),
    metavar="USD",
    help="Stop before the replies cost more.",
)
@click.option("--fail-fast", is_flag=True, help="Stop at the first case that is not well.")
@click.option("-y", "--yes", is_flag=True, help="Send many paid requests without asking.")
@click.option(
    "--update",
    type=click.Choice(["auto", "new", "changed", "all", "none"]),
    default="auto",
    show_default=True,
    help="Which snapshots to write; auto is `new` for a person and `none` in CI.",
)
@click.option("--no-record", is_flag=True, help="Keep no record of the run in `.promptrun/runs/`.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT=PATH",
    help="Write a report: html, junit, json, jsonl, markdown or github.",
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
    "--resume", is_flag=True, help="Go on where the last run over the same paths stopped."
)
@click.option("--run", "run_id", metavar="ID", help="Go on with this run instead of the last.")
@click.option(
    "--samples",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Ask each case N times and judge the set; writes nothing.",
)
@click.option("--no-stream", is_flag=True, help="Ask for whole replies even where a spec streams.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a case on stdout.")
@click.option("--raw", is_flag=True, help="The server's reply alone, as indented JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Only what needs reading; no progress.")
@click.option("-v", "--verbose", is_flag=True, help="Every reply and every verdict.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    as_json: bool,
    raw: bool,
    quiet: bool,
    verbose: bool,
    yes: bool,
    reports: tuple[str, ...],
    **chosen: Any,
) -> int:
    """Run specs: a file, a folder of them, or one case as `spec.yaml::case`."""
    from promptrun.cli.run_confirm import may_pay
    from promptrun.cli.run_screen import RunScreen
    from promptrun.cli.screen import Screen, warn_of_strangers
    from promptrun.pipeline.plan import make_plan
    from promptrun.pipeline.run import run_plan

    if as_json and raw:
        raise UsageError("`--json` and `--raw` are two forms of the same", hint="choose one")
    sends = not (chosen["replay"] or chosen["again"])
    run_options = _make_options(**chosen, reported=bool(reports))
    wanted = _wanted_reports(reports, run_options)
    plan = make_plan(run_options, sends=sends)
    if wanted:
        _check_reported(plan)
    out = Screen()
    warn_of_strangers(out, plan.strangers)
    if sends and not may_pay(out, plan, yes=yes):
        return NOTHING_JUDGED
    form = _form_of(as_json=as_json, raw=raw, wanted=wanted)
    typed = options.typed_arguments(context, without=RESUMING)
    if typed[0] in COMMANDS:
        typed = ["run", *typed]
    screen = RunScreen(out, plan, form=form, quiet=quiet, verbose=verbose, typed=typed)
    with (
        screen,
        _stopping_at_signals(screen, sends=sends) as stop,
        closing(run_plan(plan, on_setup=screen.show_setup, stop=stop)) as events,
    ):
        for event in events:
            screen.show(event)
            if stop is not None and out.is_lost(form):
                stop.ask("nobody reads what the run says any more")
    screen.finish()
    if wanted and screen.ending.counts.total():
        _write_reports(out, plan, wanted)
    elif wanted:
        out.talk("no case has a result, so there is no report")
    return _exit_code(screen.ending)


def _form_of(*, as_json: bool, raw: bool, wanted: Sequence[Wanted]) -> Form:
    """What stands on stdout; UsageError where two things would."""
    if any(one.path is None for one in wanted):
        if as_json or raw:
            flag = "--json" if as_json else "--raw"
            message = f"`{flag}` and a report that goes to `-` would both write to stdout"
            raise UsageError(message, hint="give the report a file")
        return "report"
    return "json" if as_json else "raw" if raw else "text"


def _wanted_reports(reports: tuple[str, ...], chosen: Options) -> list[Wanted]:
    if not reports:
        return []
    from promptrun.cli.report_files import parse_reports

    if not chosen.record:
        message = "a report is made from the record of the run, and `--no-record` keeps none"
        raise UsageError(message, hint="leave out one of them")
    return parse_reports(reports, chosen.cwd)


def _check_reported(plan: Plan) -> None:
    from promptrun.pipeline.reporting import check_reported

    check_reported(plan)


def _write_reports(out: Screen, plan: Plan, wanted: list[Wanted]) -> None:
    from promptrun.cli.report_files import write_reports
    from promptrun.pipeline.reporting import recorded_run

    with recorded_run(plan) as recorded:
        write_reports(recorded, wanted, out)


@contextmanager
def _stopping_at_signals(screen: RunScreen, *, sends: bool) -> Iterator[Stop | None]:
    """Let Ctrl-C stop a run that sends, and have that said at once; any other it just ends."""
    if not sends:
        yield None
        return
    from promptrun.execute import Stop

    stop = Stop()

    def tell() -> None:
        if stop.interrupted:
            screen.interrupting()

    with stop.listen(tell), stop.on_signals():
        yield stop


def _make_options(*, resume: bool, run_id: str | None, no_record: bool, **chosen: Any) -> Options:
    resumed = run_id if run_id is not None else "last" if resume else None
    return options.make_options(**chosen, resume=resumed, record=not no_record)


def _exit_code(ending: Ending) -> int:
    from promptrun.pipeline.exits import INTERRUPTED, exit_code

    stopped = ending.stopped
    if stopped is not None and stopped.interrupted:
        return INTERRUPTED
    return exit_code(ending.counts, ending.updated, stopped=stopped is not None)
