from __future__ import annotations

from typing import Any

import pytest

from promptrun.expect import KINDS, Evidence, judge, rule_text
from promptrun.models import Digests, Expectation, Outcome, Reply, Snapshot, Timings

SNAPSHOT = Snapshot(
    spec="specs/a.yaml",
    case="default",
    digests=Digests(prompt="p", settings="s", model="m"),
    request=None,
    reply={"model": "m", "choices": [{"finish_reason": "stop", "content": "안녕하세요"}]},
)
USAGE = {"prompt_tokens": 1_000, "completion_tokens": 100}


def live(
    *,
    total: float = 1.0,
    first: float | None = None,
    usage: Any = USAGE,
    model: str = "gpt-4o-mini",
    streamed: bool = False,
) -> Reply:
    return Reply(
        raw={"model": model, "usage": usage},
        timings=Timings(total=total, first_piece=first),
        streamed=streamed,
    )


def outcome(
    kind: str, argument: Any, reply: Reply | None, *, provider: str = "openai", **more: Any
) -> Outcome:
    rule = Expectation(kind=kind, argument=argument, **more)
    (found,) = judge([rule], Evidence(snapshot=SNAPSHOT, reply=reply, provider=provider))
    return found


STREAM = live(first=0.25, streamed=True)


@pytest.mark.parametrize(
    ("kind", "argument", "reply"),
    [
        pytest.param("max_latency", 1, live(total=1.0), id="a latency at its limit"),
        pytest.param("max_latency", 2, live(total=2.0001), id="it is judged to the millisecond"),
        pytest.param("max_first_token", 0.25, STREAM, id="a first token at its limit"),
        pytest.param("max_tokens", 100, live(), id="tokens at their limit"),
        pytest.param("max_cost", 0.00021, live(), id="a cost at its limit, to the last digit"),
    ],
)
def test_a_limit_that_is_kept(kind: str, argument: Any, reply: Reply) -> None:
    found = outcome(kind, argument, reply)
    assert (found.kept, found.not_judged, found.error) == (True, None, None)
    assert not outcome(kind, argument, reply, negated=True).kept


@pytest.mark.parametrize(
    ("kind", "argument", "reply", "expected", "found"),
    [
        ("max_latency", 1.5, live(total=1.5014), "1.5 s", "1.501 s"),
        ("max_first_token", 0.2, STREAM, "0.2 s", "0.250 s"),
        ("max_tokens", 99, live(), "99 tokens", "100 tokens"),
        ("max_tokens", 1, live(), "1 token", "100 tokens"),
        ("max_cost", 0.0002, live(), "$0.0002", "$0.00021"),
        ("max_cost", 0, live(), "$0", "$0.00021"),
    ],
)
def test_a_limit_that_is_broken_says_what_there_is(
    kind: str, argument: Any, reply: Reply, expected: str, found: str
) -> None:
    assert outcome(kind, argument, reply) == Outcome(
        kind=kind, kept=False, expected=expected, found=found
    )


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("max_latency", "a snapshot does not keep latencies"),
        ("max_first_token", "a snapshot does not keep latencies"),
        ("max_tokens", "a snapshot does not keep the usage"),
        ("max_cost", "a snapshot does not keep the usage"),
    ],
)
@pytest.mark.parametrize("negated", [False, True], ids=["plain", "negated"])
def test_a_replay_judges_no_limit(kind: str, reason: str, *, negated: bool) -> None:
    found = outcome(kind, 1, None, negated=negated)
    assert (found.kept, found.not_judged) == (True, reason)


@pytest.mark.parametrize(
    ("kind", "reply", "reason"),
    [
        pytest.param(
            "max_first_token",
            live(),
            "the reply was not streamed: `stream: true` in the spec does that",
            id="a reply that came whole has no first token",
        ),
        pytest.param(
            "max_first_token",
            live(streamed=True),
            "no piece of text was streamed",
            id="nor has a stream of a tool call",
        ),
        pytest.param("max_tokens", live(usage=None), "the server sent no usage", id="no usage"),
        pytest.param(
            "max_tokens",
            live(usage=None, streamed=True),
            "the server sent no usage: `stream_options: {include_usage: true}` brings it",
            id="a stream without usage",
        ),
        pytest.param(
            "max_cost",
            live(usage=None, streamed=True),
            "the server sent no usage: `stream_options: {include_usage: true}` brings it",
            id="a stream without usage has no cost",
        ),
        pytest.param(
            "max_cost",
            live(usage={"prompt_tokens": -1, "completion_tokens": 1}),
            "the usage that the server sent does not add up",
            id="a usage that cannot be",
        ),
        pytest.param(
            "max_cost",
            live(model="우리-모델"),
            "no price is known for the model `우리-모델`",
            id="a model without a price",
        ),
    ],
)
def test_what_cannot_be_known_is_not_judged_and_says_why(
    kind: str, reply: Reply, reason: str
) -> None:
    assert outcome(kind, 1, reply).not_judged == reason


def test_the_embedded_model_keeps_every_limit_of_cost() -> None:
    found = outcome("max_cost", 0, live(model="SmolLM2-135M-Instruct"), provider="local")
    assert (found.kept, found.not_judged) == (True, None)


LIMITS = ("max_latency", "max_first_token", "max_tokens", "max_cost")


@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize(
    "argument",
    [
        pytest.param("1", id="a text"),
        pytest.param(True, id="a boolean"),
        pytest.param(None, id="nothing"),
        pytest.param([1], id="a list"),
        pytest.param(-1, id="less than nothing"),
        pytest.param(10**400, id="more than a float can hold"),
        pytest.param(float("inf"), id="infinity"),
        pytest.param(float("nan"), id="no number"),
    ],
)
def test_a_wrong_limit_is_a_problem_with_a_hint(kind: str, argument: Any) -> None:
    (problem,) = KINDS[kind](argument, ("expect", 0, kind))
    assert problem.path == ("expect", 0, kind)
    assert f"`{kind}`" in problem.message
    assert problem.hint
    assert not problem.lenient


@pytest.mark.parametrize(
    ("kind", "argument", "message"),
    [
        ("max_latency", 0, "`max_latency` must be above 0 and at most 1,000,000,000,000, not `0`"),
        ("max_tokens", 0, "`max_tokens` must be at least 1 and at most 1,000,000,000,000, not `0`"),
        ("max_tokens", 1.5, "`max_tokens` takes a whole number, not `1.5`"),
        ("max_latency", "빨리", "`max_latency` takes a number, not `빨리`"),
    ],
)
def test_the_message_says_what_a_limit_may_be(kind: str, argument: Any, message: str) -> None:
    assert [problem.message for problem in KINDS[kind](argument, ())] == [message]


def test_a_right_limit_has_no_problem() -> None:
    for kind, argument in zip(LIMITS, (0.5, 1, 1, 0), strict=True):
        assert KINDS[kind](argument, ()) == []


def test_a_limit_has_its_unit_for_people() -> None:
    rules = [Expectation(kind=kind, argument=2) for kind in LIMITS]
    assert [rule_text(rule) for rule in rules] == [
        "max_latency 2 s",
        "max_first_token 2 s",
        "max_tokens 2 tokens",
        "max_cost $2",
    ]
