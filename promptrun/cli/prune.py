"""``promptrun prune``: what is left of specs and cases that are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptrun.cli import options

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.cli.screen import Screen
    from promptrun.pipeline.prune import Spared, Stale

EXAMPLES = """\b
Examples:
  promptrun prune
  promptrun prune specs/summaries --yes
  promptrun prune --check
"""

MOST_SPARED = 20
"""Files that are told though they stay: a folder of pictures may be called `snapshots`, too."""


@click.command("prune", epilog=EXAMPLES)
@click.argument("targets", nargs=-1, metavar="[PATH…]")
@click.option("--yes", is_flag=True, help="Delete them.")
@click.option("--check", is_flag=True, help="Delete nothing, and end with 1 where there are any.")
@options.env_file
def command(targets: tuple[str, ...], yes: bool, check: bool, env_file: Path | None) -> int:
    """List the snapshots whose spec or case is gone, and the replies that wait for such a case.

    Nothing is run: the specs on the disk decide. PATH limits it to snapshots of specs below it. A
    spec that does not load, or that has a bad row of data, keeps all its snapshots.
    """
    from promptrun.cli.screen import Screen
    from promptrun.errors import UsageError
    from promptrun.pipeline.prune import Stale, find_stale

    if yes and check:
        raise UsageError("`--yes` deletes, and `--check` deletes nothing", hint="choose one")
    screen = Screen()
    stale: list[Stale] = []
    spared: list[Spared] = []
    for one in find_stale(options.make_options(targets, env_file=env_file)):
        if isinstance(one, Stale):
            stale.append(one)
        else:
            spared.append(one)
    _show_spared(screen, spared)
    if not stale:
        screen.talk("no snapshot is stale")
        return 0
    if yes:
        return _delete(screen, stale)
    _list(screen, stale, "error" if check else "note", ["promptrun", "prune", *targets, "--yes"])
    return 1 if check else 0


def _show_spared(screen: Screen, spared: list[Spared]) -> None:
    from promptrun.reports.style import visible_line

    for one in spared[:MOST_SPARED]:
        screen.talk(f"kept  {visible_line(one.name)}: {visible_line(one.reason)}")
    if len(spared) > MOST_SPARED:
        screen.talk(f"kept  {len(spared) - MOST_SPARED:,} more")


def _list(screen: Screen, stale: list[Stale], word: str, words: list[str]) -> None:
    import shlex

    from promptrun.reports.problems import write_message
    from promptrun.reports.style import visible_line

    for one in stale:
        screen.data("\t".join(map(visible_line, (one.file, one.id, one.reason))))
    told = "1 file is stale" if len(stale) == 1 else f"{len(stale)} files are stale"
    hint = f"`{shlex.join(words)}` deletes what is listed"
    screen.talk(write_message(word, told, screen.style, hint=hint))


def _delete(screen: Screen, stale: list[Stale]) -> int:
    from promptrun.errors import SnapshotError
    from promptrun.pipeline.prune import delete_stale
    from promptrun.reports.problems import write_problem
    from promptrun.reports.style import visible_line

    deleted = 0
    for one in stale:
        try:
            delete_stale(one)
        except SnapshotError as error:
            screen.talk(write_problem(error, screen.style))
            continue
        deleted += 1
        screen.talk(f"deleted  {visible_line(one.file)}  {visible_line(one.id)}: {one.reason}")
    screen.talk("1 file deleted" if deleted == 1 else f"{deleted} files deleted")
    return 0 if deleted == len(stale) else 1
