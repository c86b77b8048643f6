"""``promptrun trust``: let a project's own settings choose hosts, keys and code."""

from __future__ import annotations

import os

import click

EXAMPLES = """\b
Examples:
  promptrun trust            show what the project asks for, and grant it
  promptrun trust --revoke   take it back
"""


@click.command("trust", epilog=EXAMPLES)
@click.option("--yes", is_flag=True, help="Grant without asking.")
@click.option("--revoke", is_flag=True, help="Take the permission back.")
def command(*, yes: bool, revoke: bool) -> int:
    """Grant what the project asks for: other hosts, keys that go there, Python code.

    The permission is kept in your own configuration, for exactly these settings: once they change
    it has to be granted again.
    """
    from promptrun.cli.screen import Screen
    from promptrun.pipeline.options import working_folder
    from promptrun.pipeline.trust import read_trust
    from promptrun.reports.style import visible

    screen = Screen()
    trust = read_trust(working_folder(), os.environ)
    if revoke:
        screen.talk("revoked" if trust.revoke() else "nothing was granted")
        return 0
    if not trust.lines:
        screen.talk("this project's settings ask for nothing that needs trust")
        return 0
    screen.talk("the settings of this project ask that")
    for line in trust.lines:
        screen.talk(f"- {visible(line)}")
    if trust.granted:
        screen.talk("granted already")
    elif yes or (screen.err_is_terminal and click.confirm("grant this?", err=True)):
        trust.grant()
        screen.talk("granted")
    else:
        screen.talk("not granted; `promptrun trust --yes` grants it")
        return 1
    screen.talk(f"in CI: PROMPTRUN_TRUST={trust.digest}")
    return 0
