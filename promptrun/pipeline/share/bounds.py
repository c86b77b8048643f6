"""How much is shared: images up to a size in all, texts up to another; what is cut is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from promptrun.pipeline.share.texts import map_texts, walk_texts
from promptrun.snapshots.media import without_media

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from promptrun.models import CaseResult, Comparison, Reply

MAX_MEDIA_BYTES: Final = 5_000_000
"""Of all images, sounds and documents in the requests."""
MAX_TEXT: Final = 1_000_000
"""Characters of one text of a request or a reply, and of all texts of such a one, four times."""
MAX_SAMPLES: Final = 100
"""Replies of a case that are shared, and accepted ones that differ from each other."""
# It has to be nothing but bytes: a text, or a file of YAML, may begin with the same word.
_DATA: Final = re.compile(
    r"data:[\w.+-]{0,100}(?:/[\w.+-]{0,100})?(?:;[\w.+-]{1,100}=[\w.+-]{1,100}){0,5}"
    r";base64,[A-Za-z0-9+/]*={0,2}",
    re.ASCII | re.IGNORECASE,
)


class Bounds:
    """What may still be shared; one serves all cases."""

    def __init__(self) -> None:
        self._kept: dict[str, int] = {}
        """The media that are shared, by their digests, and the size of each."""

    def request(self, body: dict[str, Any], notes: list[str]) -> dict[str, Any]:
        """The body, where it is too large with its media as digests or with its texts cut."""
        messages = body.get("messages")
        left_out: list[dict[str, Any]] = []
        if isinstance(messages, list):
            body = body | {"messages": [self._message(one, left_out) for one in messages]}
        if left_out:
            size = sum(one["bytes"] for one in left_out)
            notes.append(
                f"media of {size:,} bytes are named by their digests in the request, since "
                f"{MAX_MEDIA_BYTES:,} bytes are shared at most: it cannot be sent as it stands"
            )
        cut = _cut_to_fit(body, whole=set(_find_sounds(body)))
        if cut is not body:
            notes.append("the request is too large to be shared: its longest texts are cut")
        fitting: dict[str, Any] = cut
        return fitting

    def _message(self, message: Any, left_out: list[dict[str, Any]]) -> Any:
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, list):
            return message
        return message | {"content": [self._part(part, left_out) for part in content]}

    def _part(self, part: Any, left_out: list[dict[str, Any]]) -> Any:
        described = without_media(part)
        media = list(_identities(described))
        if all(self._may_keep(one) for one in media):
            return part
        left_out += media
        return described

    def _may_keep(self, identity: dict[str, Any]) -> bool:
        if identity["sha256"] in self._kept:
            return True
        if sum(self._kept.values()) + identity["bytes"] > MAX_MEDIA_BYTES:
            return False
        self._kept[identity["sha256"]] = identity["bytes"]
        return True

    def result(self, result: CaseResult, notes: list[str]) -> CaseResult:
        """The result with replies and differences that are short enough."""
        for kind, told in (("replies", result.replies), ("accepted replies", result.accepted)):
            if len(told) > MAX_SAMPLES:
                notes.append(f"{MAX_SAMPLES} of {len(told):,} {kind} are shared")
        few = structs.replace(
            result, replies=result.replies[:MAX_SAMPLES], accepted=result.accepted[:MAX_SAMPLES]
        )
        bounded = structs.replace(
            few,
            reply=_bound(few.reply) if few.reply else None,
            replies=tuple(map(_bound, few.replies)),
            accepted=tuple((_bound(reply), count) for reply, count in few.accepted),
        )
        pairs = zip(_list_replies(few), _list_replies(bounded), strict=True)
        if any(before is not after for before, after in pairs):
            notes.append("the reply is too large to be shared: its longest texts are cut")
            bounded = structs.replace(bounded, comparison=_cut_differences(result.comparison))
        return bounded


def _list_replies(result: CaseResult) -> list[Reply]:
    own = [result.reply] if result.reply else []
    return [*own, *result.replies, *(one for one, _ in result.accepted)]


def _bound(reply: Reply) -> Reply:
    raw = _cut_to_fit(reply.raw)
    return reply if raw is reply.raw else structs.replace(reply, raw=raw)


def _find_sounds(body: dict[str, Any]) -> Iterator[str]:
    """The sounds of a request, which are bare base64."""
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else ():
            sound = part.get("input_audio") if isinstance(part, dict) else None
            if isinstance(sound, dict) and isinstance(sound.get("data"), str):
                yield sound["data"]


def _cut_to_fit(value: Any, *, whole: Collection[str] = ()) -> Any:
    """The same object where it is small enough; data URLs are no text, nor is what is `whole`."""

    def is_bytes(text: str) -> bool:
        return text in whole or is_data(text)

    sizes = [len(text) for _, text in walk_texts(value) if not is_bytes(text)]
    if max(sizes, default=0) <= MAX_TEXT and sum(sizes) <= 4 * MAX_TEXT:
        return value
    most = max(100, min(MAX_TEXT, _fair_share(sizes)))
    return map_texts(value, lambda text: text if is_bytes(text) else _cut(text, most))


def _fair_share(sizes: list[int]) -> int:
    """How long a text may be, so that all of them are short enough together."""
    left = 4 * MAX_TEXT
    for at, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - at)
        if size > share:
            return share
        left -= size
    return MAX_TEXT


def _cut_differences(comparison: Comparison | None) -> Comparison | None:
    if comparison is None:
        return None
    differences = tuple(
        structs.replace(
            one,
            old=None if one.old is None else _cut(one.old, MAX_TEXT),
            new=None if one.new is None else _cut(one.new, MAX_TEXT),
            changes=tuple(
                structs.replace(change, old=_cut_to_fit(change.old), new=_cut_to_fit(change.new))
                for change in one.changes
            ),
        )
        for one in comparison.reply
    )
    return structs.replace(comparison, reply=differences)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def is_data(text: str) -> bool:
    """Whether a text is the bytes of something, and not to be read."""
    return _DATA.fullmatch(text) is not None


def _identities(described: Any) -> Iterator[dict[str, Any]]:
    for value in described.values() if isinstance(described, dict) else ():
        inner = value.values() if isinstance(value, dict) and "sha256" not in value else (value,)
        yield from (one for one in inner if isinstance(one, dict) and "sha256" in one)
