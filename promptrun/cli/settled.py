"""How `accept`, `reject` and `review` say what they did."""

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
    total = refused = left = 0
    for change in changes:
        total += 1
        left += change.left
        refused += change.refused is not None
        show_one(screen, change, word)
    if not total:
        screen.talk("nothing is pending")
    elif left:
        screen.talk(f"{left} {'waits' if left == 1 else 'wait'} still: the cause is another")
    return 1 if refused else 0


def show_one(screen: Screen, change: Settled, word: str) -> None:
    """What was done, or why it was not; nothing for what was not asked for."""
    if change.refused:
        screen.talk(write_problem(change.refused, screen.style))
    elif not change.left:
        screen.talk(f"{word}  {visible_line(change.id)}  {visible_line(change.snapshot)}")
