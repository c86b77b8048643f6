"""``promptrun review``: what waits, one change after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptrun.cli import options

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = """\b
Examples:
  promptrun review
  promptrun review specs/json_people.yaml
"""


@click.command("review", epilog=EXAMPLES)
@click.argument("targets", nargs=-1, metavar="[PATH…]")
@options.env_file
def command(targets: tuple[str, ...], env_file: Path | None) -> int:
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
    changes = find_changes(chosen)
    if not changes:
        screen.talk("nothing is pending")
        return 0
    if not (sys.stdin and sys.stdin.isatty() and screen.err_is_terminal):
        list_changes(screen, changes)
        return 1
    return ReviewScreen(screen, chosen, changes).run()
