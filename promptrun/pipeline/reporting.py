"""A recorded run as the reports want it: its results told again, one at a time."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.errors import UsageError
from promptrun.models import CaseResult, Request, Spent
from promptrun.pipeline.history import read_history_of, tell_run
from promptrun.pipeline.holding import HoldsRecords
from promptrun.pipeline.kept_images import MOST_IMAGES, KeptImages
from promptrun.pipeline.resume import plan_of_resumed
from promptrun.runs import has_record, open_run
from promptrun.snapshots.media import with_images

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from promptrun.models import Reply
    from promptrun.pipeline.plan import Plan
    from promptrun.reports.history import PastRun
    from promptrun.runs import RecordedCase, RecordedReply, RunReader

MOST_PAST = 30
"""Earlier runs that a report shows."""
MOST_REPLIES = 10_000
"""Replies and failures of one case that are read at once."""


class RecordedRun(HoldsRecords):
    """A `reports.report.Report` of a run: of each project that took part, its record.

    A context manager: the records are open until it ends. UsageError where there is none, or what
    is there cannot be read.
    """

    def __init__(self, roots: Sequence[Path], name: str) -> None:
        self._readers: dict[Path, RunReader] = {}
        with ExitStack() as opened:
            for root in roots:
                self._readers[root] = opened.enter_context(open_run(root, name))
            self._opened = opened.pop_all()
            self.run: PastRun = self._tell()
            self.past: Sequence[PastRun] = tuple(self._find_past())

    def results(self) -> Iterator[CaseResult]:
        """What became of each case, in the order in which they ended, project by project."""
        left = MOST_IMAGES
        for reader in self._readers.values():
            kept = KeptImages(reader, left=left)
            for case in reader.cases():
                yield tell_case(reader, case, kept)
            left = kept.left

    def _tell(self) -> PastRun:
        """One run over several projects is told as one."""
        first, *others = (tell_run(root, one.info) for root, one in self._readers.items())
        for other in others:
            first = _together(first, other)
        return first

    def _find_past(self) -> Iterator[PastRun]:
        root, run = Path(self.run.root), self.run
        left = MOST_PAST
        for one in read_history_of(root, run.selection, most=10 * MOST_PAST).runs:
            is_earlier = (one.began or "", one.id) < (run.began or "", run.id)
            if left and one.root == run.root and one.id != run.id and is_earlier:
                left -= 1
                yield one


def check_reported(plan: Plan) -> None:
    """Refuse a run that is to be reported and leaves no record: a UsageError."""
    if not all(planned.project.settings.project.runs.record for planned in plan.specs):
        raise UsageError(
            "a report is made from the record of the run, and this project keeps none",
            hint="`record = false` stands under `[runs]` in its settings",
        )


def recorded_run(plan: Plan) -> RecordedRun:
    """The run of a plan that has just ended; UsageError where nothing of it is recorded."""
    # One that was gone on with has the id that it had.
    plan = plan_of_resumed(plan)
    roots = list(dict.fromkeys(planned.project.root for planned in plan.specs))
    recorded = [root for root in roots if has_record(root, plan.run_id)]
    return RecordedRun(recorded or roots[:1], plan.run_id)


def tell_case(
    reader: RunReader, case: RecordedCase, images: KeptImages | None = None
) -> CaseResult:
    """A case of a record as the run told it, with its replies and what they took.

    Without `images`, its images stay as the record describes them. Of more than `MOST_REPLIES`
    the first ones are read, and a note says so.
    """
    told = case.result or CaseResult(
        spec=case.spec,
        case=case.case,
        verdict=case.verdict,
        provider=case.provider,
        reason=case.reason,
        warnings=case.warnings,
        notes=case.notes,
        snapshot=case.snapshot,
    )
    if case.request is not None:
        find = images.of_case() if images else _find_nothing
        told = structs.replace(told, request=Request(body=with_images(case.request, find)))
    if case.digests is None:
        return told
    rows = list(islice(reader.replies(case.id, case.digests), MOST_REPLIES + 1))
    if not rows:
        return told
    if len(rows) > MOST_REPLIES:
        rows.pop()
        note = f"only its first {MOST_REPLIES:,} recorded requests are told"
        told = structs.replace(told, notes=(*told.notes, note))
    told = structs.replace(told, spent=_add_up(rows))
    if told.reply is not None:  # what was judged is no row of this record
        return told
    replies = _judged(told, rows)
    return structs.replace(
        told,
        reply=replies[0] if replies else None,
        replies=tuple(replies) if told.sets is not None else (),
    )


def _find_nothing(sha256: str) -> None:
    del sha256


def _judged(told: CaseResult, rows: Sequence[RecordedReply]) -> list[Reply]:
    """The replies that the verdict is of: the fresh ones where they confirmed an alarm."""
    role = "second" if told.sets is not None and told.sets.confirmed else "sample"
    mine = (one for one in rows if one.role == role and one.provider == told.provider)
    return [one.reply for one in mine if one.reply is not None]


def _add_up(rows: Sequence[RecordedReply]) -> Spent:
    def total(name: str) -> float | None:
        known = [getattr(one, name) for one in rows if getattr(one, name) is not None]
        return sum(known) if known else None

    prompt, completion = total("prompt_tokens"), total("completion_tokens")
    return Spent(
        requests=len(rows),
        prompt_tokens=None if prompt is None else int(prompt),
        completion_tokens=None if completion is None else int(completion),
        cost=total("cost"),
    )


def _together(one: PastRun, other: PastRun) -> PastRun:
    def both(name: str) -> float | None:
        known = [value for run in (one, other) if (value := getattr(run, name)) is not None]
        return sum(known) if known else None

    sums = ("requests", "failures", "attempts", "prompt_tokens", "completion_tokens", "cost")
    verdicts = dict(one.verdicts)
    for verdict, count in other.verdicts.items():
        verdicts[verdict] = verdicts.get(verdict, 0) + count
    return structs.replace(
        one,
        verdicts=verdicts,
        providers=tuple(dict.fromkeys((*one.providers, *other.providers))),
        **{name: both(name) for name in sums},
    )
