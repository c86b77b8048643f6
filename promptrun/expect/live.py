"""Limits of time, tokens and cost, which only a live reply tells.

``max_latency: 5`` and ``max_first_token: 1`` in seconds, ``max_tokens: 200``, ``max_cost: 0.002``
in US dollars. A snapshot keeps none of these numbers, so that a replay judges nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.expect.family import Family, Finding, not_judged, quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.expect.family import Check, Evidence
    from promptrun.models import Reply
    from promptrun.protocol import Path, Problem


MOST: Final = 10**12
"""No limit is larger; infinity is none either."""


def _limit(name: str, unit: str, *, whole: bool = False, least: float | None = None) -> Check:
    """The check of a number: at least `least`, or above 0."""

    def check(value: Any, path: Path) -> list[Problem]:
        from promptrun.protocol import Problem, shown

        kind = "a whole number" if whole else "a number"
        hint = f"write {kind} of {unit}"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            return [Problem(path, f"`{name}` takes {kind}, not {shown(value)}", hint=hint)]
        if (least or 0) <= value <= MOST and (least is not None or value > 0):
            return []
        wanted = "above 0" if least is None else f"at least {least:g}"
        message = f"`{name}` must be {wanted} and at most {MOST:,}, not {shown(value)}"
        return [Problem(path, message, hint=hint)]

    return check


def _live(what: str, test: Callable[[Any, Reply, Evidence], Finding]) -> Any:
    """A test of a live reply, which in a replay is not judged."""

    def test_reply(argument: Any, evidence: Evidence) -> Finding:
        if evidence.reply is None:
            return not_judged(f"a snapshot does not keep {what}")
        return test(argument, evidence.reply, evidence)

    return test_reply


def _test_latency(most: float, reply: Reply, _evidence: Evidence) -> Finding:
    return _in_time(reply.timings.total, most)


def _test_first_token(most: float, reply: Reply, _evidence: Evidence) -> Finding:
    if not reply.streamed:
        return not_judged("the reply was not streamed: `stream: true` in the spec does that")
    first = reply.timings.first_piece
    if first is None:
        return not_judged("no piece of text was streamed")
    return _in_time(first, most)


def _in_time(seconds: float, most: float) -> Finding:
    # Judged to the millisecond, as it is told: `2 s` is never broken by `2.000 s`.
    seconds = round(seconds, 3)
    return Finding(kept=seconds <= most, found=f"{seconds:.3f} s")


def _test_tokens(most: int, reply: Reply, _evidence: Evidence) -> Finding:
    from promptrun.protocol.prices import output_tokens

    tokens = output_tokens(reply.raw)
    if tokens is None:
        return not_judged(_no_usage(reply))
    return Finding(kept=tokens <= most, found=_tokens(tokens))


def _test_cost(most: float, reply: Reply, evidence: Evidence) -> Finding:
    from decimal import Decimal

    from promptrun.protocol.prices import reply_cost, token_counts

    cost = reply_cost(reply.raw, evidence.provider)
    if cost is not None:
        # By its text 0.1 is a tenth, as the spec says it.
        return Finding(kept=cost <= Decimal(str(most)), found=_dollars(cost))
    if token_counts(reply.raw) is None:
        return not_judged(_no_usage(reply))
    return not_judged(f"no price is known for the model {quote(str(reply.raw.get('model')))}")


def _no_usage(reply: Reply) -> str:
    if reply.raw.get("usage"):
        return "the usage that the server sent does not add up"
    hint = ": `stream_options: {include_usage: true}` brings it" if reply.streamed else ""
    return f"the server sent no usage{hint}"


def _tokens(count: int) -> str:
    return f"{count:,} token" if count == 1 else f"{count:,} tokens"


def _dollars(amount: Any) -> str:
    from decimal import Decimal

    return f"${Decimal(str(amount)).normalize():f}"


MAX_LATENCY = Family(
    check=_limit("max_latency", "seconds"),
    describe=lambda most: f"{most:g} s",
    test_reply=_live("latencies", _test_latency),
)

MAX_FIRST_TOKEN = Family(
    check=_limit("max_first_token", "seconds"),
    describe=lambda most: f"{most:g} s",
    test_reply=_live("latencies", _test_first_token),
)

MAX_TOKENS = Family(
    check=_limit("max_tokens", "tokens", whole=True, least=1),
    describe=_tokens,
    test_reply=_live("the usage", _test_tokens),
)

MAX_COST = Family(
    check=_limit("max_cost", "US dollars", least=0),
    describe=_dollars,
    test_reply=_live("the usage", _test_cost),
)
