"""``promptrun accept``: take a new reply as the one that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptrun.cli import options

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = """\b
Examples:
  promptrun accept specs/json_people.yaml::english
  promptrun accept specs/
  promptrun accept
"""


@click.command("accept", epilog=EXAMPLES)
@click.argument("targets", nargs=-1, metavar="[PATH…]")
@options.env_file
def command(targets: tuple[str, ...], env_file: Path | None) -> int:
    """Take the replies that wait: each becomes its case's snapshot. Nothing is sent again.

    Without PATH, all that wait in the project are taken. A reply is refused where its request or
    its snapshot moved since it came.
    """
    from promptrun.cli.screen import Screen
    from promptrun.cli.settled import show_settled
    from promptrun.pipeline.changes import accept_changes

    chosen = options.make_options(targets, env_file=env_file)
    return show_settled(Screen(), accept_changes(chosen), "accepted")
