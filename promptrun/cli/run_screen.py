"""What a run shows while it goes on and when it has ended."""

from __future__ import annotations

import os
import shlex
from collections import Counter, deque
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Literal, Self

from promptrun.files.json import pretty
from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.events import Delayed, NotRecorded, StreamPiece, StreamRestarted
from promptrun.reports.problems import write_problem
from promptrun.reports.style import visible, visible_json, visible_line
from promptrun.reports.text import (
    NEEDS_READING,
    write_details,
    write_replies,
    write_reply,
    write_summary,
    write_verdict,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from promptrun.cli.screen import Screen
    from promptrun.pipeline.events import Event
    from promptrun.pipeline.plan import Plan

Form = Literal["text", "json", "raw"]

MANY = 20
"""A run of one spec prints its replies up to this number of cases; beyond it is a test run."""

WORTH_TELLING = 5.0
"""Seconds: a shorter wait between two tries is no news to a log."""


class RunScreen:
    """Prints events as they come; counts verdicts for the exit code."""

    def __init__(
        self,
        screen: Screen,
        plan: Plan,
        *,
        form: Form,
        quiet: bool,
        verbose: bool,
    ) -> None:
        ids = [case.id for _, case in islice(plan.all_cases(), MANY + 1)]
        few = len(plan.specs) == 1 and len(ids) <= MANY
        self._screen = screen
        self._form = form
        self._quiet = quiet
        self._alone = len(ids) == 1
        self._replies = verbose or few
        self._known = len(ids) if len(ids) <= MANY else None
        self._order = deque(ids if few else ())
        self._ready: dict[str, CaseResult] = {}
        self._live = False
        self._told_setup = False
        self._status = _Status(screen)
        self._begun = monotonic()
        self._pending: list[tuple[str, str, Verdict]] = []
        """Spec, case and verdict of each reply that accepting would settle."""
        self._hints: dict[str, None] = {}
        self._false_alarms: list[float] = []
        self._plan = plan
        self.counts: Counter[Verdict] = Counter()
        self.updated = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_live_text()
        self._status.clear()
        if kind is not None:
            self._show_waiting()

    def show_setup(self, done: int, total: int) -> None:
        """Progress of the one download that a run may begin with."""
        if self._screen.err_is_terminal:
            megabytes = f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
            self._status.show(f"fetching the embedded model, once: {megabytes}")
        elif not self._told_setup:
            self._screen.talk(f"fetching the embedded model, once: {total / 1e6:.0f} MB")
        self._told_setup = True

    def show(self, event: Event) -> None:
        """Take one event of the run."""
        match event:
            case StreamPiece():
                self._show_piece(event)
            case StreamRestarted():
                if self._live:
                    self._end_live_text()
                    self._screen.talk("the stream broke; asking again")
            case Delayed():
                self._show_delay(event)
            case NotRecorded():
                self._status.clear()
                self._end_live_text()
                self._screen.talk(write_problem(event.error, self._screen.style, word="warning"))
            case CaseResult():
                self._take_result(event)

    def _show_delay(self, delayed: Delayed) -> None:
        told = f"waiting {delayed.seconds:.0f} s to ask again: {visible_line(delayed.reason)}"
        if self._screen.err_is_terminal:
            self._status.show(told)
        elif delayed.seconds >= WORTH_TELLING:
            self._screen.talk(f"{visible_line(delayed.id)}: {told}")

    def _show_piece(self, piece: StreamPiece) -> None:
        shown = self._alone and self._form == "text" and not self._quiet
        if not (shown and piece.index == 0):
            return
        self._status.clear()
        self._live = True
        terminal = self._screen.out_is_terminal
        self._screen.data(visible(piece.text) if terminal else piece.text, end="")

    def _end_live_text(self) -> None:
        if self._live:
            self._screen.data("")
        self._live = False

    def _take_result(self, result: CaseResult) -> None:
        self.counts[result.verdict] += 1
        self.updated += result.written and result.verdict is Verdict.CHANGED
        if result.pending and result.verdict not in {Verdict.FAILED, Verdict.ERROR}:
            # Accepting what breaks an expectation, or was not judged, would not make it pass.
            self._pending.append((result.spec, result.case, result.verdict))
        if result.hint:
            self._hints[result.hint] = None
        if result.sets is not None and result.sets.before and result.sets.can_alarm:
            self._false_alarms.append(result.sets.false_alarms)
        if not self._order:
            self._print(result)
        else:
            self._ready[result.id] = result
            while self._order and self._order[0] in self._ready:
                self._print(self._ready.pop(self._order.popleft()))
        done = self.counts.total()
        self._status.show(f"{done} of {self._known} done" if self._known else f"{done} done")

    def _show_waiting(self) -> None:
        """An interrupted run still shows what it has."""
        for result in self._ready.values():
            self._print(result)
        self._ready.clear()

    def _print(self, result: CaseResult) -> None:
        self._status.clear()
        worth_reading = self._worth_reading(result)
        if self._form == "json":
            from promptrun.reports.json_report import write_result

            indent = self._alone and self._screen.out_is_terminal
            self._screen.data(self._safe(write_result(result, indent=indent)))
        elif self._form == "raw":
            for reply in result.replies or filter(None, [result.reply]):
                self._screen.data(self._safe(pretty(reply.raw)))
        elif self._replies and result.reply and (worth_reading or not self._quiet):
            self._print_reply(result)
        self._end_live_text()
        if worth_reading:
            self._print_verdict(result)

    def _print_reply(self, result: CaseResult) -> None:
        assert result.reply is not None  # noqa: S101 - asked by the caller
        if result.replies:
            self._screen.data(write_replies(result, terminal=self._screen.out_is_terminal))
            return
        # Choice 0 of a stream stands there already; it only lacked its line end.
        shown = 1 if self._live else 0
        self._end_live_text()
        text = write_reply(result.reply, terminal=self._screen.out_is_terminal, skip=shown)
        if text or not shown:
            self._screen.data(text)

    def _safe(self, text: str) -> str:
        return visible_json(text) if self._screen.out_is_terminal else text

    def _worth_reading(self, result: CaseResult) -> bool:
        if result.verdict in NEEDS_READING - {Verdict.SKIPPED}:
            return True
        if self._quiet:
            return False
        return self._replies or result.verdict is not Verdict.PASSED or bool(result.warnings)

    def _print_verdict(self, result: CaseResult) -> None:
        style = self._screen.style
        self._screen.talk(write_verdict(result, style))
        for text in write_details(result, style):
            self._screen.talk(text)

    def finish(self) -> None:
        """The last lines: what came of it all, and the command that goes on from there."""
        self._show_waiting()
        style = self._screen.style
        if not self.counts.total():
            self._screen.talk("no case was selected")
        elif not self._alone and not (self._quiet and self._all_well()):
            seconds = monotonic() - self._begun
            self._screen.talk(
                write_summary(self.counts, style, updated=self.updated, seconds=seconds)
            )
        if self._false_alarms and not self._quiet:
            from promptrun.reports.sets import write_false_alarms

            self._screen.talk(write_false_alarms(self._false_alarms))
        hint = style.paint("hint", "bold")
        for text in self._hints:
            self._screen.talk(f"{hint}: {text}")
        if self._pending:
            targets = self._accept_targets()
            only_new = all(verdict is Verdict.MISSING for _, _, verdict in self._pending)
            what = "them as the first snapshots" if only_new else "what changed"
            told = f"{_command('accept', targets)} takes {what}"
            if len(self._pending) > 1:
                told = f"{_command('review', targets)} shows one after the other; {told}"
            self._screen.talk(f"{hint}: {told}")

    def _accept_targets(self) -> list[str]:
        """What names the replies that wait, from the folder in which the command was typed."""
        options = self._plan.options
        if len(self._pending) > 1:
            return list(options.targets)
        [(spec, case, _)] = self._pending
        specs = {planned.spec.id: planned.spec.path for planned in self._plan.specs}
        return [f"{os.path.relpath(specs[spec], options.cwd)}::{case}"]

    def _all_well(self) -> bool:
        return not any(self.counts[verdict] for verdict in NEEDS_READING)


def _command(name: str, targets: Sequence[str]) -> str:
    return visible_line(shlex.join(["promptrun", name, *targets]))


class _Status:
    """One line at the bottom of a terminal that is written over again and again."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._shown = False

    def show(self, text: str) -> None:
        """Replace the line; off a terminal nothing is shown."""
        if self._screen.err_is_terminal:
            self._screen.talk(f"\r\x1b[K{text[: self._screen.style.width - 1]}", end="")
            self._shown = True

    def clear(self) -> None:
        """Take the line away, so that other text can stand in its place."""
        if self._shown:
            self._screen.talk("\r\x1b[K", end="")
            self._shown = False
