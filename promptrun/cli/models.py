"""``promptrun models``: what the provider offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptrun.cli import options

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = """\b
Examples:
  promptrun models
  promptrun models --provider openai
"""


@click.command("models", epilog=EXAMPLES)
@options.provider
@options.env_file
def command(provider: str | None, env_file: Path | None) -> int:
    """List the models of the provider that a run here would use, a name a line."""
    from promptrun.cli.screen import Screen
    from promptrun.models import Failure
    from promptrun.pipeline.inspect import list_models
    from promptrun.reports.style import visible_line
    from promptrun.reports.text import write_failure

    screen = Screen()
    found = list_models(options.make_options((), provider=provider, env_file=env_file))
    if isinstance(found, Failure):
        screen.talk(write_failure(found, screen.style))
        return 3
    for name in found:
        screen.data(visible_line(name))
    return 0
