"""How `accept` and `reject` say what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.reports.problems import write_problem
from promptrun.reports.style import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from promptrun.cli.screen import Screen
    from promptrun.pipeline.changes import Settled


def show_settled(screen: Screen, changes: Iterable[Settled], word: str) -> int:
    """A line a change; 1 where any was refused, else 0."""
    total = refused = 0
    for change in changes:
        total += 1
        if change.refused:
            refused += 1
            screen.talk(write_problem(change.refused, screen.style))
        else:
            screen.talk(f"{word}  {visible_line(change.id)}  {visible_line(change.snapshot)}")
    if not total:
        screen.talk("nothing is pending")
    return 1 if refused else 0
