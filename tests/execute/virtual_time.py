"""An event loop whose time is virtual: it jumps to the next timer where nothing else is to be done.

A day of waiting passes in a moment, in the order in which real time would bring it.
`time.monotonic` is not touched: what is to live in virtual time gets `loop.time` as its clock.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

T = TypeVar("T")


class NothingLeftError(Exception):
    """No timer runs and no file is ready, so nothing would ever happen: a deadlock in the test."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`time()` begins at `start` and moves only while the loop has nothing to do.

    `patience` is how many real seconds it listens to sockets, threads and processes before time
    jumps; 0.0 for tests without any of them.
    """

    def __init__(self, *, start: float = 0.0, patience: float = 0.0) -> None:
        self._now = start
        super().__init__(_Jumping(self._jump, patience))

    def time(self) -> float:
        return self._now

    def _jump(self, seconds: float) -> None:
        self._now += seconds


class _Jumping(selectors.DefaultSelector):
    """A selector for which no time passes while it waits; `jump` is told how much it skipped."""

    def __init__(self, jump: Callable[[float], None], patience: float) -> None:
        super().__init__()
        self._jump = jump
        self._patience = patience

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        patience = self._patience if timeout is None else min(timeout, self._patience)
        ready = super().select(patience)
        if ready:
            return ready
        if timeout is None:
            raise NothingLeftError
        self._jump(timeout)
        return ready


def run_virtual(
    main: Coroutine[Any, Any, T], *, start: float = 0.0, patience: float = 0.0
) -> tuple[T, float]:
    """What `main` returns, and how many virtual seconds it took.

    Raises NothingLeftError where it waits for what never comes; its tasks are cancelled then.
    """

    def new_loop() -> VirtualTimeLoop:
        return VirtualTimeLoop(start=start, patience=patience)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        result = runner.run(main)
        return result, runner.get_loop().time() - start
