"""How `accept`, `reject` and `review` say what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from promptrun.reports.acceptance import write_expectation
from promptrun.reports.problems import write_problem
from promptrun.reports.style import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from promptrun.cli.screen import Screen
    from promptrun.pipeline.changes import Settled


MOST_LEFT: Final = 20
"""Replies that were not asked for and are named all the same."""


def show_settled(
    screen: Screen, changes: Iterable[Settled], word: str, *, elsewhere: bool = False
) -> int:
    """A line a change; 1 where any was refused, else 0.

    `elsewhere`: they lie in somebody else's folder, and what is left there waits for nobody here.
    """
    total = refused = left = 0
    for change in changes:
        total += 1
        refused += change.refused is not None
        if not change.left:
            show_one(screen, change, word)
            continue
        left += 1
        if left <= MOST_LEFT:
            screen.talk(f"{'left' if elsewhere else 'waits'}  {_named(change)}")
    if not total:
        screen.talk("nothing is pending")
    elif left:
        screen.talk(_count_left(left, elsewhere=elsewhere))
    return 1 if refused else 0


def show_one(screen: Screen, change: Settled, word: str) -> None:
    """What was done with a change that was asked for, or why it was not."""
    if change.refused:
        screen.talk(write_problem(change.refused, screen.style))
    else:
        told = f"{word} already" if change.already else word
        screen.talk(f"{told}  {_named(change)}{write_expectation(change.outcomes)}")


def _named(change: Settled) -> str:
    return f"{visible_line(change.id)}  {visible_line(change.snapshot)}"


def _count_left(count: int, *, elsewhere: bool) -> str:
    if elsewhere:
        return f"{count} {'was' if count == 1 else 'were'} left there: the cause is another"
    return f"{count} {'waits' if count == 1 else 'wait'} still: the cause is another"
