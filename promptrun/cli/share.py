"""``promptrun share``: one example, for somebody who has nothing of the project."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import click

from promptrun.cli import options

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.cli.screen import Screen
    from promptrun.reports.share.shared import Shared

EXAMPLES = """\b
Examples:
  promptrun share specs/json_people.yaml::english -o example.html
  promptrun share specs/tools.yaml --from last -o example.json
  promptrun share specs/vision_file.yaml -o - --as md | gh issue create -F -
"""
STDOUT = "-"
ENDINGS = {".html": "html", ".htm": "html", ".md": "md", ".json": "json"}


@click.command("share", epilog=EXAMPLES)
@options.selecting
@click.option(
    "-o",
    "--output",
    "output",
    required=True,
    metavar="FILE",
    help="Its ending says the form: .html, .md or .json; `-` is stdout.",
)
@click.option(
    "--as",
    "form",
    type=click.Choice(["html", "md", "json"]),
    help="The form, whatever FILE is called.",
)
@click.option(
    "--from",
    "wanted",
    metavar="WHICH",
    help="The reply: `accepted`, `pending`, `last`, or the id of a run; else the newest to this "
    "very request.",
)
@click.option("--mask", is_flag=True, help="Write `MASKED` for what may be a secret, and go on.")
def command(*, output: str, form: str | None, wanted: str | None, mask: bool, **chosen: Any) -> int:
    """Write cases into one file that others can read and repeat. Nothing is sent.

    It holds the specs and the files that they take, the requests, the replies and the accepted
    ones, and the commands to repeat all that. A secret in any of it stops the command.
    """
    from promptrun.cli.report_files import write_text
    from promptrun.cli.screen import Screen
    from promptrun.pipeline.share.example import share_cases
    from promptrun.reports.share import find_form

    made = options.make_options(**chosen)
    path = None if output == STDOUT else made.cwd / output
    kind = form or _form_of(output)
    if path is not None:
        _check_place(path, output)
    shared = share_cases(made, wanted=wanted, mask=mask, output=path)
    screen = Screen()
    if not shared.cases:
        screen.talk("no case was selected")
        return 4
    text = find_form(kind)(shared)
    if path is None:
        screen.data(text, end="")
    else:
        write_text(path, output, text)
    _tell(screen, shared)
    if path is not None:
        files = "1 file" if len(shared.files) == 1 else f"{len(shared.files)} files"
        screen.talk(f"wrote {output}: {path.stat().st_size / 1000:,.0f} KB, {files} in it")
    return 0


def _form_of(output: str) -> str:
    from promptrun.errors import UsageError

    if output == STDOUT:
        raise UsageError("stdout has no ending that says the form", hint="add `--as md`")
    ending = output[output.rfind(".") :].lower() if "." in output else ""
    if ending not in ENDINGS:
        raise UsageError(
            f"the name `{output}` does not say the form",
            hint="let it end with `.html`, `.md` or `.json`, or add `--as`",
        )
    return ENDINGS[ending]


def _check_place(path: Path, typed: str) -> None:
    """Refuse what must not be replaced: a link, a folder, a pipe."""
    from promptrun.errors import UsageError

    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"cannot write `{typed}`: {error.strerror}") from None
    if stat.S_ISLNK(mode):
        raise UsageError(
            f"`{typed}` is a link, and is not followed", hint="delete it, or name another file"
        )
    if stat.S_ISDIR(mode):
        raise UsageError(f"`{typed}` is a folder", hint="name a file in it")
    if not stat.S_ISREG(mode):
        raise UsageError(f"`{typed}` is not a file", hint="`-o -` writes to stdout")


def _tell(screen: Screen, shared: Shared) -> None:
    """Which reply each case has, which files go along, and what its readers are told."""
    from promptrun.reports.style import visible_line

    for case in shared.cases:
        screen.talk(visible_line(f"{case.result.id}  {case.source}"))
        for note in case.notes:
            screen.talk(f"  note: {visible_line(note)}")
    for file in shared.files:
        said = f" ({file.note})" if file.note else ""
        screen.talk(f"  file: {visible_line(file.path + said)}")
    for note in shared.notes:
        screen.talk(f"note: {visible_line(note)}")
    if shared.masked:
        texts = "1 text was" if shared.masked == 1 else f"{shared.masked} texts were"
        screen.talk(f"{texts} replaced by `MASKED`")
