"""Faults of a server, planned beforehand: a plan is a value, and its seed makes it again.

::

    faulty = Faulty(Plan(rules=(Rule(fault=Fault(kind="cut"), every=30),)))
    with OpenAIServer(faulty) as server:
        ...  # a client of server.base_url
    assert faulty.met["case 3"] == [Fault(kind="cut"), None]

A good reply says what the user said last. Where the texts of all requests differ, each reply proves
whose it is, and one that is lost, mixed up, cut or asked for twice is seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from random import Random
from typing import Literal

from msgspec import Struct

from tests.openai_answers import (
    Answer,
    Received,
    compose_events,
    error,
    hanging,
    said_last,
    slow_down,
    text,
)

Kind = Literal[
    "rate limit",  # 429
    "server error",
    "no answer",  # the connection breaks before the first byte
    "cut",  # it breaks in the middle of the body, or of an event
    "unfinished",  # a stream that ends without a finish reason; a body that is cut
    "error event",  # in the stream; the body, where there is none
    "garbage",  # no JSON, as the body or as an event
    "hang",  # nothing, until the client has enough
    "stall",  # a part of the reply, and then nothing
    "trickle",  # the whole reply, bit by bit
]


class Fault(Struct, frozen=True, kw_only=True):
    """What a request meets in the place of a good reply."""

    kind: Kind
    status: int = 500
    """Of a server error."""
    wait: float | None = None
    """Seconds that a rate limit asks to wait; None where it does not say."""
    exact: bool = False
    """Whether it says so in milliseconds."""

    @property
    def fails(self) -> bool:
        """Whether the client is to get no reply out of it."""
        return self.kind != "trickle"

    @property
    def waits(self) -> bool:
        """Whether it lasts until the client's patience ends."""
        return self.kind in {"hang", "stall"}

    def is_final(self, *, streamed: bool) -> bool:
        """Whether the client is not to ask again: a whole body that is no JSON is no accident."""
        return self.kind == "garbage" and not streamed


class Rule(Struct, frozen=True, kw_only=True):
    """Which requests meet a fault: those of any of the three."""

    fault: Fault
    at: frozenset[int] = frozenset()
    """By the order in which they arrive, from 0."""
    every: int | None = None
    """Each so-manieth that arrives."""
    offset: int = 0
    """How many that arrive come before the first of these."""
    rate: float = 0.0
    """This share of all, drawn from the plan's seed, their text, and how often that was asked."""


class Plan(Struct, frozen=True, kw_only=True):
    """The faults of a server; of the rules that hold for a request, the first one counts."""

    rules: tuple[Rule, ...] = ()
    seed: int = 0

    def find_fault(self, number: int, said: str, attempt: int) -> Fault | None:
        """What the request of that number meets; its text was asked `attempt` times before."""
        for place, rule in enumerate(self.rules):
            counted = rule.every is not None and number % rule.every == rule.offset
            if counted or number in rule.at or self._draw(place, attempt, said) < rule.rate:
                return rule.fault
        return None

    def _draw(self, *of: object) -> float:
        return Random(repr((self.seed, *of))).random()  # noqa: S311 - a seed is to repeat it


class Faulty:
    """The `reply` of an `OpenAIServer` that keeps a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.number = 0
        """How many requests have arrived."""
        self.met: defaultdict[str, list[Fault | None]] = defaultdict(list)
        """By the text that was asked: what each of its requests met; None is a good reply."""

    def __call__(self, received: Received) -> Answer:
        """The answer to the next request."""
        said = said_last(received.json)
        fault = self.plan.find_fault(self.number, said, len(self.met[said]))
        self.number += 1
        self.met[said].append(fault)
        return text(said) if fault is None else _ANSWERS[fault.kind](fault, received)


def _rate_limit(fault: Fault, _: Received) -> Answer:
    if fault.wait is None:
        return slow_down()
    if fault.exact:
        return slow_down(retry_after_ms=f"{fault.wait * 1000:g}")
    return slow_down(retry_after=f"{fault.wait:g}")


def _server_error(fault: Fault, _: Received) -> Answer:
    return error(fault.status, "the server had a bad moment")


def _cut(_: Fault, received: Received) -> Answer:
    return text(said_last(received.json), cut="mid body")


def _unfinished(_: Fault, received: Received) -> Answer:
    if not _is_streamed(received):
        return text(said_last(received.json), cut="mid body")
    events = [*compose_events(received.json, text(said_last(received.json), done=False))]
    return Answer(events=tuple(events[:-1]))


def _error_event(_: Fault, received: Received) -> Answer:
    failed = error(200, "the model had a bad moment", type="server_error")
    if not _is_streamed(received):
        return failed
    assert failed.body is not None
    return Answer(events=(*_beginning(received), b"data: " + failed.body + b"\n\n"))


def _garbage(_: Fault, received: Received) -> Answer:
    if not _is_streamed(received):
        page = "<html>안녕하세요, 여기는 다른 서버입니다</html>".encode()
        return Answer(body=page, headers=(("content-type", "text/html; charset=utf-8"),))
    return Answer(events=(*_beginning(received), b'data: {"choices": [{"index": 0, "del\n\n'))


def _hang(_: Fault, __: Received) -> Answer:
    return hanging()


def _stall(_: Fault, received: Received) -> Answer:
    return text(said_last(received.json), split=64, chunk_delay=3600.0)


def _trickle(_: Fault, received: Received) -> Answer:
    if _is_streamed(received):
        return text(said_last(received.json), piece=1, chunk_delay=0.001)
    return text(said_last(received.json), split=40, chunk_delay=0.001)


_ANSWERS: dict[Kind, Callable[[Fault, Received], Answer]] = {
    "rate limit": _rate_limit,
    "server error": _server_error,
    "no answer": lambda _, __: Answer(cut="before headers"),
    "cut": _cut,
    "unfinished": _unfinished,
    "error event": _error_event,
    "garbage": _garbage,
    "hang": _hang,
    "stall": _stall,
    "trickle": _trickle,
}


def _beginning(received: Received) -> tuple[bytes, ...]:
    """The first events of a good stream, some of its text among them."""
    return tuple(islice(compose_events(received.json, text(said_last(received.json))), 2))


def _is_streamed(received: Received) -> bool:
    return received.json.get("stream") is True
