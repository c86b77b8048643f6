"""Saying that a run is to send nothing more: by Ctrl-C, by a limit, by what a server said."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAME_PRESS = 0.3
"""Seconds: launchers pass Ctrl-C on to a child that has got it from the terminal already."""


class Presses:
    """Tells one Ctrl-C that comes twice from two of them."""

    def __init__(self) -> None:
        self._last = float("-inf")

    def is_new(self) -> bool:
        """Whether this is another one than the last."""
        now = time.monotonic()
        if now - self._last < SAME_PRESS:
            return False
        self._last = now
        return True


class Stop:
    """Whether, and why, nothing more is sent. What is in flight is waited for.

    One for all executors of a run. `ask` and `interrupt` may be called from a signal handler of the
    main thread, and from the thread of the run.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        """The first that was given; None while the run goes on."""
        self.hint: str | None = None
        self.wished = False
        """Whether the user asked for this very end: the first case that is not well."""
        self.interrupted = False
        """Whether by Ctrl-C: then what is in flight gets a few seconds only."""
        self.again: Callable[[], None] | None = None
        """Told of Ctrl-C once more; without it that is a KeyboardInterrupt."""
        self._listeners: list[Callable[[], None]] = []
        self._presses = Presses()

    @property
    def asked(self) -> bool:
        """Whether the run is to end."""
        return self.reason is not None

    def ask(self, reason: str, hint: str | None = None, *, wished: bool = False) -> None:
        """Let nothing more be sent; the first reason stands."""
        if self.reason is None:
            self.reason, self.hint, self.wished = reason, hint, wished
            self._tell()

    def interrupt(self) -> None:
        """The same for Ctrl-C, which also ends the waiting of a run that is stopping already."""
        self.interrupted = True
        if self.reason is None:
            self.reason = "interrupted"
        self._tell()

    @contextmanager
    def listen(self, listener: Callable[[], None]) -> Iterator[None]:
        """Have `listener` called, from wherever the stop is asked for."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Let the first Ctrl-C stop the run, and the next one end it at once.

        SIGTERM and the closing of the terminal count as Ctrl-C. A host's own handlers are left
        alone; so is a thread that gets no signals.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        theirs = {
            number: handler
            for number in _SIGNALS
            if (handler := signal.getsignal(number)) in _DEFAULTS
        }
        try:
            for number in theirs:
                signal.signal(number, self._press)
            yield
        finally:
            for number, handler in theirs.items():
                signal.signal(number, handler)

    def handles(self, handler: object) -> bool:
        """Whether a signal's handler is the one of `on_signals`."""
        return handler == self._press

    def _press(self, _number: int, _frame: object) -> None:
        if not self._presses.is_new():
            return
        if not self.interrupted:
            self.interrupt()
        elif self.again is not None:
            self.again()
        else:
            raise KeyboardInterrupt

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


_DEFAULTS = (signal.default_int_handler, signal.SIG_DFL)
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
