"""Turning an event loop so that Ctrl-C never strikes inside of it."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from promptrun.execute.stop import Presses

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.execute.stop import Stop


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop for one executor: uvloop's where that is installed, a third cheaper a request."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class Turning:
    """An event loop that is turned until a future is done, or until Ctrl-C.

    Python raises KeyboardInterrupt between any two instructions: inside the loop it loses wake-ups
    of tasks and leaves the HTTP library's pool half changed. Here it is only noted. A host's own
    handler is left alone, and so is a thread that gets no signals. Where `stop` handles Ctrl-C, the
    first press is the run's own affair and only the second one is noted here.
    """

    def __init__(self, stop: Stop | None = None) -> None:
        self.loop = new_loop()
        self._stop = stop
        self.interrupted = False
        """Whether Ctrl-C was pressed since `hold`."""
        self._presses = Presses()
        self._restore: Callable[[], object] | None = None
        # A signal that comes just before the loop falls asleep wakes it by a byte in this socket.
        self._bell: tuple[socket.socket, socket.socket] | None = None

    def until(self, gate: asyncio.Future[Any]) -> None:
        """Turn until `gate` is done or Ctrl-C; only between `hold` and `release` is that noted.

        Unlike `run_until_complete`, it goes on where a host's handler that raised inside an earlier
        turn has left a stop behind.
        """
        gate.add_done_callback(self._end_turn)
        try:
            while not (gate.done() or self.interrupted):
                self.loop.run_forever()
        finally:
            gate.remove_done_callback(self._end_turn)

    def hold(self) -> None:
        """From now on Ctrl-C is noted, where it would have raised KeyboardInterrupt."""
        if self._restore is not None or threading.current_thread() is not threading.main_thread():
            return
        handler = signal.getsignal(signal.SIGINT)
        if self._stop is not None and self._stop.handles(handler):
            self._stop.again = self._note
            restore_handler = self._leave_to_stop
        elif handler is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._press)
            restore_handler = _restore_handler
        else:
            return
        bell = self._hang_bell()
        if bell is None:
            self._restore = restore_handler
            return
        before = signal.set_wakeup_fd(bell, warn_on_full_buffer=False)

        def restore() -> None:
            signal.set_wakeup_fd(before)
            restore_handler()

        self._restore = restore

    def release(self) -> None:
        """End of `hold`; what was noted stays in `interrupted`."""
        restore, self._restore = self._restore, None
        if restore is not None:
            restore()

    def close(self) -> None:
        """Close the loop. Tasks that could not be ended are dropped without a word."""
        self.loop.set_exception_handler(lambda _loop, _context: None)
        if self._bell is not None:
            self.loop.remove_reader(self._bell[0])
            for end in self._bell:
                end.close()
        self.loop.close()

    def _hang_bell(self) -> int | None:
        if sys.platform == "win32" or type(self.loop).__module__ == "uvloop":
            return None  # these listen for signals already
        if self._bell is None:
            self._bell = socket.socketpair()
            for end in self._bell:
                end.setblocking(False)
            self.loop.add_reader(self._bell[0], self._hush, self._bell[0])
        return self._bell[1].fileno()

    @staticmethod
    def _hush(bell: socket.socket) -> None:
        with suppress(BlockingIOError):
            bell.recv(64)

    def _end_turn(self, _gate: object) -> None:
        self.loop.stop()

    def _press(self, _number: int, _frame: object) -> None:
        if self._presses.is_new():
            self._note()

    def _note(self) -> None:
        if self.interrupted:
            # The loop does not turn: something in it blocks, and only an exception gets it out.
            raise KeyboardInterrupt
        self.interrupted = True
        self.loop.call_soon_threadsafe(self.loop.stop)

    def _leave_to_stop(self) -> None:
        if self._stop is not None:
            self._stop.again = None


def _restore_handler() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
