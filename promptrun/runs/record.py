"""What is kept of a run: values that travel between the pipeline and the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from promptrun.errors import PromptrunError, UsageError
from promptrun.models import CaseResult, Cause, Digests, Failure, Reply, Verdict, Warned

EndState = Literal[
    "finished",  # every case has its verdict
    "stopped",  # given up on purpose: a limit, `--fail-fast`, a failure that is final
    "interrupted",  # Ctrl-C
    "crashed",  # an error of promptrun itself
]

Role = Literal[
    "sample",  # an answer to the case
    "second",  # one of the fresh answers after a first look that alarmed
    "judge",  # what a judge said of the answers
]


Image = tuple[str, str, bytes]
"""The SHA-256 of an image in hex digits, its type, and its bytes."""


class RecordError(PromptrunError):
    """A run cannot be recorded, or one value of it."""

    exit_code = 2


class RunMeta(Struct, frozen=True, kw_only=True):
    """What a run was asked to do, and by which programs; secrets are masked."""

    targets: tuple[str, ...]
    """As they were typed."""
    providers: tuple[str, ...] = ()
    overrides: dict[str, Any] = field(default_factory=dict)
    """``models.Overrides`` as JSON."""
    update: str = "auto"
    samples: int | None = None
    promptrun: str
    """Its version; so with the next two."""
    openai: str | None = None
    python: str
    commit: str | None = None
    """The commit of the project's git, where it is known."""
    selection: tuple[str, ...] = ()
    """The targets below the root, resolved and sorted: what `--resume` looks a run up by."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What held for the run (jobs, timeout, provider …), as JSON."""

    @property
    def asked(self) -> bool:
        """Whether the run sent its requests: a replay that is recorded has no reply to go by."""
        return not (self.settings.get("replay") or self.settings.get("again"))


class RecordedReply(Struct, frozen=True, kw_only=True):
    """One request that was sent for a case, and what came of it: a reply, or a failure."""

    case: str
    """The id of the case."""
    digests: Digests
    """Of the case's request, whatever the role: they tell whether the reply still answers it."""
    provider: str
    """Who was asked: a judge may stand at another than its case."""
    role: Role = "sample"
    ordinal: int = 0
    """Which of the N replies of its role (and key), from 0 on."""
    key: str | None = None
    """For a judge: which question it was asked."""
    reply: Reply | None = None
    failure: Failure | None = None
    attempts: int = 1
    queued: float | None = None
    """Seconds between being wanted and being sent, where that is known."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    """US dollars."""


class RecordedCase(Struct, frozen=True, kw_only=True):
    """What became of a case."""

    spec: str
    case: str
    verdict: Verdict
    provider: str
    causes: tuple[Cause, ...] = ()
    reason: str | None = None
    request: dict[str, Any] | None = None
    """The body that was sent, masked; None where nothing could be rendered."""
    digests: Digests | None = None
    snapshot: str | None = None
    """The snapshot's path below the root."""
    warnings: tuple[Warned, ...] = ()
    notes: tuple[str, ...] = ()
    result: CaseResult | None = None
    """What reports tell of it, without the request and the replies that stand elsewhere; None in a
    record of an older promptrun."""

    @property
    def id(self) -> str:
        """``specs/json_people.yaml::english``."""
        return f"{self.spec}::{self.case}"


class RunTotals(Struct, frozen=True, kw_only=True):
    """What the requests of a run add up to."""

    requests: int = 0
    """Rows of the record: each has one reply or one failure."""
    failures: int = 0
    attempts: int = 0
    """How often something was sent; a request that was repeated counts each time."""
    prompt_tokens: int | None = None
    """None where no reply tells; so with the next two."""
    completion_tokens: int | None = None
    cost: float | None = None
    """US dollars."""


class RunInfo(Struct, frozen=True, kw_only=True):
    """One record in the list of runs."""

    id: str
    path: Path
    meta: RunMeta | None = None
    """None where `problem` says why the record cannot be read."""
    began: str = ""
    """UTC, as ISO 8601 with milliseconds; so is `ended`."""
    ended: str | None = None
    state: EndState | None = None
    """None for a run that goes on, and for one whose process was killed."""
    exit_code: int | None = None
    verdicts: dict[Verdict, int] = field(default_factory=dict)
    """How many cases have each verdict so far."""
    totals: RunTotals | None = None
    """None until the run has ended: `RunReader.totals` and `count_totals` count until then."""
    problem: UsageError | None = None
