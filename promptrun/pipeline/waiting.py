"""One reply that waits as a whole case: the conversation, the reply, and the accepted one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from promptrun.errors import PromptrunError, SnapshotError
from promptrun.models import CaseResult, Request, Verdict
from promptrun.pipeline.projects import secrets_for
from promptrun.pipeline.review import Change, as_result, holds_set, waiting_replies
from promptrun.pipeline.today import Today
from promptrun.render import render_request
from promptrun.snapshots import recall_reply
from promptrun.snapshots.media import with_images
from promptrun.snapshots.sets import is_set, recall_set

if TYPE_CHECKING:
    from promptrun.models import Reply, Snapshot


def as_whole_result(change: Change) -> CaseResult:
    """The change with all that a page shows of it.

    `request` is the one that was answered, in its wire form, secrets masked; an image stands in it
    as a data URL where the spec still renders this very request, else as ``{sha256, bytes, type}``.
    It is None where a digest of it is all that is kept. `accepted` is what accepting would replace.
    """
    replies = waiting_replies(change)
    body = _find_body(change)
    root = change.project.root
    return structs.replace(
        as_result(change),
        verdict=_find_verdict(change),
        request=None if body is None else Request(body=body),
        reply=replies[0][0] if replies else None,
        replies=tuple(reply for reply, count in replies for _ in range(count))
        if holds_set(change)
        else (),
        accepted=() if _is_equal(change) else _find_accepted(change),
        snapshot=change.pending.path.relative_to(root).as_posix(),
    )


def _find_verdict(change: Change) -> Verdict:
    if change.pending.problem:
        return Verdict.ERROR
    if change.fails:
        return Verdict.FAILED
    return Verdict.NEW if change.comparison is None else Verdict.CHANGED


def _is_equal(change: Change) -> bool:
    return change.comparison is not None and not change.comparison.reply and change.sets is None


def _find_body(change: Change) -> dict[str, Any] | None:
    snapshot = change.pending.snapshot
    if snapshot is None:
        return None
    return _render_again(change, snapshot) or _recall_body(snapshot)


def _render_again(change: Change, snapshot: Snapshot) -> dict[str, Any] | None:
    """The request as the spec renders it today, where that is the one that was answered."""
    pending = change.pending
    try:
        now = Today(change.project, [pending]).find(pending.spec, pending.case)
        if now is None or now.digests != snapshot.digests:
            return None
        body = render_request(now.case).body
    except PromptrunError:
        return None
    masked: dict[str, Any] = secrets_for([change.project.settings], ()).mask(body)
    return masked


def _recall_body(snapshot: Snapshot) -> dict[str, Any] | None:
    """The wire form of a request that a snapshot keeps, which has no images."""
    return None if snapshot.request is None else with_images(snapshot.request, lambda _: None)


def _find_accepted(change: Change) -> tuple[tuple[Reply, int], ...]:
    try:
        snapshot = change.project.store.replaced(change.pending).snapshot
    except SnapshotError:
        return ()
    if snapshot is None:
        return ()
    return tuple(recall_set(snapshot)) if is_set(snapshot) else ((recall_reply(snapshot), 1),)
