"""``promptrun review``: what waits, one change after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptrun.cli import options

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.cli.screen import Screen
    from promptrun.pipeline.options import Options

EXAMPLES = """\b
Examples:
  promptrun review
  promptrun review specs/json_people.yaml
  promptrun review --web
"""


@click.command("review", epilog=EXAMPLES)
@click.argument("targets", nargs=-1, metavar="[PATH…]")
@click.option("--web", is_flag=True, help="Review in the browser, until Ctrl-C.")
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    metavar="N",
    help="With --web: serve on this port, else on a free one.",
)
@click.option("--no-open", is_flag=True, help="With --web: show the address, open no browser.")
@options.env_file
def command(
    *, targets: tuple[str, ...], web: bool, port: int | None, no_open: bool, env_file: Path | None
) -> int:
    """Show the replies that wait, and accept or reject each with a key. Nothing is sent.

    Changes that look the same are shown once and settled together. Off a terminal, lists what
    waits, and ends with 1 where anything does.
    """
    import sys

    from promptrun.cli.review_screen import ReviewScreen, list_changes
    from promptrun.cli.screen import Screen
    from promptrun.pipeline.review import find_changes

    screen = Screen()
    chosen = options.make_options(targets, env_file=env_file)
    if web:
        return _serve(screen, chosen, port=port, opens=not no_open)
    _refuse_without_web(port=port, no_open=no_open)
    changes = find_changes(chosen)
    if not changes:
        screen.talk("nothing is pending")
        return 0
    if not (sys.stdin and sys.stdin.isatty() and screen.err_is_terminal):
        list_changes(screen, changes)
        return 1
    return ReviewScreen(screen, chosen, changes).run()


def _refuse_without_web(*, port: int | None, no_open: bool) -> None:
    from promptrun.errors import UsageError

    given = "--port" if port is not None else "--no-open" if no_open else None
    if given:
        raise UsageError(f"`{given}` is for a review in the browser", hint="add `--web`")


def _serve(screen: Screen, chosen: Options, *, port: int | None, opens: bool) -> int:
    """Review in the browser; the address is data, for whoever opens it himself."""
    from promptrun.errors import UsageError

    try:
        from promptrun.web.server import serve
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in {"starlette", "uvicorn", "anyio"}:
            raise
        raise UsageError(
            f"`--web` needs the package `{package}`, which is not installed",
            hint="pip install 'promptrun[web]'",
        ) from None

    def announce(address: str) -> None:
        screen.data(address)
        screen.talk("Ctrl-C ends the review")

    desk = serve(chosen, port=port, opens=opens, announce=announce)
    counts = desk.counts
    waits = "1 still waits" if desk.waiting == 1 else f"{desk.waiting} still wait"
    screen.talk(f"{counts['accepted']} accepted, {counts['rejected']} rejected, {waits}")
    return 1 if counts["refused"] else 0
