"""``promptrun accept``: take a new reply as the one that counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptrun.cli import options
from promptrun.cli.cause import by_cause

if TYPE_CHECKING:
    from promptrun.models import Cause

EXAMPLES = """\b
Examples:
  promptrun accept specs/json_people.yaml::english
  promptrun accept specs/ --cause model
  promptrun accept --from ~/Downloads/promptrun-pending
"""


@click.command("accept", epilog=EXAMPLES)
@click.argument("targets", nargs=-1, metavar="[PATH…]")
@by_cause
@click.option(
    "--from",
    "artifact",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Take the replies that a CI job left there as its artifact.",
)
@options.env_file
def command(
    targets: tuple[str, ...], cause: Cause | None, artifact: Path | None, env_file: Path | None
) -> int:
    """Take the replies that wait: each becomes its case's snapshot. Nothing is sent again.

    Without PATH, all that wait in the project are taken. A reply is refused where its request or
    its snapshot moved since it came.
    """
    from promptrun.cli.screen import Screen
    from promptrun.cli.settled import show_settled
    from promptrun.pipeline.changes import accept_changes

    chosen = options.make_options(targets, env_file=env_file)
    changes = accept_changes(chosen, cause=cause, artifact=artifact)
    return show_settled(Screen(), changes, "accepted", elsewhere=artifact is not None)
