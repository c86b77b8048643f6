"""What moved in a request: shown when its digests say that something did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.compare.align import find_gaps, pair_alike
from promptrun.compare.exact import compare_exact
from promptrun.compare.index import Index
from promptrun.compare.values import compare_values
from promptrun.compare.write import write_json
from promptrun.models import Cause, CompareRules, Difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from promptrun.models import Snapshot

_RULES = CompareRules(mode="json")

MAX_RATED: Final = 1_000
"""Pairs of messages whose words are counted to find partners, and how much of each is read."""
MAX_WORDED: Final = 10_000


def moved_parts(old: Snapshot, new: Snapshot) -> tuple[Cause, ...]:
    """The parts of the request whose digests differ, in the order of the causes."""
    parts = (Cause.PROMPT, Cause.SETTINGS, Cause.MODEL)
    return tuple(part for part in parts if getattr(old.digests, part) != getattr(new.digests, part))


def compare_requests(old: Snapshot, new: Snapshot, moved: Sequence[Cause]) -> Iterator[Difference]:
    """Where the parts that moved differ: each message, each other field, each setting.

    A part of a request that was kept as a digest alone, and one whose difference is not in what
    was kept, is shown by its digests.
    """
    for part in moved:
        digests = getattr(old.digests, part), getattr(new.digests, part)
        found: list[Difference] = []
        if part is Cause.MODEL:
            found = [Difference(where="model", old=digests[0], new=digests[1])]
        elif old.request is not None and new.request is not None:
            compare_part = _compare_prompts if part is Cause.PROMPT else _compare_settings
            found = list(compare_part(old.request, new.request))
        yield from found or [
            Difference(where=f"{part} (known by its digest only)", old=digests[0], new=digests[1])
        ]


def _compare_prompts(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    old_messages, new_messages = old.get("messages"), new.get("messages")
    apart = {"model", "parameters"}
    if isinstance(old_messages, list) and isinstance(new_messages, list):
        apart.add("messages")
        yield from _compare_messages(old_messages, new_messages)
    for name in _names(old, new):
        if name not in apart:
            yield from _compare_field(name, old, new)


def _compare_settings(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    from promptrun.protocol import PART

    settings = _mapping(old.get("parameters")), _mapping(new.get("parameters"))
    for name in _names(*settings):
        if PART.get(name) != "neutral":
            yield from _compare_field(name, *settings)


def _compare_field(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    if name not in old:
        yield Difference(where=name, new=_as_text(new[name]))
    elif name not in new:
        yield Difference(where=name, old=_as_text(old[name]))
    elif difference := _compare_field_values(name, old[name], new[name]):
        yield difference


def _compare_field_values(name: str, old: Any, new: Any) -> Difference | None:
    if isinstance(old, (dict, list)) and isinstance(new, (dict, list)):
        return compare_values(name, old, new, _RULES, literal=True)
    if isinstance(old, str) and isinstance(new, str):
        return compare_exact(name, old, new)
    return compare_exact(name, write_json(old), write_json(new))


def _compare_messages(old: list[Any], new: list[Any]) -> Iterator[Difference]:
    index = Index(literal=True)
    if not (index.add(old) and index.add(new)):
        yield Difference(where="messages", old=write_json(old), new=write_json(new), bounded=True)
        return
    gaps = find_gaps([index.key(one) for one in old], [index.key(one) for one in new])
    for olds, news in gaps:
        partners = _partners([old[i] for i in olds], [new[j] for j in news])
        for i, j in partners.items():
            place = news[j]
            yield from _compare_message(_place(new[place], place), old[olds[i]], new[place])
        for i in olds:
            if i - olds.start not in partners:
                yield Difference(where=_place(old[i], i), old=_message_text(old[i]))
        for j in news:
            if j - news.start not in partners.values():
                yield Difference(where=_place(new[j], j), new=_message_text(new[j]))


def _partners(old: list[Any], new: list[Any]) -> dict[int, int]:
    """Which messages are shown as one that was changed: those that share most words."""
    if len(old) == len(new) or len(old) * len(new) > MAX_RATED:
        return {i: i for i in range(min(len(old), len(new)))}
    return dict(pair_alike([_words(one) for one in old], [_words(one) for one in new]))


def _words(message: Any) -> frozenset[str]:
    role = message.get("role") if isinstance(message, dict) else None
    return frozenset(_message_text(message)[:MAX_WORDED].split()) | {f"role: {role}"}


def _compare_message(where: str, old: Any, new: Any) -> Iterator[Difference]:
    texts = _content(old), _content(new)
    if texts[0] is not None and texts[1] is not None:
        difference = compare_exact(where, texts[0], texts[1])
        if difference:
            yield difference
        old, new = _without_content(old), _without_content(new)
    difference = compare_values(where, old, new, _RULES, literal=True)
    if difference:
        yield difference


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _names(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [*old, *(name for name in new if name not in old)]


def _place(message: Any, position: int) -> str:
    role = message.get("role") if isinstance(message, dict) else None
    return f"messages[{position}] ({role})" if role else f"messages[{position}]"


def _content(message: Any) -> str | None:
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, str) else None


def _without_content(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "content"}


def _message_text(message: Any) -> str:
    content = _content(message)
    return write_json(message) if content is None else content


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else write_json(value)
