"""How far apart replies are, from 0 to 1, for all pairs of a list at once."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from promptrun.compare.content import Json
from promptrun.compare.samples.features import (
    MAX_FEATURES,
    count_shared,
    number_features,
    share_apart,
)
from promptrun.compare.samples.leaves import LeafReader, spell_number
from promptrun.compare.samples.reading import ChoiceParts, write_plainly
from promptrun.compare.walk import within
from promptrun.matching.words import split_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from promptrun.compare.samples.features import Features
    from promptrun.compare.samples.leaves import Numbers
    from promptrun.compare.samples.reading import Part
    from promptrun.models import CompareRules

    Floats = NDArray[np.float64]
    Reading = tuple[ChoiceParts, ...]

_NAMES: Final = {"finish_reason", "tools"}
"""The parts that are equal or not: a name is not a little like another."""

MAX_LETTERS: Final = 1_500_000
"""Characters of all texts together that are taken apart into letters; about 2 s."""
LEAST: Final = 0.01
"""How far apart texts are that differ, but in no word: by a line break, say."""
MAX_NUMBERS: Final = 4_000_000
"""Numbers that are held against each other within a tolerance, over all pairs; about 3 s."""


class Distances(NamedTuple):
    """A square matrix, symmetric, with 0 on its diagonal."""

    matrix: Floats
    bounded: bool
    """Whether a bound was reached, and a coarser measure took the place of the right one."""


def measure_distances(replies: Sequence[Reading], rules: CompareRules) -> Distances:
    """The distances between replies: the mean over their choices, by index.

    The distance of two choices is that of the part in which they are furthest apart, so whatever
    moves is seen; a choice, or a part of one, that only one of them has is 1.
    """
    import numpy as np

    size = len(replies)
    total = np.zeros((size, size))
    bounded = False
    for index in range(max(map(len, replies), default=0)):
        there = [reply[index] if index < len(reply) else None for reply in replies]
        missing = np.array([choice is None for choice in there])
        apart = _unequal(missing.tolist())
        for name in ChoiceParts._fields:
            parts = [None if choice is None else getattr(choice, name) for choice in there]
            found = _measure_part(name, parts, rules)
            apart = np.maximum(apart, found.matrix)
            bounded |= found.bounded
        total += apart
    lengths = np.array([len(reply) for reply in replies])
    return Distances(total / np.maximum(np.maximum.outer(lengths, lengths), 1), bounded)


def _measure_part(name: str, parts: Sequence[Part], rules: CompareRules) -> Distances:
    """Distances inside each kind (a text, JSON, nothing); two kinds are 1 apart."""
    import numpy as np

    kinds: defaultdict[type, list[int]] = defaultdict(list)
    for position, part in enumerate(parts):
        kinds[type(part)].append(position)
    matrix = _unequal([type(part) for part in parts])
    bounded = False
    for kind, positions in kinds.items():
        values = [parts[position] for position in positions]
        if kind is Json:
            found = measure_values([one.value for one in values if isinstance(one, Json)], rules)
        elif kind is str and name not in _NAMES and rules.mode != "exact":
            found = measure_texts([one for one in values if isinstance(one, str)])
        else:
            found = Distances(_unequal(values), bounded=False)
        matrix[np.ix_(positions, positions)] = found.matrix
        bounded |= found.bounded
    return Distances(matrix, bounded)


def measure_texts(texts: Sequence[str]) -> Distances:
    """The share of what two texts are made of that they do not have in common.

    They are made of words, of pairs of neighbouring words (how it is put), and of threes of letters
    (so that a word with another ending, as in Korean, is half the same). An alignment of whole
    texts sees less: of two prompts of a small model it told ten replies apart at p 0.01 where this
    does at 0.0001. Texts that are not equal are at least `LEAST` apart. Past `MAX_LETTERS` it is
    pairs of words alone; past `MAX_FEATURES` texts are equal or not.
    """
    import numpy as np

    distinct = sorted(set(texts))
    place = {text: number for number, text in enumerate(distinct)}
    places = [place[text] for text in texts]
    unequal = _unequal(distinct)
    bounded = sum(map(len, distinct)) > MAX_LETTERS
    take_apart = _pair_words if bounded else _take_apart
    features: list[Features] = []
    for text in distinct:
        features.append(number_features(map(hash, take_apart(text))))
        if sum(map(len, features)) > MAX_FEATURES:
            return Distances(unequal[np.ix_(places, places)], bounded=True)
    apart = share_apart(count_shared(features), np.array([len(one) for one in features]))
    matrix = np.maximum(apart, LEAST * unequal)
    return Distances(matrix[np.ix_(places, places)], bounded)


def _take_apart(text: str) -> Iterator[Any]:
    words = _words(text)
    yield from words
    yield from pairwise(words)
    for word in words:
        # Both ends are marked twice, so that one letter at an end is a three of its own.
        marked = f"\n\n{word}\n\n"
        yield from (("letters", marked[at : at + 3]) for at in range(len(marked) - 2))


def _pair_words(text: str) -> Iterator[Any]:
    # Both ends count, so that a text of one word has something, too.
    return pairwise(("", *_words(text), ""))


def _words(text: str) -> list[str]:
    return [word for word in split_words(text) if not word.isspace()]


def measure_values(values: Sequence[Any], rules: CompareRules) -> Distances:
    """The share of leaves that differ, of the places where either JSON value has one.

    Objects are held together by their names, lists by positions or in no order; where neither
    order nor small differences count, it is not seen which numbers stand together. Past
    `MAX_NUMBERS` a tolerance does not count; past `MAX_FEATURES` values are equal or not.
    """
    import numpy as np

    reader = LeafReader(rules)
    paths: list[Features] = []
    said: list[Features] = []
    numbers: list[Numbers] = []
    for value in values:
        leaves = reader.read(value)
        paths.append(number_features(leaves.paths))
        said.append(number_features(leaves.said))
        numbers.append(leaves.numbers)
        if sum(map(len, paths)) > MAX_FEATURES // 2:
            return Distances(_unequal([write_plainly(value) for value in values]), bounded=True)
    sizes = np.array([len(found) for found in paths])
    places = np.add.outer(sizes, sizes) - count_shared(paths)
    matched, bounded = _match_numbers(numbers, rules.tolerance)
    same = count_shared(said) + matched
    matrix = 1 - same / places
    np.fill_diagonal(matrix, 0.0)
    return Distances(matrix, bounded)


def _match_numbers(numbers: Sequence[Numbers], tolerance: float) -> tuple[Floats, bool]:
    """How many numbers two values have in common, within the tolerance, for all pairs."""
    import numpy as np

    size = len(numbers)
    matched = np.zeros((size, size))
    held = sum(len(found) for one in numbers for found in one.values())
    if held * (size - 1) > MAX_NUMBERS:
        exact = [
            number_features(
                hash(f"{path} {spell_number(number)}")
                for path, found in one.items()
                for number in found
            )
            for one in numbers
        ]
        return count_shared(exact), True
    for i, one in enumerate(numbers):
        for j in range(i):
            matched[i, j] = matched[j, i] = sum(
                _count_close(found, numbers[j][path], tolerance)
                for path, found in one.items()
                if path in numbers[j]
            )
    return matched, False


def _count_close(one: list[float], other: list[float], tolerance: float) -> int:
    """As many pairs of numbers as can be made that differ by no more than the tolerance."""
    left, right = sorted(one), sorted(other)
    i = j = pairs = 0
    while i < len(left) and j < len(right):
        if within(left[i], right[j], tolerance):
            pairs, i, j = pairs + 1, i + 1, j + 1
        elif left[i] < right[j]:
            i += 1
        else:
            j += 1
    return pairs


def _unequal(values: Sequence[Any]) -> Floats:
    """1 where two values differ, else 0."""
    import numpy as np

    numbers: dict[Any, int] = {}
    keys = np.array([numbers.setdefault(value, len(numbers)) for value in values])
    apart: Floats = np.not_equal.outer(keys, keys).astype(np.float64)
    return apart
