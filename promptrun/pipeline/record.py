"""Keeping a run while it goes on."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.errors import PromptrunError, SpecError, UsageError
from promptrun.pipeline.run_meta import describe_plan
from promptrun.protocol.usage import claimed_tokens
from promptrun.runs import (
    EndState,
    RecordedCase,
    RecordedReply,
    RecordError,
    RunWriter,
    has_record,
    trim_runs,
)
from promptrun.snapshots import request_as_kept
from promptrun.snapshots.media import inline_images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from promptrun.config.runs_table import RunsTable
    from promptrun.errors import Location
    from promptrun.execute import Stop
    from promptrun.models import CaseResult, Request
    from promptrun.pipeline.conduct import Ask, Got
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared
    from promptrun.runs import Image
    from promptrun.snapshots import KeptRequest

WITHOUT = "`--no-record` runs without a record; what is paid for is then asked again after a stop"
MOST_EARLY = 1_000
"""Cases that ended before anything was sent, and wait for a record to begin."""
MOST_IMAGE = 2**20
"""Bytes of an image that is kept for those who read the record; a larger one is told by digest."""
MOST_IMAGES = 64 * 2**20
"""Bytes of all the images of a run."""
MOST_EARLY_IMAGES = 8 * 2**20
"""Bytes of those that wait in memory for a record to begin."""


class Recorder:
    """Writes the record of a run: one file a project, begun before the first request.

    A run that sends nothing leaves none, unless it has a thousand cases. Where a record cannot be
    begun, nothing is sent; where the disk refuses later, the run is stopped: what it paid for would
    be lost. A value that no record can hold is left out, and `problems` says so.
    """

    def __init__(self, plan: Plan, stop: Stop) -> None:
        self._plan = plan
        self._stop = stop
        self._runs = {one.project.root: one.project.settings.project.runs for one in plan.specs}
        self._writers: dict[Path, RunWriter] = {}
        self._early: dict[Path, list[RecordedCase]] = {}
        self._early_images: dict[Path, list[Image]] = {}
        self._told: set[str] = set()
        self._images: set[tuple[Path, str]] = set()
        self._image_bytes = 0
        self.failed: RecordError | None = None
        """Why a record ended before its run."""
        self.problems: deque[PromptrunError] = deque()
        """What has not been told yet, each once."""

    @property
    def began(self) -> bool:
        """Whether anything is recorded."""
        return bool(self._writers)

    def begin(self, root: Path) -> None:
        """Begin the record of a project, or go on with the one that is resumed.

        Raises RecordError where that cannot be, UsageError where the record cannot be read.
        """
        runs = self._runs[root]
        if root in self._writers or not (self._plan.options.record and runs.record):
            return
        if self._plan.options.resume is not None and has_record(root, self._plan.run_id):
            self._writers[root] = RunWriter.resume(
                root, self._plan.run_id, describe_plan(self._plan, root)
            )
        else:
            self._writers[root] = self._new(root, runs)
        for case in self._early.pop(root, ()):
            self._add_case(root, case)
        for image in self._early_images.pop(root, ()):
            self._write(partial(RunWriter.add_medium, image=image), root)

    def _new(self, root: Path, runs: RunsTable) -> RunWriter:
        try:
            trim_runs(root, runs.keep - 1, runs.days)
            return RunWriter(root, self._plan.run_id, describe_plan(self._plan, root))
        except RecordError as error:
            # How to go on without it helps more than what the disk would need.
            raise RecordError(error.message, hint=WITHOUT) from None
        except UsageError as error:
            message = f"the run cannot be recorded: {error.message}"
            raise RecordError(message, hint=WITHOUT) from None

    def keep_reply(
        self,
        prepared: Prepared,
        ask: Ask,
        got: Got,
        *,
        queued: float | None = None,
        cost: float | None = None,
    ) -> None:
        """Add what came of one question; the next `flush` puts it into the file."""
        root = prepared.planned.project.root
        if root not in self._writers:
            return
        raw = got.reply.raw if got.reply else {}
        reply = RecordedReply(
            case=prepared.result.id,
            digests=prepared.kept.digests,
            provider=ask.place[1],
            role=ask.role,
            ordinal=ask.ordinal,
            key=ask.key,
            reply=got.reply,
            failure=got.failure,
            attempts=got.attempts,
            queued=queued,
            prompt_tokens=claimed_tokens(raw, "prompt_tokens"),
            completion_tokens=claimed_tokens(raw, "completion_tokens"),
            cost=cost,
        )
        self._write(lambda writer: writer.add_reply(reply), root)

    def flush(self) -> None:
        """Put into the files what came: from then on it outlives a killed process."""
        for root in self._writers:
            self._write(_flush, root)

    def keep_case(self, root: Path, result: CaseResult, request: KeptRequest | None) -> None:
        """Add what became of a case; without `request`, with the replies that nobody was asked for.

        Those are accepted ones, or of another record.
        """
        if not (self._plan.options.record and self._runs[root].record):
            return
        if self._plan.options.reported:
            self.begin(root)
        result = self._without_secrets(result)
        told = structs.replace(result, request=None)
        if request is not None:
            told = structs.replace(told, reply=None, replies=())
        elif result.request is not None:
            request = request_as_kept(result.request.body)
        case = RecordedCase(
            spec=result.spec,
            case=result.case,
            verdict=result.verdict,
            provider=result.provider,
            causes=result.comparison.causes if result.comparison else (),
            reason=result.reason,
            request=request.recorded if request else None,
            digests=request.digests if request else None,
            snapshot=result.snapshot,
            warnings=result.warnings,
            notes=result.notes,
            result=told,
        )
        if request is not None and result.request is not None:
            self._keep_images(root, result.request, request)
        if root in self._writers:
            self._add_case(root, case)
            return
        early = self._early.setdefault(root, [])
        early.append(case)
        if len(early) >= MOST_EARLY:
            self.begin(root)

    def _without_secrets(self, result: CaseResult) -> CaseResult:
        """The result with the lines of the spec that it shows masked; all else of it is already."""
        if not (result.location or result.error or result.warnings):
            return result
        error = result.error
        if error is not None:
            texts = self._plan.masker.mask([error.message, error.hint])
            error = SpecError(texts[0], location=self._place(error.location), hint=texts[1])
        return structs.replace(
            result,
            location=self._place(result.location),
            error=error,
            warnings=tuple(
                structs.replace(one, location=self._masked(one.location)) for one in result.warnings
            ),
        )

    def _place(self, location: Location | None) -> Location | None:
        return None if location is None else self._masked(location)

    def _masked(self, location: Location) -> Location:
        return location._replace(source=self._plan.masker.mask_text(location.source))

    def _keep_images(self, root: Path, request: Request, kept: KeptRequest) -> None:
        most = MOST_IMAGES if root in self._writers else MOST_EARLY_IMAGES
        for image in inline_images(request.body, kept.recorded):
            sha256, _, data = image
            if (root, sha256) in self._images or len(data) > MOST_IMAGE:
                continue
            if self._image_bytes + len(data) > most:
                return
            self._images.add((root, sha256))
            self._image_bytes += len(data)
            if root in self._writers:
                self._write(partial(RunWriter.add_medium, image=image), root)
            else:
                self._early_images.setdefault(root, []).append(image)

    def close(self, state: EndState, exit_code: int | None) -> None:
        """End the record."""
        for root in self._writers:
            self._write(lambda writer: writer.close(state, exit_code), root)

    def _add_case(self, root: Path, case: RecordedCase) -> None:
        self._write(lambda writer: writer.add_case(case), root)

    def _write(self, write: Callable[[RunWriter], None], root: Path) -> None:
        writer = self._writers[root]
        if not writer.is_open:
            return
        try:
            write(writer)
        except RecordError as error:
            if writer.is_open:
                self._tell(error)
            else:
                self.failed = error
                self._stop.ask(error.message, WITHOUT)

    def _tell(self, error: PromptrunError) -> None:
        if error.message not in self._told:
            self._told.add(error.message)
            self.problems.append(error)


def _flush(writer: RunWriter) -> None:
    writer.flush()
