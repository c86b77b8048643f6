"""What waits, as somebody reads it: each change against what it would replace, and in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, to_builtins

from promptrun.errors import PromptrunError, SnapshotError
from promptrun.files.json import canonical
from promptrun.models import (
    CaseResult,
    Comparison,
    Outcome,
    SampleRules,
    SetComparison,
    Verdict,
)
from promptrun.pipeline.changes import (
    Settled,
    accept_pending,
    compare_pending,
    find_waiting,
    settled,
    why_refused,
)
from promptrun.pipeline.projects import Project
from promptrun.pipeline.today import Today
from promptrun.snapshots import recall_reply
from promptrun.snapshots.sets import is_set, recall_set
from promptrun.snapshots.values import Pending

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from promptrun.models import Difference, Reply, Snapshot
    from promptrun.pipeline.options import Options


class Change(Struct, frozen=True, kw_only=True):
    """One reply that waits, held against what accepting it would replace."""

    project: Project
    pending: Pending
    comparison: Comparison | None
    """None for a first snapshot, and where what it would replace cannot be read."""
    refusal: PromptrunError | None
    """Why it cannot be accepted as things stand."""
    sets: SetComparison | None = None
    """For N samples: the set that waits, held against the accepted one."""
    outcomes: tuple[Outcome, ...] = ()
    """What today's rules say of it, against what it would replace; none where it is refused."""

    @property
    def id(self) -> str:
        """``specs/json_people.yaml::english``."""
        return self.pending.id

    @property
    def spec(self) -> Path | None:
        """The spec's file; None where the waiting file does not say which it is."""
        return self.project.root / self.pending.spec if self.pending.spec else None

    @property
    def word(self) -> str:
        """What it is, for a list: its causes, ``new``, ``equal`` or ``unusable``; ``failed``, too.

        The last says that it breaks a rule.
        """
        if self.pending.problem:
            return "unusable"
        causes = self.comparison.causes if self.comparison else ("new",)
        return ", ".join([*(causes or ("equal",)), *(["failed"] if self.fails else [])])

    @property
    def fails(self) -> bool:
        """Whether it breaks a rule."""
        return any(not one.kept and one.error is None for one in self.outcomes)


class Group(Struct, frozen=True, kw_only=True):
    """Changes that look the same to whoever reads them: one decision settles all."""

    changes: tuple[Change, ...]

    @property
    def first(self) -> Change:
        """The one that is shown."""
        return self.changes[0]


def find_changes(options: Options) -> list[Change]:
    """What waits for the targets (none: for the whole project), sorted as it lies on the disk."""
    return [_look_at(*waiting) for waiting in find_waiting(options)]


def _look_at(project: Project, today: Today, pending: Pending) -> Change:
    refusal = why_refused(project, today, pending)
    return Change(
        project=project,
        pending=pending,
        comparison=compare_pending(project, today, pending),
        refusal=refusal,
        sets=_compare_sets(project, today, pending),
        outcomes=() if refusal else today.judge(pending, _replaced(project, pending)),
    )


def _replaced(project: Project, pending: Pending) -> Snapshot | None:
    try:
        return project.store.replaced(pending).snapshot
    except SnapshotError:
        return None


def group_changes(changes: Iterable[Change]) -> list[Group]:
    """The changes in their order, those that are the same together with the first of them.

    The same are two changes of one project with the same causes, differences and outcomes, to the
    letter: nobody decides on what was not shown. A first snapshot, a reply that is equal, and a
    change that cannot be accepted stand alone.
    """
    groups: dict[object, list[Change]] = {}
    for number, change in enumerate(changes):
        comparison = change.comparison
        alone = comparison is None or comparison.equal or change.refusal is not None
        key: object = number if comparison is None or alone else _exact(change, comparison)
        groups.setdefault(key, []).append(change)
    return [Group(changes=tuple(alike)) for alike in groups.values()]


def accept_all(changes: Sequence[Change]) -> Iterator[Settled]:
    """Make replies count that somebody looked at, as the specs are now: they are read anew."""
    today: dict[Path, Today] = {}
    for change in changes:
        project = change.project
        if project.root not in today:
            mine = [one.pending for one in changes if one.project.root == project.root]
            today[project.root] = Today(project, mine)
        yield accept_pending(project, today[project.root], change.pending)


def reject_all(changes: Sequence[Change]) -> Iterator[Settled]:
    """Drop replies that somebody looked at."""
    for change in changes:
        try:
            change.project.store.reject(change.pending)
            yield settled(change.project, change.pending)
        except SnapshotError as error:
            yield settled(change.project, change.pending, refused=error)


def as_result(change: Change) -> CaseResult:
    """The change as a run would tell it, for the reports."""
    pending = change.pending
    return CaseResult(
        spec=pending.spec,
        case=pending.case,
        verdict=Verdict.CHANGED,
        provider="",
        comparison=change.comparison,
        sets=change.sets,
        outcomes=change.outcomes,
    )


def waiting_replies(change: Change) -> Sequence[tuple[Reply, int]]:
    """What was answered, each distinct reply with how often it came; none where it is unusable."""
    snapshot = change.pending.snapshot
    if snapshot is None:
        return ()
    return recall_set(snapshot) if is_set(snapshot) else ((recall_reply(snapshot), 1),)


def holds_set(change: Change) -> bool:
    """Whether N samples wait, which are shown by their counts."""
    return change.pending.snapshot is not None and is_set(change.pending.snapshot)


def _compare_sets(project: Project, today: Today, pending: Pending) -> SetComparison | None:
    """What the replies of two sets say; None where one of them is no set, or numpy is missing."""
    if pending.snapshot is None or not is_set(pending.snapshot):
        return None
    from promptrun.compare.samples import compare_sets
    from promptrun.pipeline.sets import samples_of

    try:
        now = today.find(pending.spec, pending.case)
        accepted = project.store.replaced(pending).snapshot
        if now is None or accepted is None:
            return None
        before, waiting = samples_of(accepted), samples_of(pending.snapshot)
        return compare_sets(before, waiting, now.compare, (), alpha=SampleRules().alpha)
    except (PromptrunError, ImportError, ValueError):
        return None


def _exact(change: Change, comparison: Comparison) -> object:
    """Equal for two changes that may be settled together."""
    differences = [*map(_plain, comparison.request), *map(_plain, comparison.reply)]
    samples = [
        (reply.raw.get("choices"), count)
        for reply, count in (waiting_replies(change) if holds_set(change) else ())
    ]
    try:
        whole = canonical([differences, samples, to_builtins(change.outcomes)])
    except (TypeError, ValueError, RecursionError):
        whole = change.id  # too deep to be held against another: it stands alone
    return change.project.root, comparison.causes, whole


def _plain(difference: Difference) -> list[object]:
    changes = [[one.path, one.kind, one.old, one.new] for one in difference.changes]
    return [difference.where, difference.old, difference.new, changes]
