"""``promptrun show``: the rendered request, sent nowhere."""

from __future__ import annotations

from typing import Any

import click

from promptrun.cli import options

EXAMPLES = """\b
Examples:
  promptrun show specs/json_people.yaml::english
  promptrun show specs/json_people.yaml::english --as curl
  promptrun show specs/greetings.yaml -k korean --as python > example.py
"""


@click.command("show", epilog=EXAMPLES)
@options.selecting
@click.option(
    "--as",
    "form",
    type=click.Choice(["text", "json", "curl", "python"]),
    default="text",
    show_default=True,
    help="A conversation to read, the body, a command, or a program.",
)
def command(*, form: str, **chosen: Any) -> int:
    """Show what would be sent for a case, without any key in it."""
    from promptrun.cli.screen import Screen
    from promptrun.pipeline.inspect import show_cases
    from promptrun.reports import export
    from promptrun.reports.style import visible

    screen = Screen()
    shown = 0
    told = False
    for one in show_cases(options.make_options(**chosen)):
        if form == "json":
            text = export.write_json(one.body)
        elif form == "curl":
            text = export.write_curl(one.body, one.server, one.key_env)
        elif form == "python":
            text = export.write_python(one.body, one.server, one.key_env)
        else:
            text = export.write_conversation(one.body, one.origins)
        if shown:
            screen.talk("")
        if one.provider == "local" and form in {"curl", "python"} and not told:
            screen.talk("the embedded model has no address: this is how OpenAI would be asked")
            told = True
        screen.talk(screen.style.paint(f"# {one.id}", "dim"))
        screen.data(visible(text) if screen.out_is_terminal else text)
        shown += 1
    if not shown:
        screen.talk("no case was selected")
    return 0 if shown else 4
