"""A group whose commands load when they are named, with `run` where no command is."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

COMMANDS = {
    "run": "run",
    "check": "check",
    "list": "list_cases",
    "show": "show",
    "review": "review",
    "accept": "accept",
    "reject": "reject",
    "prune": "prune",
    "history": "history",
    "diff": "diff",
    "report": "report",
    "share": "share",
    "models": "models",
    "trust": "trust",
    "init": "init",
}
"""Each command and the module of this folder that holds it, as `command`."""


class CommandGroup(click.Group):
    """Imports no command but the one that runs; `--help` imports all, and each is light."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of that name, imported now."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(f"promptrun.cli.{module}").command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` in front of anything that is neither a command nor an option of the group."""
        own = {"-h", "--help", "--version"}
        if args and args[0] not in COMMANDS and args[0] not in own:
            _refuse_misspelled_command(args[0], ctx)
            args = ["run", *args]
        return super().parse_args(ctx, args)


def _refuse_misspelled_command(word: str, ctx: click.Context) -> None:
    """`promptrun chek specs` means a command, not a file that is not there."""
    if not word.isalpha() or Path(word).exists():
        return
    from difflib import get_close_matches

    near = get_close_matches(word, COMMANDS, n=1, cutoff=0.7)
    if near:
        raise click.UsageError(
            f"no file and no command `{word}`; did you mean `promptrun {near[0]}`?", ctx
        )
