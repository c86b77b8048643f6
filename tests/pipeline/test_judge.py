from __future__ import annotations

from pathlib import Path

import pytest

from promptrun.models import Cause, Comparison, Outcome, Overrides, Verdict
from promptrun.pipeline.judge import judge_reply
from promptrun.pipeline.options import Options, WritePolicy, choose_policy

EQUAL = Comparison()
CHANGED = Comparison(causes=(Cause.REPLY,))
KEPT = (Outcome(kind="finish_reason", kept=True),)
BROKEN = (Outcome(kind="finish_reason", kept=False),)
PERSON = WritePolicy(new=True, changed=False, unreadable=False, pending=True)
CI = WritePolicy(new=False, changed=False, unreadable=False, pending=True)
JUDGE = WritePolicy(new=False, changed=False, unreadable=False, pending=False)
ALL = WritePolicy(new=True, changed=True, unreadable=True, pending=True)


@pytest.mark.parametrize(
    ("comparison", "outcomes", "policy", "verdict", "action"),
    [
        pytest.param(EQUAL, KEPT, PERSON, Verdict.PASSED, "settle", id="equal passes"),
        pytest.param(EQUAL, KEPT, JUDGE, Verdict.PASSED, "none", id="judging touches nothing"),
        pytest.param(CHANGED, KEPT, PERSON, Verdict.CHANGED, "propose", id="a change waits"),
        pytest.param(CHANGED, KEPT, CI, Verdict.CHANGED, "propose", id="in CI, too"),
        pytest.param(CHANGED, KEPT, JUDGE, Verdict.CHANGED, "none", id="but not when judging"),
        pytest.param(CHANGED, KEPT, ALL, Verdict.CHANGED, "write", id="unless all is taken"),
        pytest.param(None, KEPT, PERSON, Verdict.NEW, "write", id="a first reply is kept"),
        pytest.param(None, KEPT, CI, Verdict.MISSING, "propose", id="in CI it is missing"),
        pytest.param(None, KEPT, JUDGE, Verdict.MISSING, "none", id="when judging, too"),
        pytest.param(None, BROKEN, ALL, Verdict.FAILED, "propose", id="a bad first reply waits"),
        pytest.param(EQUAL, BROKEN, PERSON, Verdict.FAILED, "propose", id="broken beats equal"),
        pytest.param(CHANGED, BROKEN, ALL, Verdict.FAILED, "propose", id="broken is never taken"),
    ],
)
def test_the_verdict_and_what_it_lets_happen(
    comparison: Comparison | None,
    outcomes: tuple[Outcome, ...],
    policy: WritePolicy,
    verdict: Verdict,
    action: str,
) -> None:
    assert judge_reply(comparison, outcomes, policy, unreadable=False) == (verdict, action)


def test_an_unreadable_snapshot_is_replaced_only_when_asked_for() -> None:
    assert judge_reply(None, KEPT, PERSON, unreadable=True) == (Verdict.MISSING, "propose")
    assert judge_reply(None, KEPT, ALL, unreadable=True) == (Verdict.NEW, "write")


def options(**chosen: object) -> Options:
    return Options(targets=("specs",), cwd=Path(), environ={}, **chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("chosen", "in_ci", "policy"),
    [
        pytest.param({}, False, PERSON, id="a person gets new snapshots"),
        pytest.param({}, True, CI, id="a CI job gets none"),
        pytest.param({"update": "all"}, True, ALL, id="an explicit value wins in CI"),
        pytest.param({"update": "none"}, False, CI, id="an explicit none wins for a person"),
        pytest.param({"replay": True, "update": "all"}, False, JUDGE, id="a replay only judges"),
        pytest.param(
            {"overrides": Overrides(vars={"a": "b"})}, False, JUDGE, id="--var only judges"
        ),
        pytest.param(
            {"overrides": Overrides(fields={"model": "m"})}, False, JUDGE, id="--model only judges"
        ),
        pytest.param(
            {"overrides": Overrides(fields={"stream": False})},
            False,
            PERSON,
            id="--no-stream asks for the same reply",
        ),
    ],
)
def test_what_a_run_may_write(chosen: dict[str, object], in_ci: bool, policy: WritePolicy) -> None:
    assert choose_policy(options(**chosen), in_ci=in_ci) == policy
