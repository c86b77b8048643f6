"""What came of a run: counted while it goes on, told when it has ended."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from typing import TYPE_CHECKING, Final

from promptrun.models import CaseResult, Failure, Verdict
from promptrun.reports.problems import write_message
from promptrun.reports.style import visible_line
from promptrun.reports.text import NEEDS_READING, write_summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from promptrun.pipeline.events import Stopped
    from promptrun.pipeline.plan import Plan
    from promptrun.reports.style import Style

MOST_HINTS: Final = 5
"""Hints that a run tells, each once."""
MOST_FAILURES: Final = 20
"""Failures that are known again."""
_SHARED: Final = frozenset({"auth", "quota", "setup", "rate_limit"})
"""Kinds of failure that say nothing of the case which met them."""


class Ending:
    """Counts results, and keeps no more of them than the last lines tell."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._waiting = 0
        """Replies that accepting would settle."""
        self._first: tuple[str, str] | None = None
        """Spec and case of the first of them."""
        self._only_new = True
        self._hints: dict[str, None] = {}
        self._sampled = 0
        self._false_alarms = 0.0
        """The sum of the chances of the sampled cases."""
        self._failures: dict[Failure, int] = {}
        self.counts: Counter[Verdict] = Counter()
        self.updated = 0
        self.stopped: Stopped | None = None

    def add(self, result: CaseResult) -> None:
        """Count a result."""
        self.counts[result.verdict] += 1
        self.updated += result.written and result.verdict is Verdict.CHANGED
        if result.pending and result.verdict not in {Verdict.FAILED, Verdict.ERROR}:
            # Accepting what breaks an expectation, or was not judged, would not make it pass.
            self._waiting += 1
            self._first = self._first or (result.spec, result.case)
            self._only_new = self._only_new and result.verdict is Verdict.MISSING
        if result.hint and len(self._hints) < MOST_HINTS:
            self._hints[result.hint] = None
        if result.sets is not None and result.sets.before and result.sets.can_alarm:
            self._sampled += 1
            self._false_alarms += result.sets.false_alarms

    def was_told(self, failure: Failure) -> bool:
        """Whether another case met the same, and it was no fault of either; counted if so."""
        if failure.kind not in _SHARED:
            return False
        key = Failure(
            kind=failure.kind,
            message=failure.message,
            hint=failure.hint,
            status=failure.status,
            code=failure.code,
        )
        if key in self._failures:
            self._failures[key] += 1
            return True
        if len(self._failures) < MOST_FAILURES:
            self._failures[key] = 0
        return False

    def write(self, style: Style, *, seconds: float, summary: bool, quiet: bool) -> Iterator[str]:
        """The last lines but for why a run was stopped."""
        for count in filter(None, self._failures.values()):
            yield f"{count:,} more {'case' if count == 1 else 'cases'} got the same answer"
        if not self.counts.total():
            if self.stopped is None:
                yield "no case was selected"
        elif summary and not (quiet and self._all_well()):
            yield write_summary(self.counts, style, updated=self.updated, seconds=seconds)
        if self._sampled and not quiet:
            from promptrun.reports.sets import write_false_alarms

            yield style.fold_text(write_false_alarms(self._sampled, self._false_alarms))
        hint = style.paint("hint", "bold")
        for text in self._hints:
            yield style.fold_text(f"{hint}: {text}")
        for command, told in self._how_to_settle():
            yield _write_hint(command, told, style)

    def write_stopped(
        self, stopped: Stopped, style: Style, *, total: int | None, typed: Sequence[str]
    ) -> Iterator[str]:
        """Why a run ended early, what it has, and the command that goes on with it.

        `typed` are the arguments of this run, without those that name another to go on with.
        """
        count = self.counts.total()
        of = f" of {total:,}" if total is not None else ""
        noun = "case" if count == 1 and total in {1, None} else "cases"
        verb = "has" if count == 1 else "have"
        message = f"{stopped.reason}\n{count:,}{of} {noun} {verb} a result"
        was_told = any(failure.hint == stopped.hint for failure in self._failures)
        hint = None if was_told else stopped.hint
        yield style.fold_text(write_message("stopped", message, style, hint=hint))
        if stopped.run_id is not None:
            # Where a case is not well, it would stop there again.
            typed = [one for one in typed if one != "--fail-fast" or self._all_well()]
            words = ["promptrun", *typed, "--run", stopped.run_id]
            command = visible_line(self._plan.masker.mask_text(shlex.join(words)))
            yield _write_hint(command, "goes on from here", style)

    def write_cut_short(self, style: Style, typed: Sequence[str]) -> Iterator[str]:
        """How to go on with a run that ended on the spot."""
        options = self._plan.options
        if options.record and not options.replay and options.again is None:
            words = ["promptrun", *typed, "--resume"]
            command = visible_line(self._plan.masker.mask_text(shlex.join(words)))
            yield _write_hint(command, "goes on with what was answered", style)

    def _how_to_settle(self) -> Iterator[tuple[str, str]]:
        """The commands that settle what waits, each with what it does."""
        if not self._waiting:
            return
        targets, several = self._accept_targets(), self._waiting > 1
        if several:
            yield _command("review", targets), "shows one after the other"
        first = "them as the first snapshots" if several else "it as the first snapshot"
        yield _command("accept", targets), f"takes {first if self._only_new else 'what changed'}"

    def _accept_targets(self) -> list[str]:
        """What names the replies that wait, from the folder in which the command was typed."""
        options = self._plan.options
        if self._waiting > 1 or self._first is None:
            return list(options.targets)
        spec, case = self._first
        specs = {planned.spec.id: planned.spec.path for planned in self._plan.specs}
        return [f"{os.path.relpath(specs[spec], options.cwd)}::{case}"]

    def _all_well(self) -> bool:
        return not any(self.counts[verdict] for verdict in NEEDS_READING)


def _write_hint(command: str, told: str, style: Style) -> str:
    """A command stays in one piece, so that it can be copied."""
    return style.flow([f"{style.paint('hint', 'bold')}: {command}", told], gap=" ")


def _command(name: str, targets: Sequence[str]) -> str:
    return visible_line(shlex.join(["promptrun", name, *targets]))
