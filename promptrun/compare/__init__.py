"""Reply against snapshot: equal, or what differs and why. Pure functions; one file a mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from promptrun.compare import auto, exact, json, shape, text
from promptrun.compare.choices import Comparer, compare_choices
from promptrun.compare.ignore import Ignore, check_jsonpath
from promptrun.compare.request import compare_requests, moved_parts
from promptrun.models import Cause, CompareRules, Comparison, Difference, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.compare.mode import Mode

__all__ = ["MODES", "check_jsonpath", "compare"]

MODES: Final[dict[str, Mode]] = {
    "auto": auto.MODE,
    "exact": exact.MODE,
    "text": text.MODE,
    "json": json.MODE,
    "shape": shape.MODE,
}
"""What `compare.mode` may say."""

_SERVED = {"model": "served model", "system_fingerprint": "system_fingerprint"}


def compare(accepted: Snapshot, new: Snapshot, rules: CompareRules) -> Comparison:
    """Hold a new reply and its request against the accepted ones.

    Both are in the shape of a snapshot. The causes are the parts of the request whose digests
    moved, the model too where another one (or another fingerprint of it) gave another reply, and
    the reply where it differs under the rules. Nothing is raised: what cannot be compared, because
    it is too large, too deep or not what it should be, is a difference.
    """
    ignore = Ignore(rules.ignore) if rules.ignore else None
    comparer = Comparer(mode=MODES[rules.mode], rules=rules, ignore=ignore)
    reply = list(
        compare_choices(
            accepted.reply.get("choices") or [], new.reply.get("choices") or [], comparer
        )
    )
    moved = moved_parts(accepted, new)
    # Asking for another model says already why another one answered.
    served = [] if Cause.MODEL in moved else list(_served_apart(accepted, new))
    causes = {*moved}
    if reply:
        causes.add(Cause.REPLY)
        if served:
            causes.add(Cause.MODEL)
    return Comparison(
        causes=tuple(cause for cause in Cause if cause in causes),
        request=tuple(compare_requests(accepted, new, moved)),
        reply=(*served, *reply) if reply else (),
        notes=() if reply else tuple(f"{one.where}: {one.old} → {one.new}" for one in served),
        warnings=tuple(ignore.warnings()) if ignore else (),
    )


def _served_apart(accepted: Snapshot, new: Snapshot) -> Iterator[Difference]:
    """What both servers tell of themselves, and tell differently."""
    for key, where in _SERVED.items():
        old, other = accepted.reply.get(key), new.reply.get(key)
        if old and other and old != other:
            yield Difference(where=where, old=old, new=other)
