from __future__ import annotations

import time
import unicodedata

import pytest

from promptrun.protocol import Problem
from tests.expect.judging import finding, problems

HINT = r"quote a pattern with ' in YAML, and write `\.` for a sign that stands for itself"


@pytest.mark.parametrize(
    ("argument", "message", "hint"),
    [
        ("(a", "`(a` is no pattern that can be used: missing ) at character 3", HINT),
        (
            "a{100000}",
            "`a{100000}` is no pattern that can be used: its counts multiply to more than 10,000",
            HINT,
        ),
        (2026, "`regex` must be text, not `2026`", 'quote it to make it text: `"2026"`'),
        (
            "",
            "`regex` is an empty text",
            "every reply keeps it: write what must stand there, or leave the rule out",
        ),
    ],
)
def test_a_pattern_that_cannot_be_used_is_a_mistake(
    argument: object, message: str, hint: str
) -> None:
    assert problems("regex", argument) == [Problem((), message, hint)]


def test_a_match_has_its_place() -> None:
    found = finding("regex", r"\d+원", "값은\n모두 3000원입니다")
    assert (found.kept, found.found, found.where) == (True, "`3000원`", "line 2, column 4")


def test_how_a_letter_is_composed_does_not_count() -> None:
    assert finding("regex", "할머니$", unicodedata.normalize("NFD", "우리 할머니")).kept
    assert finding("regex", unicodedata.normalize("NFD", "할머니$"), "우리 할머니").kept


def test_a_pattern_that_runs_out_of_time_is_an_error_and_never_kept() -> None:
    begun = time.monotonic()
    found = finding("regex", "^(a|aa)+$", "a" * 60 + "b")
    assert found.error == "`^(a|aa)+$` was given up after 1 s"
    assert not found.kept
    assert time.monotonic() - begun < 5


def test_where_there_is_no_text_nothing_matches() -> None:
    assert finding("regex", ".*", None).found == "no text"
