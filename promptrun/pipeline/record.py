"""Keeping a run while it goes on."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

import promptrun
from promptrun.errors import PromptrunError
from promptrun.files.git import read_commit
from promptrun.pipeline.prepare import request_digests
from promptrun.runs import (
    EndState,
    RecordedCase,
    RecordedReply,
    RecordError,
    RunMeta,
    RunWriter,
    trim_runs,
)
from promptrun.snapshots import digest_request, record_request

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.models import CaseResult
    from promptrun.pipeline.conduct import Ask, Got
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared

KEPT_RUNS = 100
"""Older records of a project are deleted as a new one begins."""
MOST_EARLY = 1_000
"""Cases that ended before anything was sent, and wait for a record to begin."""


class Recorder:
    """Writes the record of a run: one file a project, begun by the first reply.

    A run that sends nothing leaves none. A disk that refuses ends the record of its project, a
    value that no record can hold is left out; the run goes on, and `problems` says so.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._writers: dict[Path, RunWriter | None] = {}
        """None where the record could not be begun."""
        self._early: dict[Path, deque[RecordedCase]] = {}
        self._told: set[str] = set()
        self.problems: deque[PromptrunError] = deque()
        """What has not been told yet, each once."""

    def keep_reply(self, prepared: Prepared, ask: Ask, got: Got) -> None:
        """Add what came of one question, as soon as it is there."""
        root = prepared.planned.project.root
        writer = self._begin(root)
        if writer is None:
            return
        usage = got.reply.raw.get("usage") if got.reply else None
        usage = usage if isinstance(usage, dict) else {}
        reply = RecordedReply(
            case=prepared.result.id,
            digests=request_digests(prepared),
            provider=ask.place[1],
            role=ask.role,
            ordinal=ask.ordinal,
            key=ask.key,
            reply=got.reply,
            failure=got.failure,
            attempts=got.attempts,
            prompt_tokens=_whole(usage.get("prompt_tokens")),
            completion_tokens=_whole(usage.get("completion_tokens")),
        )
        try:
            writer.add_reply(reply)
        except RecordError as error:
            self._tell(error)

    def keep_case(self, root: Path, result: CaseResult) -> None:
        """Add what became of a case."""
        if not self._plan.options.record:
            return
        request = result.request
        case = RecordedCase(
            spec=result.spec,
            case=result.case,
            verdict=result.verdict,
            provider=result.provider,
            causes=result.comparison.causes if result.comparison else (),
            reason=result.reason,
            request=record_request(request.body) if request else None,
            digests=digest_request(request.body) if request else None,
            snapshot=result.snapshot,
            warnings=result.warnings,
            notes=result.notes,
        )
        if root in self._writers:
            self._add_case(self._writers[root], case)
        else:
            self._early.setdefault(root, deque(maxlen=MOST_EARLY)).append(case)

    def close(self, state: EndState) -> None:
        """End the record."""
        for writer in filter(None, self._writers.values()):
            try:
                writer.close(state)
            except RecordError as error:
                self._tell(error)

    def _begin(self, root: Path) -> RunWriter | None:
        if not self._plan.options.record:
            return None
        if root not in self._writers:
            self._writers[root] = None
            try:
                trim_runs(root, KEPT_RUNS - 1)
                self._writers[root] = RunWriter(root, self._plan.run_id, self._meta(root))
            except PromptrunError as error:
                self._tell(error)
            for case in self._early.pop(root, ()):
                self._add_case(self._writers[root], case)
        return self._writers[root]

    def _add_case(self, writer: RunWriter | None, case: RecordedCase) -> None:
        if writer is None:
            return
        try:
            writer.add_case(case)
        except RecordError as error:
            self._tell(error)

    def _tell(self, error: PromptrunError) -> None:
        if error.message not in self._told:
            self._told.add(error.message)
            self.problems.append(error)

    def _meta(self, root: Path) -> RunMeta:
        options, mask = self._plan.options, self._plan.masker.mask
        # Whoever was asked has loaded it; a model that is embedded has, too.
        sdk = sys.modules.get("openai")
        return RunMeta(
            targets=tuple(mask(list(options.targets))),
            providers=tuple(name for place, name in self._plan.servers if place == root),
            # A variable of the Python API may be anything that a template can show.
            overrides=mask(to_builtins(options.overrides, enc_hook=str)),
            update=options.update,
            samples=options.overrides.samples,
            promptrun=promptrun.__version__,
            openai=getattr(sdk, "__version__", None),
            python=sys.version.split()[0],
            commit=read_commit(root),
        )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
