"""Regular expressions from a spec: with a limit of time, and of what they unroll to.

The syntax is that of the `regex` package, a superset of Python's ``re``: it can be stopped, and
``re`` cannot.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from regex import Pattern

_T = TypeVar("_T")

MAX_LENGTH: Final = 2_000
"""Characters of a pattern."""

MAX_UNROLLED: Final = 20_000
"""What the counts of a pattern may multiply to: ``(?:a{1000}){1000}`` takes 280 MB to compile."""

SECONDS: Final = 1.0
"""That one search may take."""

MAX_RESULT: Final = 16 * 1024 * 1024
"""Characters that a replacement may make of a text."""


class PatternError(Exception):
    """A pattern ran out of its time or its space; the message says which, for people."""


def check_pattern(text: str) -> str | None:
    """Why `text` is no pattern that may be used; None where it is one."""
    try:
        _compile(text)
    except ValueError as error:
        return str(error)
    return None


def search(pattern: str, text: str) -> tuple[int, int] | None:
    """The start and end of the first match in `text`; raises PatternError after `SECONDS`.

    Raises ValueError for what `check_pattern` refuses.
    """
    compiled = _compile(pattern)
    found = _in_time(pattern, lambda: compiled.search(text, timeout=SECONDS))
    return found.span() if found else None


def check_replacement(pattern: str, replacement: str) -> str | None:
    r"""Why `replacement` (with ``\1`` and ``\g<name>`` for groups) cannot be used; else None."""
    import regex

    try:
        compiled = _compile(pattern)
        names = {number: name for name, number in compiled.groupindex.items()}
        # A pattern of the same groups, all of them empty: it always matches, and no text matters.
        groups = (
            f"(?P<{names[n]}>)" if n in names else "()" for n in range(1, compiled.groups + 1)
        )
        regex.compile("".join(groups)).sub(replacement, "", count=1)
    except ValueError as error:
        return str(error)
    except (IndexError, KeyError, regex.error) as error:
        return str(error.args[0]) if error.args else "it names a group that is not there"
    return None


def replace(pattern: str, replacement: str, text: str) -> str:
    """`text` with every match replaced; raises PatternError past `SECONDS` or `MAX_RESULT`."""
    compiled = _compile(pattern)

    def substitute() -> str:
        # The size is known before the text is made: a group may stand in it many times.
        size = len(text)
        for match in compiled.finditer(text, timeout=SECONDS):
            size += len(match.expand(replacement)) - len(match.group())
            if size > MAX_RESULT:
                raise PatternError(f"`{pattern}` makes more than {MAX_RESULT:,} characters")
        return compiled.sub(replacement, text, timeout=SECONDS)

    return _in_time(pattern, substitute)


def _in_time(pattern: str, run: Callable[[], _T]) -> _T:
    try:
        return run()
    except TimeoutError:
        raise PatternError(f"`{pattern}` was given up after {SECONDS:g} s") from None
    except MemoryError:
        raise PatternError(f"`{pattern}` needs too much memory") from None


@lru_cache(maxsize=256)
def _compile(text: str) -> Pattern[str]:
    import regex

    if len(text) > MAX_LENGTH:
        raise ValueError(
            f"a pattern may have {MAX_LENGTH:,} characters, and this has {len(text):,}"
        )
    if _unrolled(text) > MAX_UNROLLED:
        raise ValueError(f"its counts multiply to more than {MAX_UNROLLED:,}")
    try:
        return regex.compile(text)
    except regex.error as error:
        # It says "… at position 4", from 0 on.
        reason, _, place = str(error).partition(" at position ")
        where = f" at character {int(place) + 1}" if place.isdecimal() else ""
        raise ValueError(f"{reason}{where}") from None
    except (RecursionError, OverflowError, MemoryError, ValueError):
        raise ValueError("it is nested too deeply, or its numbers are too large") from None


def _unrolled(text: str) -> int:
    """The number of single items that a pattern stands for, counts multiplied through groups."""
    sums = [0]
    last = 0
    for piece in _items(text):
        if piece == "(":
            sums.append(0)
            last = 0
        elif piece == ")" and sums[1:]:
            last = sums.pop()
            sums[-1] += last
        elif piece[0] == "{" and piece[1:]:
            counted = last * (max(int(part) for part in piece[1:-1].split(",") if part) or 1)
            sums[-1] += counted - last
            last = counted
        else:
            last = 1
            sums[-1] += last
        if max(sums[-1], last) > MAX_UNROLLED:
            return MAX_UNROLLED + 1
    return sum(sums)


def _items(text: str) -> Iterator[str]:
    r"""Escapes, sets, counts and single characters: ``\{`` and ``[{2}]`` are no counts."""
    import re

    # A set may begin with `]`, and in it an escape is one character.
    for match in re.finditer(
        r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|\{,\d+\}|.", text, re.DOTALL
    ):
        yield match[0]
