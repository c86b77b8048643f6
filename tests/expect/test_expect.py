from __future__ import annotations

from typing import Any

import pytest

from promptrun.expect import FAMILIES, KINDS, Evidence, judge
from promptrun.expect.table import ROWS
from promptrun.models import Digests, Expectation, Outcome, Reply, Snapshot, Timings

LIVE = Reply(raw={}, timings=Timings(total=1.0))


def recorded(*choices: dict[str, Any]) -> Snapshot:
    return Snapshot(
        spec="specs/a.yaml",
        case="default",
        digests=Digests(prompt="p", settings="s", model="m"),
        request=None,
        reply={"model": "m", "choices": list(choices)},
    )


def ended(*reasons: str | None) -> Snapshot:
    return recorded(*({"finish_reason": reason, "content": "a"} for reason in reasons))


REFUSED = recorded({"finish_reason": "stop", "refusal": "I cannot help with that."})


def outcomes(snapshot: Snapshot, **expectations: Any) -> tuple[Outcome, ...]:
    stated = [Expectation(kind=kind, argument=value) for kind, value in expectations.items()]
    live = judge(stated, Evidence(snapshot=snapshot, reply=LIVE))
    assert judge(stated, Evidence(snapshot=snapshot)) == live, (
        "a replay is judged as the live reply was"
    )
    return live


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "function_call"])
def test_a_finished_reply_keeps_what_always_holds(reason: str) -> None:
    assert outcomes(ended(reason, reason)) == ()


@pytest.mark.parametrize("reason", ["length", "content_filter", "a_new_one"])
def test_an_unfinished_choice_is_always_broken(reason: str) -> None:
    assert outcomes(ended("stop", reason)) == (
        Outcome(
            kind="finish_reason",
            kept=False,
            expected="stop or tool_calls or function_call",
            found=reason,
            where="choice 2",
        ),
    )


def test_a_reply_that_was_cut_off_says_so() -> None:
    (outcome,) = outcomes(ended(None))
    assert outcome.found == "none: the reply was cut off"


def test_a_reply_without_a_choice_is_broken() -> None:
    (outcome,) = outcomes(recorded())
    assert (outcome.kept, outcome.found) == (False, "a reply without a choice")
    assert [one.kept for one in outcomes(recorded(), refusal=True)] == [False, False]


def test_a_refusal_is_always_broken() -> None:
    assert outcomes(REFUSED) == (
        Outcome(
            kind="refusal",
            kept=False,
            expected="an answer",
            found="a refusal: I cannot help with that.",
            where="choice 1",
        ),
    )


@pytest.mark.parametrize("argument", ["length", ["stop", "length"]])
def test_a_spec_may_expect_another_end(argument: Any) -> None:
    (outcome,) = outcomes(ended("length"), finish_reason=argument)
    assert outcome.kept


def test_what_a_spec_expects_takes_the_place_of_what_always_holds() -> None:
    (outcome,) = outcomes(ended("stop"), finish_reason=["length", "content_filter"])
    assert (outcome.kept, outcome.expected) == (False, "length or content_filter")


def test_a_spec_may_expect_a_refusal() -> None:
    (kept,) = outcomes(REFUSED, refusal=True)
    assert (kept.kept, kept.expected) == (True, "a refusal")
    (broken,) = outcomes(ended("stop"), refusal=True)
    assert (broken.kept, broken.found, broken.where) == (False, "an answer", "choice 1")


def test_stating_one_expectation_leaves_the_other_in_force() -> None:
    assert [one.kind for one in outcomes(REFUSED, finish_reason="stop") if not one.kept] == [
        "refusal"
    ]


def test_a_long_refusal_is_quoted_in_part() -> None:
    (outcome,) = outcomes(recorded({"finish_reason": "stop", "refusal": "안" * 5_000}))
    assert len(outcome.found) < 400
    assert outcome.found.endswith("… (5,000 characters)")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("finish_reason", "stop"),
        ("finish_reason", ["stop", "length"]),
        ("refusal", True),
        ("refusal", False),
    ],
)
def test_a_right_argument_has_no_problem(kind: str, value: Any) -> None:
    assert KINDS[kind](value, ("expect", 0, kind)) == []


@pytest.mark.parametrize(
    ("kind", "value", "path", "lenient"),
    [
        pytest.param("finish_reason", "stopped", (), True, id="an unknown reason"),
        pytest.param("finish_reason", ["stop", "lenght"], (1,), True, id="one in a list"),
        pytest.param("finish_reason", [], (), False, id="an empty list"),
        pytest.param("finish_reason", None, (), False, id="nothing"),
        pytest.param("finish_reason", [["stop"]], (0,), False, id="a list in a list"),
        pytest.param("refusal", "true", (), False, id="a text"),
        pytest.param("refusal", 1, (), False, id="a number"),
    ],
)
def test_a_wrong_argument_is_a_problem_with_its_place(
    kind: str, value: Any, path: tuple[int, ...], *, lenient: bool
) -> None:
    (problem,) = KINDS[kind](value, ("expect", 0, kind))
    assert problem.path == ("expect", 0, kind, *path)
    assert problem.lenient is lenient
    assert problem.hint


def test_a_misspelled_reason_is_told_the_nearest() -> None:
    (problem,) = KINDS["finish_reason"]("lenght", ())
    assert problem.hint == "did you mean `length`?"


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_says_of_its_family_what_is_true(kind: str) -> None:
    family, row = FAMILIES[kind], ROWS[kind]
    assert kind in KINDS
    assert row.whole is (family.test is None)
    assert (family.test is None) is (family.test_reply is not None)
    assert row.always is (family.always is not None)
