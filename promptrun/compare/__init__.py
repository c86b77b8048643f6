"""Reply against snapshot: equal, or what differs and why. Pure functions; one file a mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.files.json import canonical
from promptrun.models import Comparison

if TYPE_CHECKING:
    from promptrun.models import CompareRules, Snapshot

__all__ = ["compare"]


def compare(accepted: Snapshot, new: Snapshot, rules: CompareRules) -> Comparison:
    """Hold a new reply and its request against the accepted ones.

    Both are in the shape of a snapshot. The causes are the parts of the request whose digests
    moved, the model too where another one (or another fingerprint of it) gave another reply, and
    the reply where it differs under the rules. Nothing is raised: what cannot be compared, because
    it is too large, too deep or not what it should be, is a difference.
    """
    # A query or a pattern that matches nothing is worth a warning even where all is equal.
    applied = rules.ignore or rules.replace
    if not applied and accepted.digests == new.digests and _is_same(accepted, new):
        return Comparison()
    # What finds differences is a dozen modules, and most comparisons find none.
    from promptrun.compare.whole import find_differences

    return find_differences(accepted, new, rules)


def _is_same(accepted: Snapshot, new: Snapshot) -> bool:
    try:
        return canonical(accepted.reply) == canonical(new.reply)
    except (RecursionError, TypeError, ValueError):
        return False
