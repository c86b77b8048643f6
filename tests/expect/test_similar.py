from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from promptrun.expect import FAMILIES, Evidence, judge
from promptrun.models import Expectation, Snapshot
from tests.expect.judging import finding, problems, snapshot

HINT = "for example `similar: 0.8` or `similar: {to: TEXT, at_least: 0.8}`"
ACCEPTED = snapshot({"content": "옛날에 할머니가 마을에 살았습니다. 값은 $10입니다."})


@pytest.mark.parametrize(
    ("argument", "path", "message"),
    [
        (0, (), "`similar` must be a number above 0 and at most 1, not `0`"),
        (80, (), "`similar` must be a number above 0 and at most 1, not `80`"),
        (True, (), "`similar` must be a number above 0 and at most 1, not `true`"),
        ("0.8", (), "`similar` must be a number above 0 and at most 1, not `0.8`"),
        ({"to": "a"}, (), "`at_least` is missing in `similar`"),
        ({"at_least": 0.5}, (), "`to` is missing in `similar`"),
        (
            {"to": "a", "at_least": -1},
            ("at_least",),
            "`at_least` must be a number above 0 and at most 1, not `-1`",
        ),
        (
            {"to": "a", "at_least": {"to": "a"}},
            ("at_least",),
            "`at_least` must be a number above 0 and at most 1, not a mapping",
        ),
    ],
)
def test_a_wrong_argument_is_a_mistake(argument: Any, path: tuple[str, ...], message: str) -> None:
    (problem,) = problems("similar", argument)
    assert (problem.path, problem.message, problem.hint) == (path, message, HINT)


def test_a_number_as_text_and_an_unknown_key_are_mistakes() -> None:
    (number,) = problems("similar", {"to": 5, "at_least": 0.5})
    assert (number.path, number.message) == (("to",), "`to` must be text, not `5`")
    (key,) = problems("similar", {"to": "a", "at_least": 0.5, "atleast": 1})
    assert (key.path, key.hint) == (("atleast",), "did you mean `at_least`?")


def test_without_an_accepted_reply_nothing_is_judged() -> None:
    found = finding("similar", 0.8, "할머니")
    assert found.not_judged == "there is no accepted reply yet"


def test_a_similar_reply_whose_number_differs_is_kept_and_says_so() -> None:
    found = finding(
        "similar", 0.8, "옛날에 할머니가 마을에 살았습니다. 값은 $90입니다.", accepted=ACCEPTED
    )
    assert found.kept
    assert found.details == ("only in the accepted reply: `$10`", "only in this reply: `$90`")


def test_an_equal_reply_has_nothing_to_tell() -> None:
    text = "옛날에 할머니가 마을에 살았습니다. 값은 $10입니다."
    found = finding("similar", 1, text, accepted=ACCEPTED)
    assert (found.kept, found.details) == (True, ())


def test_json_is_compared_as_its_text() -> None:
    accepted = snapshot({"content": '{"people": ["할머니", "할아버지"], "n": 2}'})
    assert finding("similar", 1, '{"n":2,"people":["할머니","할아버지"]}', accepted=accepted).kept
    assert not finding("similar", 1, '{"n":2,"people":["할머니"]}', accepted=accepted).kept


def test_a_score_never_reads_as_the_threshold_that_it_misses() -> None:
    accepted = snapshot({"content": "a " * 999 + "b"})
    found = finding("similar", 1, "a " * 999 + "c", accepted=accepted)
    assert not found.kept
    assert found.found.startswith("0.999 like ")


def test_each_choice_is_held_against_the_accepted_one_of_its_place() -> None:
    accepted = snapshot({"content": "할머니"}, {"content": "할아버지"})
    swapped = snapshot({"content": "할아버지"}, {"content": "할머니"})
    rule = Expectation(kind="similar", argument=1)

    def kept(reply: Snapshot) -> list[bool]:
        return [one.kept for one in judge([rule], Evidence(snapshot=reply, accepted=accepted))]

    assert kept(accepted) == [True]
    assert kept(swapped) == [False, False]


def test_of_a_set_the_nearest_reply_counts() -> None:
    choices = [
        snapshot({"content": text}).reply["choices"] for text in ("할머니", "옛날 옛적에 $5")
    ]
    samples = [{"count": 2, "choices": one} for one in choices]
    accepted = structs.replace(ACCEPTED, reply={"model": "m", "samples": samples})

    assert finding("similar", 1, "할머니", accepted=accepted).kept
    found = finding("similar", 0.5, "옛날 옛적에 $6", accepted=accepted)
    assert found.kept
    assert found.details == ("only in the accepted reply: `$5`", "only in this reply: `$6`")


def test_a_large_set_is_bounded_and_the_bound_never_keeps_a_rule() -> None:
    sample = {"count": 1, "choices": snapshot({"content": "나 " * 150_000}).reply["choices"]}
    near = {"count": 1, "choices": snapshot({"content": "가나다"}).reply["choices"]}
    accepted = structs.replace(ACCEPTED, reply={"model": "m", "samples": [*[sample] * 20, near]})

    assert not finding("similar", 0.9, "가나다", accepted=accepted).kept


@pytest.mark.parametrize(
    "message",
    [{"content": None, "refusal": "못 합니다"}, {"content": None}],
    ids=["a refusal", "nothing"],
)
def test_what_has_no_text_is_not_similar(message: dict[str, Any]) -> None:
    assert not finding("similar", 0.1, "할머니", accepted=snapshot(message)).kept
    given = Evidence(snapshot=snapshot(message), accepted=ACCEPTED)
    test = FAMILIES["similar"].test
    assert test is not None
    assert not test(0.1, given.choices()[0], given).kept
