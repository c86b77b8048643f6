"""What became of one item, as it is reported and as workers tell it each other."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from promptrun.models import Verdict
from promptrun.reports.problems import write_problem
from promptrun.reports.style import Style, visible_line
from promptrun.reports.text import write_details, write_verdict

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.errors import PromptrunError
    from promptrun.models import CaseResult

STYLE = Style(width=100)
"""Without colour: the text goes to files, too."""


class Settled(Struct, frozen=True, kw_only=True):
    """The outcome of one item, by its node id."""

    id: str
    outcome: Literal["passed", "failed", "skipped"]
    verdict: str
    text: str
    """For a reader: verdict, differences and hints, or why it was skipped."""
    worth_telling: bool = False
    """Whether `text` says more of an item that passed than that it did."""
    written: bool = False
    """Whether its snapshot was written."""
    seconds: float | None = None
    """How long the reply took; None where none came."""


def settle_result(node_id: str, result: CaseResult, spec_path: Path, shown_from: Path) -> Settled:
    """What a result means to its item; hints name the spec as it is seen from `shown_from`."""
    replies = () if result.replayed else result.replies or (result.reply,)
    seconds = [reply.timings.total for reply in replies if reply is not None]
    skipped = result.verdict is Verdict.SKIPPED
    details = list(write_details(result, STYLE))
    text = "\n".join([write_verdict(result, STYLE), *details])
    if not holds(result) and result.pending and result.verdict is not Verdict.FAILED:
        # Accepting a reply that breaks an expectation would not make it pass.
        text += f"\n{_accept_hint(result, spec_path, shown_from)}"
    return Settled(
        id=node_id,
        outcome="skipped" if skipped else "passed" if holds(result) else "failed",
        verdict=result.verdict.value,
        text=visible_line(result.reason or "") if skipped else text,
        worth_telling=bool(details) or result.written,
        written=result.written,
        seconds=max(seconds, default=None),
    )


def settle_error(node_id: str, error: PromptrunError) -> Settled:
    """The outcome of an item that could not be asked for at all."""
    text = write_problem(error, STYLE)
    return Settled(id=node_id, outcome="failed", verdict=Verdict.ERROR.value, text=text)


def holds(result: CaseResult) -> bool:
    """Whether a test of this case passes; a change that ``--promptrun-update`` took is settled."""
    if result.verdict is Verdict.CHANGED:
        return result.written
    return result.verdict in {Verdict.PASSED, Verdict.NEW}


def _accept_hint(result: CaseResult, spec_path: Path, shown_from: Path) -> str:
    target = f"{os.path.relpath(spec_path, shown_from)}::{result.case}"
    what = "it as the first snapshot" if result.verdict is Verdict.MISSING else "what changed"
    return f"hint: {visible_line(shlex.join(['promptrun', 'accept', target]))} takes {what}"
