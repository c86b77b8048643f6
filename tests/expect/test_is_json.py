from __future__ import annotations

from typing import Any

import pytest

from promptrun.expect import rule_text
from promptrun.models import Expectation
from promptrun.protocol import Problem
from tests.expect.judging import finding, found_in, problems

HINT = "`true` takes any JSON, `object` and `list` only that kind"


@pytest.mark.parametrize(
    ("argument", "message", "hint"),
    [
        (False, "`is_json` cannot be `false`", "write `is_json: true` and beside it `not: true`"),
        (
            "true",
            "`is_json` takes `true`, `object` or `list`, not `true`",
            "write it without quotes",
        ),
        ("array", "`is_json` takes `true`, `object` or `list`, not `array`", HINT),
        (1, "`is_json` takes `true`, `object` or `list`, not `1`", HINT),
        ([], "`is_json` takes `true`, `object` or `list`, not a list", HINT),
    ],
)
def test_a_wrong_argument_is_a_mistake(argument: Any, message: str, hint: str) -> None:
    assert problems("is_json", argument) == [Problem((), message, hint)]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ('{"a": 1}', [True, "object"]),
        ("[]", [True, "list"]),
        ('"할머니"', [True]),
        ("42", [True]),
        ("null", [True]),
        ("", []),
        ("NaN", []),
        ("{'a': 1}", []),
        ('{"a": 1,}', []),
        ("[" * 100_000, []),
        ("[1e999]", []),
    ],
)
def test_only_json_of_the_kind_keeps_it(text: str, kinds: list[Any]) -> None:
    kept = [kind for kind in (True, "object", "list") if finding("is_json", kind, text).kept]
    assert kept == kinds


@pytest.mark.parametrize(
    ("text", "found", "where"),
    [
        ("네, 여기 있습니다", "no JSON: `네, 여기 있습니다`", "line 1, column 1"),
        ("  ", "no JSON: an empty text", "line 1, column 3"),
        (
            '{"a": 1\n"b": 2}',
            "no JSON: expecting ',' delimiter",
            "line 2, column 1",
        ),
        ('{"a"', "no JSON: it ends in the middle", "line 1, column 5"),
        ("{}\n끝", "no JSON: behind a value follows `끝`", "line 2, column 1"),
        ("[NaN]", "no JSON: `NaN` is not JSON", ""),
    ],
)
def test_why_a_text_is_no_json_is_told(text: str, found: str, where: str) -> None:
    told = finding("is_json", True, text)
    assert (told.found, told.where) == (found, where)


def test_recorded_json_and_its_text_are_judged_alike() -> None:
    for recorded in ({"json": {"a": [1]}}, {"content": '{"a": [1]}'}):
        assert found_in("is_json", "object", recorded).kept
        assert found_in("is_json", "list", recorded).found == "JSON: an object"


def test_the_rule_reads_well() -> None:
    assert rule_text(Expectation(kind="is_json", argument="object")) == "is_json a JSON object"
