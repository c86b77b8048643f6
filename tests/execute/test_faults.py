"""Against a server that fails by plan: every call gets its own answer, and gets it once.

What each request met is told by the server, so the tests know what has to come of each call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, structs

from promptrun.execute import (
    Answer,
    Call,
    Event,
    Pace,
    Piece,
    Restarted,
    RetryPolicy,
    Terms,
    Waiting,
    execute,
)
from promptrun.models import Request, Server
from promptrun.providers import open_provider
from tests.faults import Fault, Faulty, Kind, Plan, Rule
from tests.openai_server import OpenAIServer

POLICY = RetryPolicy(first_delay=0.001, longest_delay=1.0)


def said(key: int) -> str:
    return f"{key}번 이야기: 옛날 옛적에 할머니가 살았습니다" + " 그리고 할아버지도" * (key % 4)


class Ran(Struct, kw_only=True):
    """All that came of some calls to a faulty server."""

    streamed: bool
    answers: list[Answer]
    failures: dict[int, list[str]]
    """By key: the kinds of the failures after which it was asked again."""
    pieces: dict[int, str]
    """By key: the pieces of its last attempt, put together."""
    met: dict[int, list[Fault | None]]
    """By key: what the server did to each of its requests."""


def run(
    plan: Plan, count: int, jobs: int, *, streamed: bool, timeout: float = 30.0, idle: float = 30.0
) -> Ran:
    faulty = Faulty(plan)
    calls = (
        Call(
            key=key,
            request=Request(
                body={
                    "model": "gpt-4o-mini",
                    "messages": [{"role": "user", "content": said(key)}],
                    "stream": streamed,
                }
            ),
            pieces=streamed and key % 2 == 0,
        )
        for key in range(count)
    )
    with OpenAIServer(faulty, keep_requests=False) as server:
        at = Server(
            name="openai",
            kind="openai",
            base_url=server.base_url,
            api_key="k",
            timeout=timeout,
            idle_timeout=idle,
        )
        # A limit that says nothing of its length is over at once.
        terms = Terms(jobs=jobs, policy=POLICY, pace=Pace(jobs, draw=lambda: 0.0))
        ran = gather(execute(calls, open_provider(at), terms), streamed=streamed)
    ran.met = {key: faulty.met[said(key)] for key in range(count)}
    return ran


def gather(events: Iterator[Event], *, streamed: bool) -> Ran:
    ran = Ran(
        streamed=streamed, answers=[], failures=defaultdict(list), pieces=defaultdict(str), met={}
    )
    for event in events:
        if isinstance(event, Answer):
            ran.answers.append(event)
        elif isinstance(event, Waiting):
            ran.failures[event.key].append(event.failure.kind)
        elif isinstance(event, Restarted):
            ran.pieces.pop(event.key)
        elif isinstance(event, Piece):
            ran.pieces[event.key] += event.text
    return ran


def check(ran: Ran) -> None:
    """One answer a call: its own and whole, or the failure that the server's faults lead to."""
    assert sorted(answer.key for answer in ran.answers) == sorted(ran.met)
    for answer in ran.answers:
        content = answer.reply.choices[0].content if answer.reply else None
        assert content in {None, said(answer.key)}, "the reply is cut, or another's"
        if answer.key in ran.pieces and answer.reply:
            assert ran.pieces[answer.key] == content, "the pieces are not those of the reply"
        if "timeout" in ran.failures[answer.key]:
            continue  # a busy machine: what it met may not be all that it was sent for
        met = ran.met[answer.key]
        assert answer.attempts == len(met), "a request was sent without being counted"
        assert (content is None) is must_fail(met, streamed=ran.streamed)


def must_fail(met: list[Fault | None], *, streamed: bool) -> bool:
    """Whether requests that met these faults, in this order, have to end in a failure.

    AssertionError where more of them were sent than are good for anything, or fewer.
    """
    failed = limited = 0
    for number, fault in enumerate(met, 1):
        good = fault is None or not fault.fails
        if fault is not None and not good:
            limited += fault.kind == "rate limit"
            failed += fault.kind != "rate limit"
        given_up = failed == POLICY.attempts or limited == POLICY.turns
        if good or given_up or (fault is not None and fault.is_final(streamed=streamed)):
            assert number == len(met), "asked again after the last word"
            return not good
    raise AssertionError("given up though it could be asked again")


