"""The distinct replies of two sets: what is measured, and how often each side gave it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from promptrun.compare.samples.reading import (
    ChoiceParts,
    read_choice,
    show_reply,
    write_plainly,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from promptrun.compare.content import Reader
    from promptrun.compare.mode import Mode


class Sample(Struct, frozen=True, kw_only=True):
    """One distinct reply of a set."""

    choices: list[dict[str, Any]]
    """As they are recorded; `docs/snapshots.md` shows them."""
    count: int = 1


class Point(Struct, frozen=True, kw_only=True):
    """Replies that are equal as they are read: they have one place among the distances."""

    reading: tuple[ChoiceParts, ...]
    before: list[Sample]
    now: list[Sample]


def gather_points(
    before: Iterable[Sample], now: Iterable[Sample], mode: Mode, name: str, reader: Reader
) -> list[Point]:
    """The points of two sets, in an order that only depends on what they say."""
    points: dict[str, Point] = {}
    for side, samples in (("before", before), ("now", now)):
        for sample in samples:
            reading = tuple(read_choice(choice, mode, name, reader) for choice in sample.choices)
            key = write_plainly([choice.key() for choice in reading])
            point = points.setdefault(key, Point(reading=reading, before=[], now=[]))
            getattr(point, side).append(sample)
    return [points[key] for key in sorted(points)]


def count(samples: Iterable[Sample]) -> int:
    """How many replies these are."""
    return sum(sample.count for sample in samples)


def show_samples(samples: Sequence[Sample]) -> str:
    """The replies of one point, which say the same, as one text: how most of them spell it."""
    spelled: Counter[str] = Counter()
    for sample in samples:
        spelled[show_reply(sample.choices)] += sample.count
    return min(spelled, key=lambda text: (-spelled[text], text))
