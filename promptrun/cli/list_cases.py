"""``promptrun list``: the cases that a run would take, and what is kept of each."""

from __future__ import annotations

from typing import Any

import click

from promptrun.cli import options

EXAMPLES = """\b
Examples:
  promptrun list specs/
  promptrun list specs/ -k korean
"""


@click.command("list", epilog=EXAMPLES)
@options.selecting
def command(**chosen: Any) -> int:
    """List cases, a line each: id, provider, and whether a reply is accepted or pending."""
    from promptrun.cli.screen import Screen
    from promptrun.pipeline.inspect import list_cases
    from promptrun.reports.style import visible_line

    screen = Screen()
    listed = 0
    for one in list_cases(options.make_options(**chosen)):
        screen.data("\t".join((visible_line(one.id), one.provider, one.state)))
        listed += 1
    if not listed:
        screen.talk("no case was selected")
    return 0 if listed else 4