def faults(*kinds: Kind) -> st.SearchStrategy[Fault]:
    return st.builds(
        Fault,
        kind=st.sampled_from(kinds),
        status=st.sampled_from([500, 502, 503]),
        wait=st.sampled_from([None, 0.001, 0.02]),
        exact=st.booleans(),
    )


def plans(*kinds: Kind) -> st.SearchStrategy[Plan]:
    rules = st.builds(
        Rule,
        fault=faults(*kinds),
        at=st.frozensets(st.integers(0, 30), max_size=4),
        every=st.none() | st.integers(2, 12),
        offset=st.integers(0, 1),
        rate=st.sampled_from([0.0, 0.1, 0.5]),
    )
    seeds = st.integers(0, 2**32)
    return st.builds(Plan, rules=st.lists(rules, max_size=4).map(tuple), seed=seeds)


QUICK: tuple[Kind, ...] = (
    "rate limit",
    "server error",
    "no answer",
    "cut",
    "unfinished",
    "error event",
    "garbage",
    "trickle",
)
SLOW: tuple[Kind, ...] = ("hang", "stall")


@settings(max_examples=25, deadline=None)
@given(plans(*QUICK), st.integers(1, 40), st.integers(1, 16), st.booleans())
def test_whatever_a_server_does_each_call_gets_its_own_answer_once(
    plan: Plan, count: int, jobs: int, streamed: bool
) -> None:
    check(run(plan, count, jobs, streamed=streamed))


@settings(max_examples=6, deadline=None)
@given(plans(*SLOW, "cut"), st.integers(1, 6), st.booleans())
def test_a_server_that_falls_silent_is_left_and_asked_again(
    plan: Plan, count: int, streamed: bool
) -> None:
    check(run(plan, count, jobs=16, streamed=streamed, timeout=0.4, idle=0.2))


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", [*QUICK, *SLOW])
def test_a_fault_is_outlived(kind: Kind, streamed: bool) -> None:
    fault = Fault(kind=kind)
    plan = Plan(rules=(Rule(fault=fault, at=frozenset({0, 2})),))
    ran = run(plan, 3, 1, streamed=streamed, **(PATIENCE if fault.waits else {}))
    check(ran)
    final = fault.is_final(streamed=streamed)
    attempts = 2 if fault.fails and not final else 1
    first = next(answer for answer in ran.answers if answer.key == 0)
    assert (first.attempts, first.reply is None) == (attempts, final)
    assert any(kind == met.kind for met in ran.met[0] if met)


PATIENCE: dict[str, Any] = {"timeout": 0.6, "idle": 0.3}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_bad_day_of_a_server_loses_no_reply(streamed: bool) -> None:
    plan = Plan(
        rules=(
            Rule(fault=Fault(kind="rate limit", wait=0.01), every=10, offset=9),
            Rule(fault=Fault(kind="server error", status=500), every=20, offset=4),
            Rule(fault=Fault(kind="cut"), every=30, offset=2),
            Rule(fault=Fault(kind="hang"), every=600, offset=177),
        )
    )
    ran = run(plan, 1_000, 32, streamed=streamed, timeout=2.0)
    check(ran)
    assert all(answer.reply for answer in ran.answers)
    met = [fault.kind for faults in ran.met.values() for fault in faults if fault]
    assert set(met) == {"rate limit", "server error", "cut", "hang"}
    assert len(met) > 180


def good() -> Ran:
    plan = Plan(rules=(Rule(fault=Fault(kind="cut"), at=frozenset({0})),))
    return run(plan, 2, 1, streamed=False)


@pytest.mark.parametrize("wrong", ["lost", "doubled", "mixed", "cut", "paid twice", "given up"])
def test_what_must_not_happen_would_be_seen(wrong: str) -> None:
    ran = good()
    check(ran)
    first, second = ran.answers
    assert first.reply is not None
    if wrong == "lost":
        ran.answers = [first]
    elif wrong == "doubled":
        ran.answers = [first, second, second]
    elif wrong == "mixed":
        ran.answers = [first, structs.replace(second, reply=first.reply)]
    elif wrong == "cut":
        first.reply.raw["choices"][0]["message"]["content"] = said(first.key)[:-1]
    elif wrong == "paid twice":
        ran.met[second.key].append(None)
        ran.answers = [first, structs.replace(second, attempts=2)]
    else:
        ran.met[first.key].pop()
        ran.answers = [structs.replace(first, attempts=1), second]
    with pytest.raises(AssertionError):
        check(ran)
