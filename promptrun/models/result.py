"""What became of a case."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, Literal

from msgspec import Struct

from promptrun.errors import Location, SpecError
from promptrun.models.reply import Failure, Reply
from promptrun.models.request import Request
from promptrun.models.samples import SetComparison
from promptrun.models.spec import Warned


class Verdict(StrEnum):
    """The one word for a case; `docs/verdicts.md` says when each is given."""

    PASSED = "passed"
    NEW = "new"
    MISSING = "missing"
    CHANGED = "changed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


WORST_FIRST: Final = (
    Verdict.FAILED, Verdict.CHANGED, Verdict.MISSING, Verdict.ERROR,
    Verdict.NEW, Verdict.SKIPPED, Verdict.PASSED,
)  # fmt: skip
"""The order in which verdicts are told."""


class Cause(StrEnum):
    """What moved since the snapshot was accepted, in the order in which causes lead."""

    PROMPT = "prompt"
    SETTINGS = "settings"
    MODEL = "model"
    REPLY = "reply"


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One JSON value that differs."""

    path: str
    """A JSONPath from the root of the compared value: ``$.people[0]``."""
    kind: Literal["added", "removed", "changed"]
    old: Any = None
    new: Any = None


class Difference(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One place that differs, as two texts or as JSON changes."""

    where: str
    """What differs, for people: ``choice 1``, ``messages[0] (system)``, ``temperature``."""
    old: str | None = None
    """The accepted text; None where there was nothing."""
    new: str | None = None
    changes: tuple[Change, ...] = ()
    """For JSON: every place that differs. Empty for text."""
    bounded: bool = False
    """True where the values were too large to list every change, so `old` and `new` are shown."""


class Comparison(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new reply and its request, held against the accepted ones."""

    causes: tuple[Cause, ...] = ()
    """All that moved, leading cause first; empty means equal."""
    request: tuple[Difference, ...] = ()
    reply: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    """What moved without making the case `changed`: another served model with an equal reply."""
    warnings: tuple[str, ...] = ()
    """An ignore or a replacement that matches nothing, or that could not be made."""
    compared: bool = True
    """False in the mode `none`: nobody knows whether the reply differs."""

    @property
    def equal(self) -> bool:
        """Whether nothing moved that counts."""
        return not self.causes


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether one expectation was kept."""

    kind: str
    kept: bool
    expected: str = ""
    found: str = ""
    where: str = ""
    """Where in the reply: ``choice 1, line 2, column 5``."""
    not_judged: str | None = None
    """Why it could not be judged (a snapshot does not know latencies); it then counts as kept."""
    error: str | None = None
    """Why judging it failed (a pattern that ran out of time); it then counts as not kept."""
    details: tuple[str, ...] = ()
    """What else a reader needs, a line each: a judge's reason, numbers that differ."""


class Spent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all requests of a case took: its samples, second looks and judges."""

    requests: int = 0
    """Replies and failures; one that was sent again counts once."""
    prompt_tokens: int | None = None
    """None where no server told; so with the next two."""
    completion_tokens: int | None = None
    cost: float | None = None
    """US dollars."""


class CaseResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that is known of a case after a run; reports project it."""

    spec: str
    case: str
    verdict: Verdict
    provider: str
    replayed: bool = False
    request: Request | None = None
    reply: Reply | None = None
    replies: tuple[Reply, ...] = ()
    """All N replies of a case that is sampled, `reply` the first of them; else empty."""
    comparison: Comparison | None = None
    sets: SetComparison | None = None
    """For N samples: the set held against the accepted one, where there is one."""
    outcomes: tuple[Outcome, ...] = ()
    failure: Failure | None = None
    error: SpecError | None = None
    """For a bad row: what is wrong with it."""
    reason: str | None = None
    """Why the case was skipped, is missing, or could not be compared."""
    warnings: tuple[Warned, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str | None = None
    """What would help, where a difference has a usual remedy; a screen tells it once a run."""
    snapshot: str | None = None
    """The snapshot's path below the root."""
    pending: str | None = None
    """The path below the root at which a new reply waits."""
    written: bool = False
    """Whether the snapshot now holds this reply: a new one, or a change accepted by `--update`."""
    attempts: int = 1
    tags: tuple[str, ...] = ()
    location: Location | None = None
    """Where the case is written, for one that needs reading."""
    accepted: tuple[tuple[Reply, int], ...] = ()
    """What was accepted where the new reply is not equal to it: each distinct reply, and how often
    it came."""
    spent: Spent | None = None
    """Known of a recorded run."""

    @property
    def id(self) -> str:
        """``specs/json_people.yaml::english``."""
        return f"{self.spec}::{self.case}"
