"""Results on their way out: each leaves once what it wrote is on the disk, and it is recorded."""

from __future__ import annotations

from collections import Counter, deque
from time import monotonic
from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.exits import is_well, why_failed_fast
from promptrun.pipeline.faults import describe_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future, ThreadPoolExecutor
    from pathlib import Path

    from promptrun.errors import SnapshotError
    from promptrun.execute import Stop
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec
    from promptrun.pipeline.record import Recorder
    from promptrun.snapshots import KeptRequest

MOST_HELD = 100
LONGEST_HELD = 0.25
"""Seconds: snapshots reach the disk together, which is many times faster than one by one."""


_Held = tuple["Path", CaseResult, "KeptRequest | None"]


class Results:
    """Takes the results of a run in, and gives them out in the same order.

    What they wrote goes to the disk in a thread, while the run goes on.
    """

    def __init__(self, plan: Plan, stop: Stop, recorder: Recorder) -> None:
        self._fail_fast = plan.options.fail_fast
        self._stop = stop
        self._recorder = recorder
        self._stores = list({one.project.root: one.project.store for one in plan.specs}.values())
        self._held: list[_Held] = []
        self._since = 0.0
        self._flushed: list[_Held] = []
        """Whose files are on their way to the disk."""
        self._flushing: Future[None] | None = None
        self._broken: dict[Path, SnapshotError] = {}
        """What failed so far, by the snapshot's path: a flush may take along what is held later."""
        self._thread: ThreadPoolExecutor | None = None
        self._out: deque[CaseResult] = deque()
        self.counts: Counter[Verdict] = Counter()
        self.updated = 0
        """How many of the changed ones were accepted by `--update`."""
        for store in self._stores:
            store.begin_batch()

    def add(
        self, planned: PlannedSpec, result: CaseResult, request: KeptRequest | None = None
    ) -> None:
        """Take a result in; it leaves at the next `flush`, or at once where nothing was written."""
        root = planned.project.root
        self._look_at(result)
        if not (self._held or self._flushed or any(store.unflushed for store in self._stores)):
            self._let_out(root, result, request)
            return
        if not self._held:
            self._since = monotonic()
        self._held.append((root, result, request))

    @property
    def are_due(self) -> bool:
        """Whether what is held should go to the disk now, or has got there."""
        held = self._held
        if self._flushing is not None:
            return self._flushing.done()
        return len(held) >= MOST_HELD or bool(held and monotonic() - self._since >= LONGEST_HELD)

    def flush_soon(self) -> None:
        """Begin to bring what was written to the disk, and let out what has got there."""
        if self._flushing is None:
            if self._thread is None:
                from concurrent.futures import ThreadPoolExecutor

                self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshots")
            self._flushed, self._held = self._held, []
            self._flushing = self._thread.submit(self._flush_stores)
        elif self._flushing.done():
            self._collect()

    def flush(self) -> None:
        """Bring all that was written to the disk, and let out all results that waited for it."""
        self._collect()
        held, self._held = self._held, []
        self._flush_stores()
        self._let_all_out(held)

    def _collect(self) -> None:
        """Wait for what is on its way to the disk."""
        if self._flushing is not None:
            self._flushing.result()
            flushed, self._flushed, self._flushing = self._flushed, [], None
            self._let_all_out(flushed)

    def _flush_stores(self) -> None:
        for store in self._stores:
            if store.unflushed:
                self._broken |= store.flush()

    def _let_all_out(self, held: list[_Held]) -> None:
        broken = self._broken
        for root, written, request in held:
            result = _as_it_came_out(root, written, broken) if broken else written
            self._look_at(result)
            self._let_out(root, result, request)

    def _look_at(self, result: CaseResult) -> None:
        if self._fail_fast and not is_well(result):
            self._stop.ask(why_failed_fast(result), wished=True)

    def close(self) -> None:
        """Flush for the last time; an interrupt in the middle leaves no temporary files."""
        try:
            self.flush()
        finally:
            for store in self._stores:
                store.abort_batch()
            if self._thread is not None:
                self._thread.shutdown()

    def take(self) -> Iterator[CaseResult]:
        """The results that may be shown."""
        while self._out:
            yield self._out.popleft()

    def _let_out(self, root: Path, result: CaseResult, request: KeptRequest | None) -> None:
        self.counts[result.verdict] += 1
        self.updated += result.written and result.verdict is Verdict.CHANGED
        self._recorder.keep_case(root, result, request)
        self._out.append(result)


def _as_it_came_out(
    root: Path, result: CaseResult, broken: dict[Path, SnapshotError]
) -> CaseResult:
    """The result of a case whose file may have failed to reach the disk."""
    error = broken.get(root / result.snapshot) if result.snapshot else None
    if error is None:
        return result
    if result.written:
        reason = describe_error(error)
        return structs.replace(result, verdict=Verdict.ERROR, reason=reason, written=False)
    note = f"nothing could be kept: {describe_error(error)}"
    return structs.replace(result, pending=None, notes=(*result.notes, note))
