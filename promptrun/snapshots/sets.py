"""Sets of replies in the shape of a snapshot, and back: N samples of one request. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from promptrun.files.json import canonical
from promptrun.snapshots.record import recall_choices, record_reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from promptrun.models import CompareRules, Reply, Snapshot


def record_set(
    raws: Sequence[Mapping[str, Any]], rules: CompareRules, kept: Mapping[str, int]
) -> dict[str, Any]:
    """N replies as a snapshot keeps them: each distinct one once, with its count.

    The most frequent stands first; equal sets give equal values, in whatever order their replies
    came. `kept` says of each rule how many of the replies kept it. The served model and its
    fingerprint are those of most replies.
    """
    recorded = [record_reply(raw, rules) for raw in raws]
    by_text: dict[str, list[dict[str, Any]]] = {}
    counts: Counter[str] = Counter()
    for reply in recorded:
        text = _spelling(reply["choices"])
        by_text[text] = reply["choices"]
        counts[text] += 1
    ordered = sorted(counts, key=lambda text: (-counts[text], text))
    served = Counter((one.get("model"), one.get("system_fingerprint")) for one in recorded)
    model, fingerprint = max(served, key=lambda pair: (served[pair], str(pair)))
    return {
        "model": model,
        **({"system_fingerprint": fingerprint} if fingerprint else {}),
        "samples": [{"count": counts[text], "choices": by_text[text]} for text in ordered],
        "expectations": [{"rule": rule, "kept": number} for rule, number in kept.items()],
    }


def recall_set(snapshot: Snapshot) -> list[tuple[Reply, int]]:
    """The distinct replies of an accepted set for a replay, each with its count."""
    return [
        (recall_choices(snapshot.reply, sample["choices"]), sample["count"])
        for sample in snapshot.reply["samples"]
    ]


def is_set(snapshot: Snapshot) -> bool:
    """Whether it keeps N samples, and not one reply."""
    return "samples" in snapshot.reply


def kept_counts(snapshot: Snapshot) -> dict[str, int]:
    """How many replies of an accepted set kept each rule, by the rule's text."""
    return {one["rule"]: one["kept"] for one in snapshot.reply.get("expectations") or ()}


def judgements_of(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """What judges said of the accepted replies, by the keys of their questions."""
    return {one["key"]: one for one in snapshot.reply.get("judgements") or ()}


def _spelling(choices: Any) -> str:
    try:
        return canonical(choices)
    except (TypeError, ValueError, RecursionError):
        return repr(choices)
