"""What waits, as it lies on the desk of whoever reviews: read from the disk, and settled once."""

from __future__ import annotations

from collections import Counter, deque
from time import monotonic
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from promptrun.errors import PromptrunError
from promptrun.pipeline.changes import select as select_projects
from promptrun.pipeline.review import Change, accept_all, find_changes, reject_all
from promptrun.web.choose import (
    Filter,
    Item,
    digest_all,
    digest_change,
    key_of,
    make_items,
    select,
)
from promptrun.web.stamp import Stamp, has_moved, keep_of, take_stamp
from promptrun.web.told import Told, tell

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.pipeline.options import Options

MOST_TOLD: Final = 1_000
"""Changes that were settled and are remembered, for the other tabs."""

_FRESH: Final = 2.0
"""Seconds in which what was read is as good as new."""
_LONG: Final = 1.0
"""Seconds: reading that takes longer must not take all the time that there is."""


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody decided on what he was shown."""

    act: Literal["accept", "reject"]
    shown: str
    """The digest of what he was shown: of an item, or of a whole plan."""
    key: str | None = None
    """The item; None for all that the filter lets through."""
    filter: Filter = Filter()


class Plan(Struct, frozen=True, kw_only=True):
    """What accepting or rejecting all that a filter lets through would settle."""

    changes: tuple[Change, ...]
    refused: tuple[Change, ...]
    """Those that it would leave, since they cannot be accepted."""
    shown: str


class Answer(Struct, frozen=True, kw_only=True):
    """What an order led to."""

    told: tuple[Told, ...] = ()
    moved: str | None = None
    """Why nothing was done: what was shown is not what is there."""


class Desk:
    """The changes of one review. One thread at a time may call it, but for what is read alone."""

    def __init__(self, options: Options) -> None:
        """Read what waits; raises PromptrunError where the command line cannot be meant."""
        self._options = options
        self._roots: tuple[Path, ...] = tuple(one.project.root for one in select_projects(options))
        self._changes: list[Change] = []
        self._digests: dict[str, str] = {}
        self._stamp: Stamp = {}
        self._read_at = 0.0
        self._rest = 0.0
        """Seconds after reading in which only a decision reads again."""
        self._items: tuple[int, Filter, list[Item]] | None = None
        """The last list that was asked for, with its version: grouping thousands takes a while."""
        self._closing = False
        self.problem: PromptrunError | None = None
        """Why what waits cannot be read."""
        self.version = 0
        """Goes up whenever another list is there."""
        self.told: deque[Told] = deque(maxlen=MOST_TOLD)
        self.counts: Counter[str] = Counter()
        """How many were accepted, rejected and refused in this review."""
        self.under_way: tuple[int, int] | None = None
        """How many changes of how many are settled, while an order is carried out."""
        self._read()
        if self.problem is not None:
            raise self.problem

    @property
    def waiting(self) -> int:
        """How many replies wait."""
        return len(self._changes)

    @property
    def specs(self) -> list[str]:
        """The specs that something waits for, sorted."""
        return sorted({change.pending.spec for change in self._changes if change.pending.spec})

    def close(self) -> None:
        """Let an order that is carried out end with the change that it is at."""
        self._closing = True

    def refresh(self, *, force: bool = False) -> None:
        """Read what waits anew where anything moved on the disk.

        With `force`, read it anyway, but for what was read just now. Where that takes long, and a
        run goes on that always moves something, there is time between for everything else.
        """
        since = monotonic() - self._read_at
        if (force and since > _FRESH) or (since > self._rest and self._is_old()):
            self._read()

    def items(self, wanted: Filter) -> list[Item]:
        """The groups that a filter lets through."""
        if self._items is None or self._items[:2] != (self.version, wanted):
            items = make_items(select(self._changes, wanted), self._digests)
            self._items = self.version, wanted, items
        return self._items[2]

    def plan(self, act: Literal["accept", "reject"], wanted: Filter) -> Plan:
        """What an order without a key would do."""
        chosen = select(self._changes, wanted)
        refused = [one for one in chosen if one.refusal is not None and act == "accept"]
        changes = [one for one in chosen if one.refusal is None or act == "reject"]
        return Plan(
            changes=tuple(changes),
            refused=tuple(refused),
            shown=digest_all(changes, self._digests),
        )

    def settle(self, order: Order) -> Answer:
        """Do what was decided, where everything is still as it was shown; else do nothing."""
        chosen = self._find(order)
        if not isinstance(chosen, str) and has_moved(self._stamp, chosen):
            self._read()
            chosen = self._find(order)
        if isinstance(chosen, str):
            return Answer(moved=chosen)
        return Answer(told=self._settle(order.act, chosen))

    def _is_old(self) -> bool:
        return self.problem is not None or self._stamp != take_stamp(self._roots, self._changes)

    def _find(self, order: Order) -> tuple[Change, ...] | str:
        """The changes that are meant; why there are none where another state of them was shown."""
        if order.key is None:
            plan = self.plan(order.act, order.filter)
            if plan.shown != order.shown:
                return "what waits is not what was listed any more: nothing was done"
            return plan.changes
        items = self.items(order.filter)
        item = next((one for one in items if one.key == order.key), None)
        if item is None:
            return self._what_became_of(order.key)
        if item.shown != order.shown:
            return f"`{item.group.first.id}` moved meanwhile: look at it again"
        return item.group.changes

    def _settle(
        self, act: Literal["accept", "reject"], changes: tuple[Change, ...]
    ) -> tuple[Told, ...]:
        word: Literal["accepted", "rejected"] = "accepted" if act == "accept" else "rejected"
        steps = accept_all(changes) if act == "accept" else reject_all(changes)
        lines: list[Told] = []
        try:
            for change, settled in zip(changes, steps, strict=True):
                number = self.told[-1].number + 1 if self.told else 1
                line = tell(settled, word, number=number, key=key_of(change))
                lines.append(line)
                self.told.append(line)
                self.counts[line.kind] += 1
                self.under_way = len(lines), len(changes)
                if self._closing:
                    break
        finally:
            self.under_way = None
            self._take_away(changes[: len(lines)], refused=any(x.kind == "refused" for x in lines))
        return tuple(lines)

    def _take_away(self, changes: tuple[Change, ...], *, refused: bool) -> None:
        """Forget what was settled; nothing else is read anew for it."""
        if refused:
            self._read()
            return
        settled = {change.pending.file for change in changes}
        left = [one for one in self._changes if one.pending.file not in settled]
        # Whatever else moved meanwhile still differs from this.
        self._stamp = keep_of(self._stamp, left)
        self._show(left, {key: self._digests[key] for key in map(key_of, left)})

    def _read(self) -> None:
        began = monotonic()
        # Taken before: what comes to wait meanwhile is found the next time.
        waiting = take_stamp(self._roots, ())
        try:
            changes = find_changes(self._options)
            self.problem = None
        except PromptrunError as problem:
            changes, self.problem = [], problem
        self._stamp = waiting | take_stamp((), changes)
        self._read_at = monotonic()
        took = self._read_at - began
        self._rest = 4 * took if took > _LONG else 0.0
        self._show(changes, {key_of(change): digest_change(change) for change in changes})

    def _show(self, changes: list[Change], digests: dict[str, str]) -> None:
        if digests != self._digests or not self.version:
            self.version += 1
        self._changes, self._digests = changes, digests

    def _what_became_of(self, key: str) -> str:
        for line in reversed(self.told):
            if line.key == key and line.kind != "refused":
                return f"`{line.id}` was {line.kind} already: nothing was done"
        return "it does not wait any more: nothing was done"
