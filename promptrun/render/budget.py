"""How much one case may spend on its templates (steps, bytes, seconds), and what it missed.

A template is a program of a stranger's. Everything that it can do is counted here before it is
done, because one long call into C can be stopped by nobody afterwards.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import thread_time
from typing import Any, NamedTuple, TypeVar

MAX_TICKS = 500_000
"""Steps of a case: turns of loops, calls, and the elements of every list that is made."""
MAX_BYTES = 32 * 1024 * 1024
"""Bytes of text and lists that a case may make, those that it dropped again included."""
MAX_SECONDS = 1.0
"""Processor seconds of the thread: a busy machine ends nothing that a quiet one would not."""
MAX_DEPTH = 100
"""How deep lists and mappings nest."""
MAX_ITEMS = 100_000
"""Elements that one filter or `range` may make out of a number or a text."""
MAX_BITS = 4096
"""The size of a whole number; beyond it arithmetic and printing turn slow."""

_SLOT = 16
_TICKS_BETWEEN_CLOCKS = 64

Value = TypeVar("Value")


class BudgetError(Exception):
    """A template asked for more than any prompt needs."""


class Note(NamedTuple):
    """One use of a name that has no value."""

    name: str
    owner: Any
    """The value that has no such attribute; Jinja's `missing` for a variable."""
    message: str | None
    """What Jinja says about it where it is neither a variable nor an attribute."""
    template: str
    line: int


class Budget:
    """What is left to spend. Each method raises BudgetError where it is not enough."""

    __slots__ = ("_clock", "_deadline", "_seconds", "bytes", "notes", "ticks")

    def __init__(self) -> None:
        self.ticks = MAX_TICKS
        self.bytes = MAX_BYTES
        self._seconds = MAX_SECONDS
        self._deadline = 0.0
        self.notes: dict[tuple[str, str, int], Note] = {}
        """The uses of missing names, each once a line of a template."""
        self._clock = _TICKS_BETWEEN_CLOCKS

    def resume(self) -> None:
        """Let the clock run: a template runs in this thread from here on."""
        self._deadline = thread_time() + self._seconds

    def pause(self) -> None:
        """Stop the clock: what comes is not the template's, such as the reading of a file."""
        self._seconds = self._deadline - thread_time()

    def tick(self) -> None:
        """Count one step that costs next to nothing."""
        self.ticks -= 1
        self._clock -= 1
        if self._clock <= 0 or self.ticks < 0:
            self.spend()

    def spend(self, ticks: int = 0, size: int = 0) -> None:
        """Count `ticks` steps and `size` bytes, and look at the clock."""
        self.ticks -= ticks
        self.bytes -= size
        self._clock = _TICKS_BETWEEN_CLOCKS
        if self.ticks < 0:
            raise BudgetError(f"a template takes more than {MAX_TICKS} steps")
        if self.bytes < 0:
            raise BudgetError(f"a template makes more than {MAX_BYTES // 2**20} MiB")
        if thread_time() > self._deadline:
            raise BudgetError(f"a template takes more than {MAX_SECONDS:g} s")

    def expect(self, characters: int) -> None:
        """Refuse a text of that length before it is made; making it is counted by `weigh`."""
        # A character takes up to four bytes, and which of them is known only afterwards.
        if characters * 4 > self.bytes:
            raise BudgetError(f"a template makes more than {MAX_BYTES // 2**20} MiB")

    def weigh(self, value: Value) -> Value:
        """Count a value that was just made, and give it back.

        A list counts every element of every list in it each time that it stands there: lists
        that hold the same list twice, and so on, are small in memory and without end on paper.
        """
        kind = type(value)
        if kind is str:
            self.spend(1, value.__sizeof__())
        elif isinstance(value, int):
            if value.bit_length() > MAX_BITS:
                raise BudgetError(f"a template makes a number of more than {MAX_BITS} bits")
            self.tick()
        elif isinstance(value, (list, tuple, dict)):
            self._weigh_elements(value)
        else:
            self.tick()
        return value

    def _weigh_elements(self, value: Any) -> None:
        level = [value]
        for _ in range(MAX_DEPTH):
            inner: list[Any] = []
            for container in level:
                count = len(container)
                self.spend(1 + count, count * _SLOT)
                elements = container.values() if isinstance(container, dict) else container
                inner += [e for e in elements if isinstance(e, (list, tuple, dict))]
            if not inner:
                return
            level = inner
        raise BudgetError(f"a template nests lists more than {MAX_DEPTH} deep")


_current: ContextVar[Budget] = ContextVar("budget")

current_budget = _current.get
set_budget = _current.set
reset_budget = _current.reset
