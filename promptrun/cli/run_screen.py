"""What a run prints: its replies and verdicts as they come, the last lines when it has ended."""

from __future__ import annotations

from collections import deque
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Literal, Self

from promptrun.cli.run_ending import Ending
from promptrun.cli.run_status import RunStatus
from promptrun.files.json import pretty
from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.confirm import CaseCount
from promptrun.pipeline.events import (
    Delayed,
    NotRecorded,
    Progress,
    Stopped,
    StreamPiece,
    StreamRestarted,
)
from promptrun.reports.problems import write_problem
from promptrun.reports.style import visible, visible_json
from promptrun.reports.text import (
    NEEDS_READING,
    write_details,
    write_replies,
    write_reply,
    write_verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from promptrun.cli.screen import Screen
    from promptrun.pipeline.events import Event
    from promptrun.pipeline.plan import Plan

Form = Literal["text", "json", "raw", "report"]

MANY = 20
"""A run of one spec prints its replies up to this number of cases; beyond it is a test run."""

LAST_COUNT = 0.2
"""Seconds that the last lines wait for the number of cases."""


class RunScreen:
    """Prints events as they come; of the results, no more is kept than is still to be told.

    `typed` are the arguments of the run, without those that name another run to go on with.
    """

    def __init__(
        self,
        screen: Screen,
        plan: Plan,
        *,
        form: Form,
        quiet: bool,
        verbose: bool,
        typed: Sequence[str] = (),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        ids = [case.id for _, case in islice(plan.all_cases(), MANY + 1)]
        few = len(plan.specs) == 1 and len(ids) <= MANY
        self._screen = screen
        self._form = form
        self._quiet = quiet
        self._typed = typed
        self._alone = len(ids) == 1
        self._verbose = verbose
        self._replies = verbose or few
        # Of many first replies there is nothing to read but their number: git shows them.
        self._plain = {Verdict.PASSED, *([Verdict.NEW] if len(ids) > MANY else ())}
        self._order = deque(ids if few else ())
        self._ready: dict[str, CaseResult] = {}
        self._live = False
        count = CaseCount(plan, files=screen.can_redraw)
        self._status = RunStatus(screen, count, quiet=quiet, clock=clock)
        self._clock = clock
        self._begun = clock()
        self._ending = Ending(plan)
        self.show_setup = self._status.show_setup

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
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            for line in self._ending.write_cut_short(self._screen.style, self._typed):
                self._screen.talk(line)

    @property
    def ending(self) -> Ending:
        """What the exit code is decided by."""
        return self._ending

    def show(self, event: Event) -> None:
        """Take one event of the run."""
        match event:
            case CaseResult():
                self._take_result(event)
            case Progress():
                self._status.take(event, draw=not self._live)
            case StreamPiece():
                self._show_piece(event)
            case StreamRestarted():
                if self._live:
                    self._end_live_text()
                    self._screen.talk("the stream broke; asking again")
            case Delayed():
                self._status.delay(event, draw=not self._live)
            case NotRecorded():
                self._status.clear()
                self._end_live_text()
                self._screen.talk(write_problem(event.error, self._screen.style, word="warning"))
            case Stopped():
                self._ending.stopped = event

    def interrupting(self) -> None:
        """Say at once that the run is stopping; may be called from a signal handler."""
        self._status.say_at_once("\n" if self._live and self._screen.out_is_terminal else "")

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
        self._ending.add(result)
        if not self._order:
            self._print(result)
        else:
            self._ready[result.id] = result
            while self._order and self._order[0] in self._ready:
                self._print(self._ready.pop(self._order.popleft()))
        self._status.add_result()

    def _show_waiting(self) -> None:
        """A run that ended early still shows what it has."""
        for result in self._ready.values():
            self._print(result)
        self._ready.clear()

    def _print(self, result: CaseResult) -> None:
        worth_reading = self._worth_reading(result)
        if self._form == "json":
            from promptrun.reports.json_report import write_result

            indent = self._alone and self._screen.out_is_terminal
            self._data(self._safe(write_result(result, indent=indent)))
        elif self._form == "raw":
            for reply in result.replies or filter(None, [result.reply]):
                self._data(self._safe(pretty(reply.raw)))
        elif self._form == "text" and self._has_reply_to_show(result, worth_reading):
            self._print_reply(result)
        self._end_live_text()
        if worth_reading and not self._was_told(result):
            self._print_verdict(result)

    def _has_reply_to_show(self, result: CaseResult, worth_reading: bool) -> bool:
        return bool(self._replies and result.reply and (worth_reading or not self._quiet))

    def _print_reply(self, result: CaseResult) -> None:
        assert result.reply is not None  # noqa: S101 - asked by the caller
        if result.replies:
            self._data(write_replies(result, terminal=self._screen.out_is_terminal))
            return
        # Choice 0 of a stream stands there already; it only lacked its line end.
        shown = 1 if self._live else 0
        self._end_live_text()
        text = write_reply(result.reply, terminal=self._screen.out_is_terminal, skip=shown)
        if text or not shown:
            self._data(text)

    def _data(self, text: str) -> None:
        self._status.clear()
        self._screen.data(text)

    def _safe(self, text: str) -> str:
        return visible_json(text) if self._screen.out_is_terminal else text

    def _worth_reading(self, result: CaseResult) -> bool:
        if result.verdict in NEEDS_READING - {Verdict.SKIPPED}:
            return True
        if self._quiet:
            return False
        return self._replies or result.verdict not in self._plain or bool(result.warnings)

    def _was_told(self, result: CaseResult) -> bool:
        """Whether all there is to say was said of another case."""
        failure = result.failure
        return failure is not None and self._ending.was_told(failure) and not self._verbose

    def _print_verdict(self, result: CaseResult) -> None:
        style = self._screen.style
        self._status.clear()
        # What is folded away stands in no column.
        column = not (self._alone or self._screen.in_github_log)
        title, *more = write_verdict(result, style, column=column).split("\n")
        self._screen.talk_of(title, [*more, *write_details(result, style)])

    def finish(self) -> None:
        """The last lines: what came of it all, and the command that goes on from there."""
        self._show_waiting()
        self._status.clear()
        ending, style = self._ending, self._screen.style
        seconds = self._clock() - self._begun
        for text in ending.write(
            style, seconds=seconds, summary=not self._alone, quiet=self._quiet
        ):
            self._screen.talk(text)
        if ending.stopped is not None:
            total = self._status.total(LAST_COUNT)
            for text in ending.write_stopped(ending.stopped, style, total=total, typed=self._typed):
                self._screen.talk(text)
