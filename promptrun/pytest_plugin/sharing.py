"""Several workers, of which one asks for all the cases and the others read its results.

In their folder lie ``leader.lock``, held by the worker that asks for as long as it does, and
``results.jsonl``, a line an outcome. The system frees the lock however its holder ends, so nobody
waits for a worker that is gone.
"""

from __future__ import annotations

from contextlib import ExitStack
from time import monotonic, sleep
from typing import TYPE_CHECKING

import msgspec

from promptrun.errors import UsageError
from promptrun.files.lock import hold_lock
from promptrun.pytest_plugin.settled import Settled, settle_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from promptrun.pytest_plugin.batch import Batch

    StartBatch = Callable[[Callable[[Settled], None]], Batch]
    """Makes the batch; the argument is called with each outcome."""

_POLL = 0.05
_PATIENCE = 3600.0
"""Seconds without any new result: a worker that is stopped, or hangs, holds its lock for ever."""
_HINT = "run it again, or with `-n 0`, where one process asks"


class _HeldError(Exception):
    """Another worker holds the lock."""


class SharedBatch:
    """The same as a `Batch`, over the workers of one run."""

    def __init__(self, folder: Path, start: StartBatch) -> None:
        self._lock = folder / "leader.lock"
        self._results = folder / "results.jsonl"
        self._start = start
        self._batch: Batch | None = None
        self._held = ExitStack()
        self._known: dict[str, Settled] = {}
        self._read = 0

    def get(self, node_id: str) -> Settled:
        """The outcome of one item, from here or from the worker that asks; waits until it is there.

        An item that the other worker left without an outcome gets one that says so.
        """
        if self._batch is None and not self._lock.parent.is_dir():
            problem = UsageError(
                "this worker shares no folder with the others",
                hint="workers on other machines cannot share replies: use `-n`",
            )
            return settle_error(node_id, problem)
        heard = monotonic()
        while self._batch is None:
            if self._listen():
                heard = monotonic()
            if node_id in self._known:
                return self._known[node_id]
            if self._try_lock():
                if not self._results.exists():
                    self._lead()
                    break
                self._held.close()
                if not self._listen():
                    return _left_alone(node_id, "the worker that asked ended before this case")
            if monotonic() - heard > _PATIENCE:
                return _left_alone(node_id, "the worker that asks has been silent for an hour")
            sleep(_POLL)
        assert self._batch is not None  # noqa: S101 - the loop ends with one
        return self._batch.get(node_id)

    def drain(self) -> None:
        """Go on to the end, where this worker asks: the others wait."""
        if self._batch is not None:
            self._batch.drain()
            self._held.close()

    def close(self) -> None:
        """Cancel what this worker asked for."""
        if self._batch is not None:
            self._batch.close()
        self._held.close()

    def _lead(self) -> None:
        file = self._held.enter_context(self._results.open("xb"))

        def tell(settled: Settled) -> None:
            file.write(msgspec.json.encode(settled) + b"\n")
            file.flush()

        self._batch = self._start(tell)

    def _try_lock(self) -> bool:
        try:
            self._held.enter_context(hold_lock(self._lock, _refuse_to_wait))
        except _HeldError:
            return False
        return True

    def _listen(self) -> bool:
        """Read the outcomes that have come since; whether there were any."""
        if not self._results.exists():
            return False
        with self._results.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            settled = msgspec.json.decode(line, type=Settled)
            self._known[settled.id] = settled
        return bool(whole)


def _refuse_to_wait() -> None:
    raise _HeldError


def _left_alone(node_id: str, why: str) -> Settled:
    return settle_error(node_id, UsageError(f"no result: {why}", hint=_HINT))
