"""What a family of expectations is, and what it judges by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from promptrun.files.json import canonical
from promptrun.models import Reply, Snapshot

if TYPE_CHECKING:
    from promptrun.protocol import Path as YamlPath
    from promptrun.protocol import Problem

    Check = Callable[[Any, YamlPath], list[Problem]]

LONGEST: int = 300
"""Characters of a reply that a finding quotes."""


class Choice(Struct, frozen=True, kw_only=True):
    """One recorded choice of a reply."""

    name: str
    """What it is called: ``choice 1``."""
    recorded: dict[str, Any]
    """As `docs/snapshots.md` shows it."""

    @property
    def text(self) -> str | None:
        """The content as rules about text see it, live and in a replay alike.

        JSON that was recorded as such is its canonical text; None where there is no content.
        """
        if "json" in self.recorded:
            return canonical(self.recorded["json"])
        content = self.recorded.get("content")
        return content if isinstance(content, str) else None

    @property
    def instead(self) -> str:
        """What there is where a rule looks for text and finds none."""
        if self.recorded.get("refusal"):
            return f"no text, but a refusal: {shorten(self.recorded['refusal'])}"
        if self.recorded.get("tool_calls") or self.recorded.get("function_call"):
            return "no text, but a call of a tool"
        return "no text"


class Judgement(Struct, frozen=True, kw_only=True):
    """What a judge said of one choice."""

    score: float | None
    """From 0 to 1; None where it gave no judgement, and `reason` says why."""
    reason: str
    failed: bool = False
    """Whether it is missing because the judge could not be asked, or answered something else."""


class Question(Struct, frozen=True, kw_only=True):
    """What a judge has to be asked before an expectation can be judged.

    The judge's prompt is a spec of its own; the pipeline renders and sends it.
    """

    key: str
    """Names the judgement in `Evidence.judgements` and in the snapshot."""
    spec: str | None
    """The judge's own spec, relative to the spec that asks; None for the one of promptrun."""
    model: str | None
    """Over the model that the judge's spec names."""
    variables: dict[str, str]


class Evidence(Struct, frozen=True, kw_only=True):
    """A reply, as far as it is known."""

    snapshot: Snapshot
    """The reply as it is recorded."""
    reply: Reply | None = None
    """None in a replay: what only a live reply tells is then not judged."""
    accepted: Snapshot | None = None
    """The accepted reply; None where there is none."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """The body that was sent, secrets masked."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Those of the case."""
    provider: str = "openai"
    root: Path = Path()
    """The project's root."""
    folder: Path = Path()
    """The folder of the spec: where a relative path of an argument starts."""
    allow_python: bool = False
    """Whether the project's settings allow code, and that is trusted."""
    judgements: Mapping[str, Judgement] = field(default_factory=dict)
    """By `Question.key`."""
    judges: Mapping[str | None, str] = field(default_factory=dict)
    """A digest of each judge's own spec, by the name under which a rule has it."""

    def choices(self) -> list[Choice]:
        """The recorded choices by index."""
        return _choices_of(self.snapshot.reply)

    def accepted_texts(self, choice: Choice) -> list[str]:
        """What is accepted for the choice of the same index; of a set, the most frequent first."""
        if self.accepted is None:
            return []
        reply = self.accepted.reply
        samples = sorted(reply.get("samples") or [reply], key=_count_of, reverse=True)
        return [
            one.text
            for sample in samples
            for one in _choices_of(sample)
            if one.name == choice.name and one.text is not None
        ]


def _choices_of(reply: dict[str, Any]) -> list[Choice]:
    return [
        Choice(name=f"choice {position}", recorded=recorded)
        for position, recorded in enumerate(reply.get("choices") or (), start=1)
    ]


def _count_of(sample: dict[str, Any]) -> int:
    count: int = sample.get("count", 1)
    return count


class Finding(Struct, frozen=True, kw_only=True):
    """What came of testing one choice, or the reply as a whole."""

    kept: bool
    """Whether it is as the argument says, `not:` aside."""
    found: str
    """What is there, for people; told where the expectation is broken, negated or not."""
    where: str = ""
    """Where inside of it: ``line 2, column 5`` or ``$.people[0]``."""
    details: tuple[str, ...] = ()
    """What else a reader needs, a line each."""
    not_judged: str | None = None
    """Why it cannot be judged (a snapshot does not know latencies); `kept` then does not count."""
    error: str | None = None
    """Why judging it failed (a pattern that ran out of time); `kept` then does not count."""


def not_judged(reason: str) -> Finding:
    """The finding where there is nothing to judge by."""
    return Finding(kept=True, found="", not_judged=reason)


def failed(reason: str) -> Finding:
    """The finding where judging itself failed."""
    return Finding(kept=False, found="", error=reason)


class Family(Struct, frozen=True, kw_only=True):
    """One row of the table of expectations."""

    check: Check
    """What is wrong with an argument, when the spec is loaded. A text that is a template was
    rendered before it gets here."""
    describe: Callable[[Any], str]
    """The argument for people, behind the family's name: ``contains`` `` `할머니` ``."""
    test: Callable[[Any, Choice, Evidence], Finding] | None = None
    """One choice against the argument; or None, and then there is:"""
    test_reply: Callable[[Any, Evidence], Finding] | None = None
    """The reply as a whole: `on:` means nothing then."""
    ask: Callable[[Any, Choice, Evidence], Question | None] | None = None
    """What must be asked before `test` can tell; None where the test needs nobody."""
    always: Any = None
    """The argument that holds where a spec does not state this expectation; None for none."""


On = Literal["all", "any", "first"]


def shorten(text: str, longest: int = LONGEST) -> str:
    """At most `longest` characters of a text, and how many it has."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def place_of(text: str, offset: int) -> str:
    """A place in a text for people: ``line 2, column 5``, both from 1."""
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - text.rfind(chr(10), 0, offset)}"


def quote(text: str, longest: int = 120) -> str:
    """A text in backticks, cut where it is long."""
    return f"`{text[:longest]}…`" if len(text) > longest else f"`{text}`"
