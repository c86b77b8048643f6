"""All selected cases, asked for together when the first of them is wanted."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from promptrun.errors import PromptrunError, StoppedError, UsageError
from promptrun.models import CaseResult
from promptrun.pipeline.events import Stopped
from promptrun.pipeline.plan import make_plan
from promptrun.pipeline.run import run_plan
from promptrun.pytest_plugin.asking import call_apart, make_options
from promptrun.pytest_plugin.settled import Settled, settle_error, settle_result

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import pytest


class Wanted(Struct, frozen=True, kw_only=True):
    """A case that was selected, and the item that stands for it."""

    node_id: str
    root: Path
    """Of the project."""
    spec: Path
    """A real path."""
    spec_id: str
    case: str


class Batch:
    """One run over `wanted`, driven no further than its results are needed.

    `tell` is called with each outcome as soon as it is there.
    """

    def __init__(
        self,
        config: pytest.Config,
        wanted: Sequence[Wanted],
        tell: Callable[[Settled], None] = lambda _: None,
    ) -> None:
        self._tell = tell
        # A row may bear the name by which a bad row is called: the worse counts for both.
        self._awaited = Counter(one.node_id for one in wanted)
        self._worst: dict[str, Settled] = {}
        self._settled: dict[str, Settled] = {}
        self._coming = ask_for(config, wanted)

    def get(self, node_id: str) -> Settled:
        """The outcome of one item; waits until it is there."""
        while node_id not in self._settled:
            if not self._advance():
                return settle_error(node_id, UsageError("the run ended before this case"))
        return self._settled[node_id]

    def drain(self) -> None:
        """Go on to the end."""
        while self._advance():
            pass

    def close(self) -> None:
        """Cancel what is under way."""
        call_apart(self._coming.close)

    def _advance(self) -> bool:
        settled = call_apart(lambda: next(self._coming, None))
        if settled is None:
            return False
        worst = self._worst.get(settled.id)
        if worst is None or worst.outcome == "passed":
            self._worst[settled.id] = settled
        self._awaited[settled.id] -= 1
        if not self._awaited[settled.id]:
            self._settled[settled.id] = self._worst.pop(settled.id)
            self._tell(self._settled[settled.id])
        return True


def ask_for(config: pytest.Config, wanted: Sequence[Wanted]) -> Generator[Settled]:
    """The outcome of each item, as it comes; project by project, for each has its own settings.

    A project whose cases cannot be asked for at all gives its items that error.
    """
    by_root = sorted(wanted, key=lambda one: one.root)
    for _, group in groupby(by_root, key=lambda one: one.root):
        together = list(group)
        left = Counter(one.node_id for one in together)
        try:
            for settled in _ask_project(config, together):
                left[settled.id] -= 1
                yield settled
        except PromptrunError as error:
            yield from (settle_error(node_id, error) for node_id in left.elements())


def _ask_project(config: pytest.Config, wanted: Sequence[Wanted]) -> Iterator[Settled]:
    # Case by case, so that nothing is asked of the settings that only other cases need.
    options = make_options(config, dict.fromkeys(f"{one.spec}::{one.case}" for one in wanted))
    plan = make_plan(options, sends=not options.replay)
    # One spec may have been collected by two paths, of which one is a link.
    items: dict[str, dict[str, Wanted]] = {}
    for one in wanted:
        shown = f"{plan.masker.mask_text(one.spec_id)}::{plan.masker.mask_text(one.case)}"
        items.setdefault(shown, {})[one.node_id] = one
    shown_from = config.invocation_params.dir
    for event in run_plan(plan):
        if isinstance(event, CaseResult):
            for one in items.get(event.id, {}).values():
                yield settle_result(one.node_id, event, one.spec, shown_from)
        elif isinstance(event, Stopped):
            raise StoppedError(f"not asked: {event.reason}", hint=event.hint)
