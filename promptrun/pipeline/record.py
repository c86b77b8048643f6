"""Keeping a run while it goes on, and judging a kept run anew."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

import promptrun
from promptrun.errors import PromptrunError, UsageError
from promptrun.models import CaseResult, Digests, Verdict
from promptrun.pipeline.conduct import Ask, Got, conduct
from promptrun.pipeline.prepare import Prepared, mask_failure, mask_reply, prepare
from promptrun.runs import (
    EndState,
    RecordedCase,
    RecordedReply,
    RecordError,
    RunMeta,
    RunReader,
    RunWriter,
    open_run,
    trim_runs,
)
from promptrun.snapshots import digest_request, record_request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from promptrun.pipeline.plan import Plan

KEPT_RUNS = 100
"""Older records of a project are deleted as a new one begins."""


class Recorder:
    """Writes the record of a run: one file a project, begun by the first thing that is kept.

    A disk that refuses ends the record and not the run: `problem` says so once.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._writers: dict[Path, RunWriter] = {}
        self.problem: PromptrunError | None = None

    def keep_reply(self, prepared: Prepared, ask: Ask, got: Got) -> None:
        """Add what came of one question."""
        masker = self._plan.masker
        reply = mask_reply(masker, got.reply) if got.reply else None
        usage = reply.raw.get("usage") if reply else None
        usage = usage if isinstance(usage, dict) else {}
        self._write(
            prepared.planned.project.root,
            RecordedReply(
                case=prepared.result.id,
                digests=_digests(prepared),
                role=ask.role,
                ordinal=ask.ordinal,
                key=ask.key,
                reply=reply,
                failure=mask_failure(masker, got.failure) if got.failure else None,
                attempts=got.attempts,
                prompt_tokens=_whole(usage.get("prompt_tokens")),
                completion_tokens=_whole(usage.get("completion_tokens")),
            ),
        )

    def keep_case(self, root: Path, result: CaseResult) -> None:
        """Add what became of a case."""
        request = result.request
        self._write(
            root,
            RecordedCase(
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
            ),
        )

    def close(self, state: EndState) -> None:
        """End the record."""
        for writer in self._writers.values():
            try:
                writer.close(state)
            except RecordError as error:
                self.problem = self.problem or error

    def _write(self, root: Path, kept: RecordedReply | RecordedCase) -> None:
        if not self._plan.options.record:
            return
        try:
            if root not in self._writers:
                trim_runs(root, KEPT_RUNS - 1)
                self._writers[root] = RunWriter(root, self._plan.run_id, self._meta(root))
            writer = self._writers[root]
            if isinstance(kept, RecordedReply):
                writer.add_reply(kept)
            else:
                writer.add_case(kept)
        except PromptrunError as error:
            self.problem = self.problem or error

    def _meta(self, root: Path) -> RunMeta:
        options, mask = self._plan.options, self._plan.masker.mask
        sdk = sys.modules.get("openai")
        return RunMeta(
            targets=tuple(mask(list(options.targets))),
            providers=tuple(name for place, name in self._plan.servers if place == root),
            overrides=mask(to_builtins(options.overrides)),
            update=options.update,
            samples=options.overrides.samples,
            promptrun=promptrun.__version__,
            openai=getattr(sdk, "__version__", None),
            python=sys.version.split()[0],
            commit=read_commit(root),
        )


def judge_again(plan: Plan, name: str) -> Iterator[CaseResult]:
    """Judge the replies of a recorded run by today's rules; nothing is sent.

    A case that the run did not ask is skipped; one whose request moved since is an error. Raises
    UsageError where there is no such run, or more than one project.
    """
    roots = {planned.project.root for planned in plan.specs}
    if len(roots) > 1:
        raise UsageError("`--again` judges the run of one project", hint="name specs of one")
    with open_run(roots.pop(), name) as run:
        for planned, case in plan.all_cases():
            ready = prepare(plan, planned, case)
            yield _judge_recorded(plan, ready, run) if isinstance(ready, Prepared) else ready


def _judge_recorded(plan: Plan, prepared: Prepared, run: RunReader) -> CaseResult:
    from msgspec import structs

    digests = _digests(prepared)
    kept: dict[tuple[str, int, str | None], RecordedReply] = {}
    moved = False
    for one in run.replies(prepared.result.id):
        moved = True
        if one.digests == digests:
            kept[one.role, one.ordinal, one.key] = one
    samples = sum(role == "sample" for role, _, _ in kept)
    wanted = prepared.case.samples.count
    if samples < wanted:
        reason = "the run did not ask this case"
        if kept:
            reason = f"the run has {samples} replies of this case, and `samples` wants {wanted}"
        elif moved:
            reason = "the request moved since that run"
        verdict = Verdict.ERROR if moved else Verdict.SKIPPED
        return structs.replace(prepared.result, verdict=verdict, reason=reason)
    steps = conduct(plan, prepared)
    asks = next(steps)
    try:
        while True:
            asks = steps.send([_recorded(kept.get((a.role, a.ordinal, a.key))) for a in asks])
    except StopIteration as ended:
        result: CaseResult = ended.value
        return result


def _recorded(one: RecordedReply | None) -> Got:
    if one is None:
        return Got()
    return Got(reply=one.reply, failure=one.failure, attempts=one.attempts)


def _digests(prepared: Prepared) -> Digests:
    assert prepared.result.request is not None  # noqa: S101 - `prepare` set it
    return digest_request(prepared.result.request.body)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_commit(folder: Path) -> str | None:
    """The commit that is checked out around `folder`, read from git's own files; None for none."""
    git = next(
        (each / ".git" for each in (folder, *folder.parents) if (each / ".git").is_dir()), None
    )
    if git is None:
        return None
    try:
        head = (git / "HEAD").read_text("utf-8").strip()
        name = head.removeprefix("ref: ")
        if name == head:
            return _commit(head)
        if (git / name).is_file():
            return _commit((git / name).read_text("utf-8").strip())
        packed = (git / "packed-refs").read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return None
    return next(
        (_commit(line.partition(" ")[0]) for line in packed if line.endswith(f" {name}")), None
    )


def _commit(text: str) -> str | None:
    is_one = len(text) in {40, 64} and all(char in "0123456789abcdef" for char in text)
    return text if is_one else None
