"""The command line: one file a command; exit codes are decided here and nowhere else."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import click

from promptrun.cli.group import CommandGroup
from promptrun.cli.streams import guarded_streams
from promptrun.errors import PromptrunError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES = """\b
Examples:
  promptrun specs/json_people.yaml            run one spec
  promptrun specs/ -k 'korean and not vision' run the cases that fit
  promptrun specs/ --replay                   judge the accepted replies, no network
  promptrun accept specs/json_people.yaml     take what changed
"""


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXAMPLES,
    no_args_is_help=True,
)
@click.version_option(package_name="promptrun", message="%(prog)s %(version)s")
def cli() -> None:
    """Run prompts that are written down in YAML, and see what changed since the accepted reply.

    `promptrun PATH…` is short for `promptrun run PATH…`.
    """


_GARBAGE = (50_000, 20, 100)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    # What is imported stays: looking through it for garbage again and again would take a quarter of
    # the start, and a tenth of a long run.
    gc.set_threshold(*_GARBAGE)
    with guarded_streams() as lost:
        code = _run(arguments)
    if lost:
        # Whoever reads a file that is not whole has to be able to know.
        code = code or 2
    gc.freeze()  # for the same reason: the interpreter looks once more before it ends
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(args=arguments, prog_name="promptrun", standalone_mode=False)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        code = 130
    except click.ClickException as error:
        code = _show_click_error(error)
    except PromptrunError as error:
        code = _show_error(error)
    return code if isinstance(code, int) else 0


def _show_click_error(error: click.ClickException) -> int:
    from promptrun.cli.screen import Screen
    from promptrun.reports.problems import write_message

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.ctx.get_help())
        return 0
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context else "promptrun --help"
    screen = Screen()
    text = write_message("error", error.format_message(), screen.style, hint=hint)
    screen.talk(screen.style.fold_text(text))
    return error.exit_code


def _show_error(error: PromptrunError) -> int:
    from promptrun.cli.screen import Screen
    from promptrun.reports.problems import write_problem

    screen = Screen()
    screen.talk(screen.style.fold_text(write_problem(error, screen.style)))
    return error.exit_code
