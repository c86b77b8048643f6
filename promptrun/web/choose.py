"""Which of the changes a page shows, and how it names them so that nobody settles another one."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal
from unicodedata import normalize

from msgspec import Struct, to_builtins

from promptrun.files.json import canonical
from promptrun.pipeline.review import Change, Group, group_changes, waiting_replies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from promptrun.models import Difference

LONGEST_TEXT: Final = 200
"""Characters that may be searched for."""
SEARCHED: Final = 20_000
"""Characters of one difference or reply that are searched."""
KINDS: Final = ("changed", "failed", "new", "equal", "refused")
"""`refused` is a change that cannot be accepted as things stand."""
CAUSES: Final = ("prompt", "settings", "model", "reply")

Kind = Literal["", "changed", "failed", "new", "equal", "refused"]
CauseWord = Literal["", "prompt", "settings", "model", "reply"]


class Filter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants to see; what is empty asks for nothing."""

    text: str = ""
    """In ids, differences and replies, whatever its case."""
    kind: Kind = ""
    cause: CauseWord = ""
    """Any of the causes, not only the leading one."""
    spec: str = ""

    @property
    def empty(self) -> bool:
        """Whether it lets everything through."""
        return not (self.text or self.kind or self.cause or self.spec)


class Item(Struct, frozen=True, kw_only=True):
    """A group of changes as a page names it."""

    key: str
    """Of the first change; the same as long as that waits."""
    shown: str
    """The digest of all that is shown of all of them."""
    group: Group


def select(changes: Iterable[Change], wanted: Filter) -> list[Change]:
    """Those that a filter lets through, in their order."""
    text = _folded(wanted.text[:LONGEST_TEXT])
    return [
        change
        for change in changes
        if (not wanted.kind or wanted.kind in kinds_of(change))
        and (not wanted.cause or wanted.cause in causes_of(change))
        and (not wanted.spec or wanted.spec == change.pending.spec)
        and (not text or any(text in _folded(piece) for piece in _pieces(change)))
    ]


def make_items(changes: Iterable[Change], digests: dict[str, str]) -> list[Item]:
    """The groups of these changes, as the terminal groups them; `digests` is by their keys."""
    return [
        Item(key=key_of(group.first), shown=digest_all(group.changes, digests), group=group)
        for group in group_changes(changes)
    ]


def kinds_of(change: Change) -> set[str]:
    """Its words of `KINDS`."""
    comparison = change.comparison
    if change.pending.problem:
        return {"refused"}
    kinds = {"failed"} if change.fails else set()
    kinds.add("new" if comparison is None else "equal" if comparison.equal else "changed")
    return kinds | ({"refused"} if change.refusal else set())


def causes_of(change: Change) -> tuple[str, ...]:
    """All that moved."""
    return change.comparison.causes if change.comparison else ()


def key_of(change: Change) -> str:
    """A name for an address and a page: 16 hex digits of the place where the reply waits."""
    return sha256(str(change.pending.file).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def split_id(change: Change) -> tuple[str, str]:
    """The spec and the case; where they are unknown, the place where the reply waits."""
    pending = change.pending
    if pending.spec:
        return pending.spec, pending.case
    return "", pending.file.relative_to(change.project.root).as_posix()


def digest_change(change: Change) -> str:
    """The digest of what a page shows of a change: the reply, what it replaces, what rules say."""
    pending = change.pending
    names = [pending.id, str(pending.path), str(pending.moves or ""), pending.moves_text or ""]
    digests = [pending.digest, pending.replaces or ""]
    problems = [str(one or "") for one in (change.refusal, pending.problem)]
    judged: Any = [to_builtins(one) for one in (change.comparison, change.sets, change.outcomes)]
    try:
        whole = canonical([names, digests, problems, judged])
    except (TypeError, ValueError, RecursionError):
        # The digests of both texts say as much but for the rules of today.
        whole = repr([names, digests, problems])
    return sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def digest_all(changes: Sequence[Change], digests: dict[str, str]) -> str:
    """One digest of several changes, in their order."""
    whole = "\n".join(digests[key_of(change)] for change in changes)
    return sha256(whole.encode()).hexdigest()[:32]


def _folded(text: str) -> str:
    return normalize("NFC", text).casefold()


def _pieces(change: Change) -> Iterator[str]:
    """The texts that are searched, the shortest first."""
    yield change.id
    yield change.word
    if change.comparison is not None:
        for difference in (*change.comparison.request, *change.comparison.reply):
            yield from _texts(difference)
    for outcome in change.outcomes:
        if not outcome.kept:
            yield f"{outcome.kind} {outcome.expected} {outcome.found}"[:SEARCHED]
    for reply, _ in waiting_replies(change):
        for choice in reply.choices:
            yield (choice.content or "")[:SEARCHED]


def _texts(difference: Difference) -> Iterator[str]:
    yield difference.where
    for side in (difference.old, difference.new):
        yield (side or "")[:SEARCHED]
    for change in difference.changes:
        yield f"{change.path} {change.old} {change.new}"[:SEARCHED]
