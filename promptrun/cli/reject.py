"""``promptrun reject``: let go of new replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptrun.cli import options
from promptrun.cli.cause import by_cause

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.models import Cause

EXAMPLES = """\b
Examples:
  promptrun reject specs/json_people.yaml::english
  promptrun reject specs/ --cause reply
  promptrun reject
"""


@click.command("reject", epilog=EXAMPLES)
@click.argument("targets", nargs=-1, metavar="[PATH…]")
@by_cause
@options.env_file
def command(targets: tuple[str, ...], cause: Cause | None, env_file: Path | None) -> int:
    """Drop the replies that wait; the snapshots stay as they are.

    Without PATH, all that wait in the project are dropped.
    """
    from promptrun.cli.screen import Screen
    from promptrun.cli.settled import show_settled
    from promptrun.pipeline.changes import reject_changes

    chosen = options.make_options(targets, env_file=env_file)
    return show_settled(Screen(), reject_changes(chosen, cause=cause), "rejected")
