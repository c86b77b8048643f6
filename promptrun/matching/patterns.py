"""Regular expressions from a spec: with a limit of time, and of what they unroll to.

The syntax is that of the `regex` package, a superset of Python's ``re``: it can be stopped, and
``re`` cannot.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from regex import Pattern

_T = TypeVar("_T")

MAX_LENGTH: Final = 2_000
"""Characters of a pattern."""

MAX_UNROLLED: Final = 10_000
"""Items that the counts of a pattern may multiply to; as many take 12 MB at most, and
``(?:a{1000}){1000}`` would take 280 MB."""

MAX_FOREIGN_LENGTH: Final = 500
"""Characters of a pattern that a reply wrote."""

MAX_FOREIGN_UNROLLED: Final = 1_000
"""What the counts of such a pattern may multiply to."""

_SMALL: Final = 1_000
"""What a pattern that is one of many to be kept may unroll to: half a megabyte."""

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


def check_foreign_pattern(text: str) -> str | None:
    """Why `text`, which a reply wrote, is no pattern; None where it is one. Nothing of it is kept.

    Raises PatternError for one that is too long or too large to be looked at.
    """
    if len(text) > MAX_FOREIGN_LENGTH:
        raise PatternError(f"a pattern of more than {MAX_FOREIGN_LENGTH} characters is not checked")
    if _unrolled(text) > MAX_FOREIGN_UNROLLED:
        raise PatternError(
            f"a pattern whose counts multiply to more than {MAX_FOREIGN_UNROLLED:,} is not checked"
        )
    try:
        _build(text)
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
        regex.compile("".join(groups), cache_pattern=False).sub(replacement, "", count=1)
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


def _compile(text: str) -> Pattern[str]:
    return _kept_large(text) if _is_large(text) else _kept_small(text)


@lru_cache(maxsize=1024)
def _is_large(text: str) -> bool:
    """Whether only few such patterns may be kept; ValueError where it may not be used at all."""
    if len(text) > MAX_LENGTH:
        raise ValueError(
            f"a pattern may have {MAX_LENGTH:,} characters, and this has {len(text):,}"
        )
    unrolled = _unrolled(text)
    if unrolled > MAX_UNROLLED:
        raise ValueError(f"its counts multiply to more than {MAX_UNROLLED:,}")
    return unrolled > _SMALL


def _build(text: str) -> Pattern[str]:
    import regex

    try:
        # The cache of the package would keep what those below let go.
        return regex.compile(text, cache_pattern=False)
    except regex.error as error:
        # It says "… at position 4", from 0 on.
        reason, _, place = str(error).partition(" at position ")
        where = f" at character {int(place) + 1}" if place.isdecimal() else ""
        raise ValueError(f"{reason}{where}") from None
    except (RecursionError, OverflowError, MemoryError, ValueError):
        raise ValueError("it is nested too deeply, or its numbers are too large") from None


_kept_small: Final = lru_cache(maxsize=256)(_build)
_kept_large: Final = lru_cache(maxsize=8)(_build)


def _unrolled(text: str) -> int:
    """At least the number of single items that a pattern compiles to, counts multiplied.

    Only the smaller number of ``{2,5}`` counts: the rest is a loop. Where the spelling may mislead
    about what is a group, a set or a comment, it is an estimate that no spelling can lower.
    """
    plain = _plain_items(text)
    return _estimate(text) if plain is None else _count(plain)


def _plain_items(text: str) -> list[str] | None:
    r"""Escapes, sets, counts and single characters: ``\{`` and ``[{2}]`` are no counts.

    None for a pattern whose pieces depend on its flags, or that has comments or nested sets; an
    ``(?x)`` at its beginning holds for all of it.
    """
    flags = re.match(r"\(\?([aimsux]+)\)", text)
    if flags:
        text = text[flags.end() :]
        if "x" in flags[1]:
            text = re.sub(rf"({_ESCAPE}|{_SET})|\s|#[^\n]*", r"\1", text, flags=re.DOTALL)
    count = r"\{\d+(?:,\d*)?\}|\{,\d+\}"
    items = re.findall(rf"{_ESCAPE}|{_SET}|{count}|\(\?.?|.", text, re.DOTALL)
    for item in items:
        if item[:2] == "(?" and item[2:] not in _GROUPS:
            return None
        if item[0] == "[" and "[" in re.sub(_ESCAPE, "", item[1:], flags=re.DOTALL):
            return None
    return items


_ESCAPE: Final = r"\\."
_SET: Final = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
"""It may begin with `]`, and in it an escape is one character."""

_GROUPS: Final = frozenset(":=!<>P|")
"""What stands behind ``(?`` where all that follows is read as elsewhere in the pattern."""


def _count(items: Iterable[str]) -> int:
    sums = [0]
    last = 0
    for item in items:
        if item[0] == "(":
            sums.append(2)
            last = 0
        elif item == ")" and sums[1:]:
            last = sums.pop()
            sums[-1] += last
        elif item[0] == "{" and item[1:]:
            counted = last * max(1, _least(item))
            sums[-1] += counted - last
            last = counted
        else:
            last = _set_weight(len(item)) if item[0] == "[" else 1
            sums[-1] += last
        if max(sums[-1], last) > MAX_UNROLLED:
            return MAX_UNROLLED + 1
    return sum(sums)


def _estimate(text: str) -> int:
    """As if every count of a group held for the whole pattern.

    Whatever the flags are, what stands right before a count of a single item is neither white
    space nor `)`: those end comments, groups and flags.
    """
    text = re.sub(r"\\(.)", lambda escape: _unescaped(escape[1]), text, flags=re.DOTALL)
    total, groups = len(text), 1
    for match in re.finditer(r"(?s)(?<=(.))\{(?=((?:\d|\s|#[^\n]*\n)*))", text):
        least = _least(re.sub(r"\s|#[^\n]*\n", "", match[2]))
        if match[1].isspace() or match[1] == ")":
            groups *= max(1, least)
        else:
            total += least * (_set_weight(len(text)) if match[1] == "]" else 1)
        if total * groups > MAX_UNROLLED:
            break
    return total * groups


def _set_weight(length: int) -> int:
    """A set in single items, by the memory that both take."""
    return 1 + length // 6


def _unescaped(letter: str) -> str:
    # The escape may stand in a comment, where it is none: what may end a comment stays.
    return letter if letter.isspace() or letter == ")" else "x"


def _least(count: str) -> int:
    """The smaller number of a count, far beyond all bounds where it is too long to be read."""
    digits = re.match(r"\{?(\d*)", count)
    found = digits[1] if digits else ""
    return int(found or 0) if len(found) <= 9 else 10**9
