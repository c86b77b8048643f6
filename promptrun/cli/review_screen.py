"""The screen of `promptrun review`: a change, a line of keys, and what the key did."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

import click

from promptrun.cli.editor import edit_file
from promptrun.cli.settled import show_one
from promptrun.errors import PromptrunError
from promptrun.pipeline.review import (
    Change,
    Group,
    accept_all,
    as_result,
    find_changes,
    group_changes,
    holds_set,
    reject_all,
    waiting_replies,
)
from promptrun.reports.differences import MAX_LINE, MAX_LINES
from promptrun.reports.problems import write_message, write_problem
from promptrun.reports.style import visible, visible_line
from promptrun.reports.text import write_details, write_reply
from promptrun.snapshots.sets import judgements_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from promptrun.cli.screen import Screen
    from promptrun.pipeline.changes import Settled
    from promptrun.pipeline.options import Options

KEYS: Final = {
    "a": ("accept", "the reply becomes the snapshot"),
    "r": ("reject", "the reply is dropped, and the snapshot stays as it is"),
    "s": ("skip", "the reply waits on"),
    "f": ("accept this file", "whatever waits for the cases of this spec, unseen"),
    "e": ("edit the spec", "opens your editor; then the change is shown again"),
    "q": ("quit", "all that was not settled waits on"),
}
"""Each key, its word, and what it does."""

# The same keys of the Korean keyboard, for whoever forgot to switch.
_HANGUL: Final = dict(zip("ㅁㄱㄴㄹㄷㅂ", KEYS, strict=True))
LONGEST_KEY: Final = 8
"""Characters of a key that there is not, which are shown: what is pasted is one key, too."""
_MOST_IDS: Final = 8
"""Ids of alike changes that are listed beside the one that is shown."""


def list_changes(screen: Screen, changes: Sequence[Change]) -> None:
    """What waits, a line each on stdout, and how to answer without a terminal."""
    for change in changes:
        screen.data(f"{visible_line(change.id)}\t{change.word}")
    waits = "1 reply waits" if len(changes) == 1 else f"{len(changes)} replies wait"
    hint = "answer with `promptrun accept` or `promptrun reject`, or review in a terminal"
    screen.talk(write_message("note", waits, screen.style, hint=hint))


class ReviewScreen:
    """Leads through groups of changes; what is accepted is on the disk before the next is shown."""

    def __init__(self, screen: Screen, options: Options, changes: Sequence[Change]) -> None:
        self._screen = screen
        self._options = options
        self._groups = deque(group_changes(changes))
        self._seen = 0
        self._answered: set[Path] = set()
        self._total = len(changes)
        self._counts: Counter[str] = Counter()

    def run(self) -> int:
        """Show change after change until none is left or the user quits; gives the exit code."""
        try:
            while self._groups:
                self._show(self._groups[0])
                if not self._answer(self._groups[0]):
                    break
        finally:
            # An interrupt has settled things as well.
            self._screen.talk(self._summary())
        return 1 if self._counts["refused"] else 0

    def _show(self, group: Group) -> None:
        change, style = group.first, self._screen.style
        total = self._seen + len(self._groups)
        counter = style.paint(f"[{self._seen + 1}/{total}]", "bold")
        causes = ", ".join(change.comparison.causes) if change.comparison else ""
        verdict = "failed" if change.fails else "changed"
        word = f"{verdict} ({causes})" if causes else change.word
        place = change.pending.path.relative_to(change.project.root).as_posix()
        told = style.paint(visible_line(place), "dim")
        verdict = f"{counter} {style.paint(word, 'yellow')}"
        self._screen.talk("\n" + style.flow([verdict, visible_line(change.id), told]))
        for line in self._details(group):
            self._screen.talk(line)

    def _details(self, group: Group) -> Iterator[str]:
        change, style = group.first, self._screen.style
        if change.pending.moves:
            old = change.pending.moves.relative_to(change.project.root).as_posix()
            yield style.fold_text(f"  takes over `{visible_line(old)}`, whose case is gone")
        if change.comparison is not None and change.comparison.equal:
            yield "  the reply is equal"
        yield from write_details(as_result(change), style)
        if change.comparison is None or holds_set(change):
            for reply, count in waiting_replies(change):
                if holds_set(change):
                    yield f"  {count} of the replies:"
                yield from _bounded(write_reply(reply, terminal=True))
        yield from _judgements(group)
        if len(group.changes) > 1:
            yield style.fold_text(_alike(group))
        if change.refusal:
            yield write_problem(change.refusal, style, word="it cannot be accepted")

    def _answer(self, group: Group) -> bool:
        """Do what the user wants with a group; False to end."""
        match key := self._ask(group):
            case "a":
                self._settle(accept_all, "accepted", group.changes)
            case "r":
                self._settle(reject_all, "rejected", group.changes)
            case "s":
                self._leave_out(group.changes)
            case "f":
                self._accept_file(group.first)
            case "e":
                self._edit(group.first)
        return key != "q"

    def _ask(self, group: Group) -> str:
        """Offer the keys of a group until one of them is struck."""
        keys, style = self._offered(group), self._screen.style
        words = {key: KEYS[key][0] for key in keys} | {"?": "help"}
        line = style.flow([f"{style.paint(key, 'bold')} {words[key]}" for key in words], hang=0)
        while True:
            self._screen.talk(line)
            key = _read_key()
            if key in keys:
                return key
            if key != "?":
                self._screen.talk(f"  no key `{visible_line(key[:LONGEST_KEY])}`")
                continue
            for each in keys:
                for row in style.fold(f"  {each}  {KEYS[each][0]}: {KEYS[each][1]}", 5):
                    self._screen.talk(row)

    def _offered(self, group: Group) -> list[str]:
        left_out = set()
        if group.first.refusal:
            left_out.add("a")
        if group.first.spec is None:
            left_out |= {"e", "f"}
        return [key for key in KEYS if key not in left_out]

    def _settle(
        self,
        act: Callable[[Sequence[Change]], Iterator[Settled]],
        word: str,
        changes: Sequence[Change],
    ) -> None:
        self._leave_out(changes)
        for settled in act(changes):
            show_one(self._screen, settled, word)
            self._counts["refused" if settled.refused else word] += 1

    def _accept_file(self, first: Change) -> None:
        waiting = (change for group in self._groups for change in group.changes)
        same = [one for one in waiting if one.spec == first.spec and not one.refusal]
        self._settle(accept_all, "accepted", same)

    def _leave_out(self, changes: Iterable[Change]) -> None:
        """Take what is answered out of the groups that are still to be shown."""
        self._answered |= {change.pending.path for change in changes}
        before = len(self._groups)
        self._groups = deque(
            Group(changes=rest)
            for group in self._groups
            if (rest := tuple(self._unanswered(group.changes)))
        )
        self._seen += before - len(self._groups)

    def _unanswered(self, changes: Iterable[Change]) -> Iterator[Change]:
        return (each for each in changes if each.pending.path not in self._answered)

    def _edit(self, change: Change) -> None:
        assert change.spec is not None  # noqa: S101 - else the key is not offered
        problem = edit_file(change.spec)
        if problem:
            self._screen.talk(write_message("error", problem, self._screen.style))
        try:
            changes = find_changes(self._options)
        except PromptrunError as error:
            self._screen.talk(write_problem(error, self._screen.style))
            return
        self._groups = deque(group_changes(self._unanswered(changes)))

    def _summary(self) -> str:
        accepted, rejected = self._counts["accepted"], self._counts["rejected"]
        left = self._total - accepted - rejected
        waits = "1 still waits" if left == 1 else f"{left} still wait"
        return f"{accepted} accepted, {rejected} rejected, {waits}"


def _read_key() -> str:
    """One key without Enter; `q` where the terminal is closed."""
    try:
        key = click.getchar()
    except EOFError:
        return "q"
    if "\x03" in key:
        # Struck together with others, it comes as a part of a longer text.
        raise KeyboardInterrupt
    return _HANGUL.get(key, key) if key else "q"


def _bounded(text: str) -> Iterator[str]:
    lines = text.split("\n")
    for line in lines[:MAX_LINES]:
        cut = "" if len(line) <= MAX_LINE else f"…{len(line) - MAX_LINE:,} more characters"
        yield f"  {visible(line[:MAX_LINE])}{cut}".rstrip()
    if len(lines) > MAX_LINES:
        yield f"  ⋮ {len(lines) - MAX_LINES:,} more lines"


def _judgements(group: Group) -> Iterator[str]:
    """What the snapshots would keep of judges: of all cases of a group, since it may differ."""
    said = [
        f"{one['score']} {visible(one['reason'])}"
        for change in group.changes
        if change.pending.snapshot is not None
        for one in judgements_of(change.pending.snapshot).values()
    ]
    if said:
        yield "  judges said:"
        yield from (f"  {line}" for line in _bounded("\n".join(said)))


def _alike(group: Group) -> str:
    others = [visible_line(change.id) for change in group.changes[1:]]
    shown = ", ".join(others[:_MOST_IDS])
    more = f", and {len(others) - _MOST_IDS} more" if len(others) > _MOST_IDS else ""
    cases = "1 other case" if len(others) == 1 else f"{len(others)} other cases"
    return f"  and the same in {cases}: {shown}{more}"
