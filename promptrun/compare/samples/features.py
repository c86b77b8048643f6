"""What many replies have in common, counted for all their pairs at once.

A reply is taken apart into features, each a number of 64 bits made by Python's own hash of a text,
which nobody outside the process can foresee. Pairs of large replies are then counted by products
of matrices, where walking each pair would take minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Features = NDArray[np.int64]

MAX_FEATURES: Final = 6_000_000
"""Of all replies together: 48 MB, and a few times that while they are sorted."""

_BLOCK: Final = 2_000_000
"""Cells of one block: 8 MB of floats."""


def number_features(found: Iterable[int]) -> Features:
    """Features in which a second one of a kind is another kind, so that repeats count."""
    import numpy as np

    features = np.sort(np.fromiter(found, np.int64))
    if not len(features):
        return features
    positions = np.arange(len(features))
    begins = np.concatenate([[True], features[1:] != features[:-1]])
    repeat = positions - np.maximum.accumulate(np.where(begins, positions, 0))
    # An odd number near 2**63 over the golden ratio spreads the repeats over all bits.
    spread: Features = features + repeat * np.int64(0x4F1BBCDCBFA53E0B)
    return spread


def count_shared(replies: Sequence[Features]) -> Floats:
    """How many features each two replies share, as a square matrix; the replies' own on it."""
    import numpy as np

    sizes = [len(features) for features in replies]
    owners = np.repeat(np.arange(len(replies)), sizes)
    _, columns, counts = np.unique(np.concatenate(replies), return_inverse=True, return_counts=True)
    # What one reply alone has is shared by none: most features of long texts.
    kept = counts > 1
    places = np.cumsum(kept) - 1
    wanted = kept[columns]
    owners, columns = owners[wanted], places[columns[wanted]]
    order = np.argsort(columns, kind="stable")
    owners, columns = owners[order], columns[order]
    shared = np.zeros((len(replies), len(replies)))
    width = max(1, _BLOCK // max(1, len(replies)))
    for start in range(0, int(kept.sum()), width):
        first, last = np.searchsorted(columns, [start, start + width])
        block = np.zeros((len(replies), width), np.float32)
        block[owners[first:last], columns[first:last] - start] = 1
        shared += block @ block.T
    np.fill_diagonal(shared, sizes)
    return shared


def share_apart(shared: Floats, sizes: Any) -> Floats:
    """One minus the share of what two replies have in common; 0 where neither has anything."""
    import numpy as np

    both = np.add.outer(sizes, sizes)
    apart: Floats = 1 - np.divide(2 * shared, both, out=np.ones_like(shared), where=both > 0)
    return apart
