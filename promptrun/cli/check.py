"""``promptrun check``: every static error at once."""

from __future__ import annotations

from typing import Any

import click

from promptrun.cli import options

EXAMPLES = """\b
Examples:
  promptrun check specs/
  promptrun check specs/greetings.yaml --provider openai
"""


@click.command("check", epilog=EXAMPLES)
@options.selecting
def command(**chosen: Any) -> int:
    """Find every mistake in specs, their files and their templates; no network, no key."""
    from promptrun.cli.screen import Screen, warn_of_strangers
    from promptrun.pipeline.inspect import check_cases
    from promptrun.reports.problems import write_message

    screen = Screen()
    checked = check_cases(options.make_options(**chosen))
    if not checked.cases:
        screen.talk("no case was selected")
        return 4
    warn_of_strangers(screen, checked.strangers)
    for one in checked.warnings:
        screen.talk(
            write_message(
                "warning", one.message, screen.style, location=one.location, hint=one.hint
            )
        )
    cases = "1 case" if checked.cases == 1 else f"{checked.cases} cases"
    specs = "1 spec" if checked.specs == 1 else f"{checked.specs} specs"
    screen.talk(f"{cases} in {specs} {'is' if checked.cases == 1 else 'are'} in order")
    return 0
