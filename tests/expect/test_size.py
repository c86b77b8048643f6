from __future__ import annotations

import pytest

from promptrun.protocol import Problem
from tests.expect.judging import finding, problems


@pytest.mark.parametrize(("kind", "unit"), [("max_words", "words"), ("max_chars", "characters")])
@pytest.mark.parametrize(
    ("argument", "shown"), [(-1, "`-1`"), (1.5, "`1.5`"), (True, "`true`"), ("5", "`5`")]
)
def test_a_limit_is_a_whole_number(kind: str, unit: str, argument: object, shown: str) -> None:
    message = f"`{kind}` must be a whole number from 0 on, not {shown}"
    assert problems(kind, argument) == [Problem((), message, f"write the number of {unit}")]


@pytest.mark.parametrize(
    ("text", "words", "characters"),
    [
        ("", "0 words", "0 characters"),
        ("네", "1 word", "1 character"),
        (" one\t two\n\nthree ", "3 words", "17 characters"),
        ("할머니", "1 word", "3 characters"),
        (None, "0 words", "0 characters"),
    ],
)
def test_words_and_characters_are_counted(text: str | None, words: str, characters: str) -> None:
    assert finding("max_words", 100, text).found == words
    assert finding("max_chars", 100, text).found == characters


def test_a_limit_that_is_reached_is_kept_and_one_more_is_not() -> None:
    assert finding("max_words", 2, "a b").kept
    assert not finding("max_words", 2, "a b c").kept
    assert finding("max_chars", 2, "할머").kept
    assert not finding("max_chars", 2, "할머니").kept
