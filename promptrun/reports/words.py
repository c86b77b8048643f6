"""Two texts as runs of what they share and what each has alone: lines first, then words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from promptrun.matching.words import split_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_LINES: Final = 10_000
"""Lines of a side that are aligned."""

MAX_WORDS: Final = 4_000
"""Words of a side whose order is compared."""

MAX_SIZE: Final = 40_000
"""Characters of a side that are split into words."""

MAX_WORD: Final = 40
"""Characters by which the common ends of two texts give way to whole words."""

ALIKE: Final = 0.3
"""The share of a text's letters below which marking words would hide more than it shows."""


class Run(NamedTuple):
    """A stretch of text; `own` where the other side has something else, or nothing."""

    text: str
    own: bool


class Same(NamedTuple):
    """Lines that both texts have in the same place."""

    size: int
    head: Sequence[str]
    """The first of them, as far as they are wanted as context."""
    tail: Sequence[str]
    """The last of them, without those that are in `head`."""


class Apart(NamedTuple):
    """Lines of the old text, and what the new one has in their place; one may be empty."""

    old: Sequence[str]
    new: Sequence[str]


def align_lines(old: str, new: str, context: int) -> Iterator[Same | Apart]:
    """Two texts, in turn what is the same and what is not, with `context` lines between.

    Only the lines between the first and the last that differ are split from a text. Of these no
    more than `MAX_LINES` are aligned; the rest is apart as a whole.
    """
    start, end = _common_ends(old, new)
    start = old.rfind("\n", 0, start) + 1
    stop = old.find("\n", len(old) - end)
    stop = len(old) if stop < 0 else stop
    if start:
        first = start - 1
        for _ in range(context):
            first = old.rfind("\n", 0, max(first, 0))
        yield Same(old.count("\n", 0, start), (), old[first + 1 : start - 1].split("\n"))
    new_stop = len(new) - (len(old) - stop)
    yield from _align(old[start:stop].split("\n"), new[start:new_stop].split("\n"), context)
    if stop < len(old):
        last = stop
        for _ in range(context):
            last = old.find("\n", last + 1) if last >= 0 else last
        head = old[stop + 1 : last if last >= 0 else len(old)].split("\n")
        yield Same(old.count("\n", stop), head, ())


def _align(old: list[str], new: list[str], context: int) -> Iterator[Same | Apart]:
    # Bit-parallel, so its worst case is known; difflib's is cubic.
    from rapidfuzz.distance import Indel

    i = j = 0
    for step in Indel.opcodes(old[:MAX_LINES], new[:MAX_LINES]):
        if step.tag == "equal":
            if i < step.src_start or j < step.dest_start:
                yield Apart(old[i : step.src_start], new[j : step.dest_start])
            i, j = step.src_end, step.dest_end
            head = old[step.src_start : i][:context]
            tail = old[max(step.src_start + len(head), i - context) : i]
            yield Same(i - step.src_start, head, tail)
    if i < len(old) or j < len(new):
        yield Apart(old[i:], new[j:])


def mark_words(old: str, new: str) -> tuple[list[Run], list[Run]]:
    """Both texts as runs, the words that differ being their `own`.

    Texts with little in common have no runs of their own: marks would hide more than they show.
    Of texts that are too long, all between the common beginning and the common end is their own.
    """
    start, end = _common_ends(old, new)
    # Whole words: that two of them begin alike is no reason to cut them.
    start = next(
        (
            place
            for place in range(start, max(start - MAX_WORD, 0), -1)
            if not (_in_word(old, place) or _in_word(new, place))
        ),
        max(start - MAX_WORD, 0),
    )
    end = next(
        (
            size
            for size in range(end, max(end - MAX_WORD, 0), -1)
            if not (_in_word(old, len(old) - size) or _in_word(new, len(new) - size))
        ),
        max(end - MAX_WORD, 0),
    )
    old_inner, new_inner = old[start : len(old) - end], new[start : len(new) - end]
    runs = _mark_inner(old_inner, new_inner)
    alike = start + end + sum(len(run.text.strip()) for run in runs[0] if not run.own)
    if alike < ALIKE * max(len(old), len(new)):
        return [Run(old, own=False)], [Run(new, own=False)]
    before, after = Run(old[:start], own=False), Run(old[len(old) - end :], own=False)
    return [before, *runs[0], after], [before, *runs[1], after]


def _mark_inner(old: str, new: str) -> tuple[list[Run], list[Run]]:
    whole = [Run(old, own=True)], [Run(new, own=True)]
    if max(len(old), len(new)) > MAX_SIZE:
        return whole
    old_words, new_words = split_words(old), split_words(new)
    if max(len(old_words), len(new_words)) > MAX_WORDS:
        return whole
    from rapidfuzz.distance import Indel

    sides: tuple[list[Run], list[Run]] = ([], [])
    i = j = 0
    for step in Indel.opcodes(old_words, new_words):
        if step.tag != "equal":
            continue
        shared = "".join(old_words[step.src_start : step.src_end])
        between = step.src_start > 0 and step.src_end < len(old_words)
        if between and shared.isspace() and "\n" not in shared:
            continue  # two changes that only a space parts read better as one
        sides[0].append(Run("".join(old_words[i : step.src_start]), own=True))
        sides[1].append(Run("".join(new_words[j : step.dest_start]), own=True))
        i, j = step.src_end, step.dest_end
        for side in sides:
            side.append(Run(shared, own=False))
    sides[0].append(Run("".join(old_words[i:]), own=True))
    sides[1].append(Run("".join(new_words[j:]), own=True))
    return sides


def _common_ends(old: str, new: str) -> tuple[int, int]:
    """How many characters begin both texts, and how many of the rest end both."""
    most = min(len(old), len(new))
    start = _longest(most, lambda low, high: old[low:high] == new[low:high])
    end = _longest(
        most - start,
        lambda low, high: (
            old[len(old) - high : len(old) - low] == new[len(new) - high : len(new) - low]
        ),
    )
    return start, end


def _longest(most: int, same: Callable[[int, int], bool]) -> int:
    """The largest size up to `most` whose whole stretch is the same; each part is read twice."""
    low, step = 0, 65_536
    while low < most and same(low, min(low + step, most)):
        low = min(low + step, most)
    high = min(low + step, most)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if same(low, middle) else (low, middle - 1)
    return low


def _in_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and not (text[place - 1].isspace() or text[place].isspace())
