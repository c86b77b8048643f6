"""Which items of two lists belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_ALIGNED: Final = 10_000
"""Items of a side between the first and the last that differ; more are taken as they stand."""


def find_gaps(old: Sequence[int], new: Sequence[int]) -> Iterator[tuple[range, range]]:
    """Where two lists of keys differ, between the items of a longest common subsequence.

    Each pair names the positions in `old` and those in `new` that replace them; one may be empty.
    """
    if max(len(old), len(new)) > MAX_ALIGNED:
        yield range(len(old)), range(len(new))
        return
    # rapidfuzz works 64 items at a time and never worse than that; difflib can turn cubic.
    from rapidfuzz.distance import Indel

    i = j = 0
    for step in Indel.opcodes(old, new):
        if step.tag == "equal":
            if i < step.src_start or j < step.dest_start:
                yield range(i, step.src_start), range(j, step.dest_start)
            i, j = step.src_end, step.dest_end
    if i < len(old) or j < len(new):
        yield range(i, len(old)), range(j, len(new))


def match_all(
    old: Sequence[Any],
    new: Sequence[Any],
    key: Callable[[Any], int],
    same: Callable[[Any, Any], bool],
) -> dict[int, int]:
    """As many pairs of positions as possible whose items are the `same`, each item in one pair.

    Being the same within a tolerance is not transitive, so the first partner found may be the
    wrong one; pairs are undone along augmenting paths until no more can be made.
    """
    free: dict[int, list[int]] = {}
    for j, item in enumerate(new):
        free.setdefault(key(item), []).append(j)
    pairs = {i: free[key(item)].pop() for i, item in enumerate(old) if free.get(key(item))}
    owners = {j: i for i, j in pairs.items()}
    for i in range(len(old)):
        if i not in pairs:
            _augment(i, pairs, owners, lambda i, j: same(old[i], new[j]), len(new))
    return pairs


def _augment(
    start: int,
    pairs: dict[int, int],
    owners: dict[int, int],
    fits: Callable[[int, int], bool],
    size: int,
) -> None:
    reached: dict[int, int] = {}
    waiting = [start]
    while waiting:
        i = waiting.pop()
        for j in range(size):
            if j in reached or not fits(i, j):
                continue
            reached[j] = i
            if j in owners:
                waiting.append(owners[j])
                continue
            end: int | None = j
            while end is not None:
                i = reached[end]
                owners[end], pairs[i], end = i, end, pairs.get(i)
            return


def pair_alike(
    old: Sequence[frozenset[Any]], new: Sequence[frozenset[Any]]
) -> Iterator[tuple[int, int]]:
    """Pairs of positions for items that share something, in the order of `old`, each item once.

    It takes time by the number of possible pairs, and only chooses what is shown side by side.
    """
    left = set(range(len(new)))
    for i, features in enumerate(old):
        best = max(left, key=lambda j: (len(features & new[j]), -j), default=None)
        if best is not None and features & new[best]:
            left.discard(best)
            yield i, best
