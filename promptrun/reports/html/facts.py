"""What is known of a case in a word each, and the commands that go on from it."""

from __future__ import annotations

import shlex
from math import floor, log10
from typing import TYPE_CHECKING, Any

from promptrun.models import Verdict
from promptrun.protocol.usage import claimed_tokens
from promptrun.reports import history
from promptrun.reports.money import write_dollars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptrun.models import CaseResult, Reply, Spent

_UNSETTLED = {Verdict.FAILED, Verdict.ERROR, Verdict.SKIPPED, Verdict.MISSING}


def describe_facts(result: CaseResult) -> Sequence[tuple[str, str]]:
    """Names and values, in the order of reading; what is not known is left out."""
    known: dict[str, Any] = {
        "provider": f"{result.provider}, replayed" if result.replayed else result.provider,
        **_describe_models(result),
        **_describe_times(result),
        **describe_spent(result.spent, result.reply),
        "attempts": result.attempts if result.attempts > 1 else None,
        "request id": result.reply.request_id if result.reply else None,
        "snapshot": _describe_snapshot(result),
        "waits as": result.pending,
        "written at": str(result.location) if result.location else None,
        "tags": ", ".join(result.tags),
    }
    return [(name, str(value)) for name, value in known.items() if value not in {None, ""}]


def write_commands(result: CaseResult) -> Sequence[str]:
    """What a reader may type next, the most likely first."""
    case = shlex.quote(result.id)
    if result.pending:
        return [f"promptrun review {case}", f"promptrun show {case}"]
    if result.verdict in _UNSETTLED:
        return [f"promptrun {case}", f"promptrun show {case}"]
    return [f"promptrun show {case}"]


def describe_spent(spent: Spent | None, reply: Reply | None) -> dict[str, str | None]:
    """Requests, tokens and cost; of a case without a record, what its reply tells."""
    if spent is None:
        names = ("prompt_tokens", "completion_tokens")
        told = [claimed_tokens(reply.raw, name) if reply else None for name in names]
        return {"tokens": write_tokens(*told)}
    return {
        "requests": f"{spent.requests:,}" if spent.requests > 1 else None,
        "tokens": write_tokens(spent.prompt_tokens, spent.completion_tokens),
        "cost": None if spent.cost is None else write_cost(spent.cost),
    }


def write_tokens(prompt: int | None, completion: int | None) -> str | None:
    """``40 + 12``: those of the prompt and those of the reply; None where no one told."""
    if prompt is None and completion is None:
        return None
    return history.write_tokens(prompt, completion)


def write_cost(dollars: float) -> str:
    """``$1.20``, ``$0.0132``, ``$0.000013``: two digits of an amount that is little."""
    if 1e-12 < dollars < 0.1:
        return f"${dollars:.{1 - floor(log10(dollars))}f}"
    return write_dollars(dollars)


def _describe_models(result: CaseResult) -> dict[str, str | None]:
    body = result.request.body if result.request else {}
    raw = result.reply.raw if result.reply else {}
    served, finger = raw.get("model"), raw.get("system_fingerprint")
    asked = body.get("model")
    return {
        "model": asked if isinstance(asked, str) else None,
        "served": served if isinstance(served, str) and served != asked else None,
        "fingerprint": finger if isinstance(finger, str) else None,
        "ended by": _ends(result.reply),
    }


def _ends(reply: Reply | None) -> str | None:
    reasons = {choice.finish_reason or "no reason" for choice in reply.choices} if reply else set()
    return ", ".join(sorted(reasons)) or None


def _describe_times(result: CaseResult) -> dict[str, str | None]:
    if result.replayed:
        return {}
    totals = sorted(one.timings.total for one in result.replies if one.timings.total)
    if len(totals) > 1:
        return {
            "latency": f"{totals[len(totals) // 2]:.2f} s median, {totals[0]:.2f} to "
            f"{totals[-1]:.2f} s"
        }
    if result.reply is None or not result.reply.timings.total:
        return {}  # nobody measured a reply that was accepted earlier
    first = result.reply.timings.first_piece
    return {
        "latency": f"{result.reply.timings.total:.2f} s",
        "first token": None if first is None else f"{first:.2f} s",
    }


def _describe_snapshot(result: CaseResult) -> str | None:
    if result.snapshot and result.written:
        return f"{result.snapshot}, now this reply"
    return result.snapshot
