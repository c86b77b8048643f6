"""What the tests of single families share: a choice, and a finding on it."""

from __future__ import annotations

from typing import Any

from promptrun.expect import FAMILIES, KINDS, Evidence, Finding
from promptrun.expect.family import Choice
from promptrun.models import CompareRules, Digests, Snapshot
from promptrun.protocol import Problem
from promptrun.snapshots.record import record_reply

PATH = ("expect", 0)


def problems(kind: str, argument: Any) -> list[Problem]:
    """What is wrong with an argument, paths from the argument on."""
    found = KINDS[kind](argument, (*PATH, kind))
    assert all(problem.path[:3] == (*PATH, kind) for problem in found)
    return [problem._replace(path=problem.path[3:]) for problem in found]


def snapshot(*messages: dict[str, Any]) -> Snapshot:
    choices = [{"finish_reason": "stop", "message": message} for message in messages]
    reply = record_reply({"model": "m", "choices": choices}, CompareRules())
    digests = Digests(prompt="p", settings="s", model="m")
    return Snapshot(spec="specs/a.yaml", case="default", digests=digests, request=None, reply=reply)


def finding(kind: str, argument: Any, text: str | None, **evidence: Any) -> Finding:
    """What a family finds in a reply of one choice with this text."""
    assert problems(kind, argument) == []
    given = Evidence(snapshot=snapshot({"content": text}), **evidence)
    test = FAMILIES[kind].test
    assert test is not None
    return test(argument, given.choices()[0], given)


def found_in(kind: str, argument: Any, recorded: dict[str, Any]) -> Finding:
    """The same for a choice as a snapshot has it."""
    test = FAMILIES[kind].test
    assert test is not None
    choice = Choice(name="choice 1", recorded=recorded)
    return test(argument, choice, Evidence(snapshot=snapshot()))
