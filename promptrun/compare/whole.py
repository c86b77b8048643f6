"""Two snapshots that are not the same to the letter: what differs, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from promptrun.compare import auto, exact, json, none, shape, text
from promptrun.compare.choices import Comparer, compare_choices
from promptrun.compare.content import Reader
from promptrun.compare.request import compare_requests, moved_parts
from promptrun.models import Cause, CompareRules, Comparison, Difference, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.compare.mode import Mode

MODES: Final[dict[str, Mode]] = {
    "auto": auto.MODE,
    "exact": exact.MODE,
    "text": text.MODE,
    "json": json.MODE,
    "shape": shape.MODE,
    "none": none.MODE,
}
"""What `compare.mode` may say."""

_SERVED = {"model": "served model", "system_fingerprint": "system_fingerprint"}


def find_differences(accepted: Snapshot, new: Snapshot, rules: CompareRules) -> Comparison:
    """The whole of `compare`, for snapshots that may differ."""
    reply, warnings = _compare_replies(accepted.reply, new.reply, rules)
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
        warnings=warnings,
        compared=MODES[rules.mode].replies,
    )


def _compare_replies(
    old: dict[str, Any], new: dict[str, Any], rules: CompareRules
) -> tuple[list[Difference], tuple[str, ...]]:
    """What differs between the choices, and what the author of the rules should know."""
    mode = MODES[rules.mode]
    if not mode.replies:
        return [], ()
    reader = Reader(mode, rules)
    choices = old.get("choices") or [], new.get("choices") or []
    found = list(compare_choices(*choices, Comparer(mode=mode, rules=rules, reader=reader)))
    if reader.gave_up:
        found, _ = _compare_replies(old, new, structs.replace(rules, replace=()))
    return found, tuple(reader.warnings())


def _served_apart(accepted: Snapshot, new: Snapshot) -> Iterator[Difference]:
    """What both servers tell of themselves, and tell differently."""
    for key, where in _SERVED.items():
        old, other = accepted.reply.get(key), new.reply.get(key)
        if old and other and old != other:
            yield Difference(where=where, old=old, new=other)
