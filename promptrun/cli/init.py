"""``promptrun init``: the first files of a project."""

from __future__ import annotations

from pathlib import Path

import click

SETTINGS = """\
# The embedded model answers without a key; "openai" asks OpenAI's own server.
provider = "local"

[defaults]
model = "gpt-4o-mini"
"""

SPEC = """\
description: A first prompt. Run it with `promptrun specs/hello.yaml`.
messages:
  - role: system
    content: You are a helpful assistant. Answer in one short sentence.
  - role: user
    content: "Hello! My name is {{ name }}."
parameters:
  temperature: 0
  max_tokens: 60
vars:
  name: John
expect:
  - finish_reason: [stop, length]
"""

EXAMPLES = """\b
Examples:
  promptrun init
  promptrun init my-prompts
"""


@click.command("init", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def command(folder: Path) -> None:
    """Write promptrun.toml and a first spec; a file that is there stays as it is."""
    from promptrun.cli.screen import Screen
    from promptrun.errors import UsageError

    screen = Screen()
    for name, text in (("promptrun.toml", SETTINGS), ("specs/hello.yaml", SPEC)):
        path = folder / name
        _make_folder(path.parent)
        try:
            # "x" makes and writes in one step: a file that appears meanwhile is not lost either.
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            screen.talk(f"kept   {path}")
        except OSError as error:
            raise UsageError(f"cannot write `{path}`: {error.strerror}") from None
        else:
            screen.talk(f"wrote  {path}")
    screen.talk(f"next: promptrun {folder / 'specs' / 'hello.yaml'}")


def _make_folder(folder: Path) -> None:
    from promptrun.errors import UsageError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder `{folder}`: {error.strerror}") from None
