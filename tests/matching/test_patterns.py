from __future__ import annotations

import time
from contextlib import suppress

import pytest

from promptrun.matching import patterns


@pytest.mark.parametrize(
    ("pattern", "text", "span"),
    [
        (r"\d{4}-\d{2}-\d{2}", "on 2026-11-25", (3, 13)),
        ("할머니", "옛날 할머니가", (3, 6)),
        (r"(?i)KOREA", "South Korea", (6, 11)),
        ("^b", "a\nb", None),
        ("(?m)^b", "a\nb", (2, 3)),
        (r"(?<=\$)\d+", "for $90", (5, 7)),
    ],
)
def test_the_first_match_is_found(pattern: str, text: str, span: tuple[int, int] | None) -> None:
    assert patterns.check_pattern(pattern) is None
    assert patterns.search(pattern, text) == span


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "missing ) at character 3"),
        ("[a", "unterminated character set at character 3"),
        ("a" * 2001, "a pattern may have 2,000 characters, and this has 2,001"),
        ("(?:(?:a{1000}){1000}){1000}", "its counts multiply to more than 20,000"),
        ("a{1000000000}", "its counts multiply to more than 20,000"),
        ("((((a{100}){100}){100}){100})", "its counts multiply to more than 20,000"),
        ("(" * 900 + ")" * 900, "it is nested too deeply, or its numbers are too large"),
    ],
)
def test_what_cannot_be_used_says_why(pattern: str, reason: str) -> None:
    assert patterns.check_pattern(pattern) == reason


@pytest.mark.parametrize(
    "pattern", [r"\{99999\}", "[{99999}]", r"\d{1,100}@\w{1,100}\.\w{2,10}", "(?:ab{3}){50}"]
)
def test_what_only_looks_like_a_large_count_is_fine(pattern: str) -> None:
    assert patterns.check_pattern(pattern) is None


@pytest.mark.parametrize("pattern", ["(x+x+)+y", "(.*?,){11}P", r"^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_a_catastrophic_pattern_ends_as_an_error(pattern: str) -> None:
    text = "x" * 50 + "," * 40 + "x" * 5000
    begun = time.monotonic()
    with suppress(patterns.PatternError):
        assert patterns.search(pattern, text) is None
    assert time.monotonic() - begun < 5


def test_a_pattern_that_was_given_up_says_so() -> None:
    with pytest.raises(patterns.PatternError, match=r"`\(x\+x\+\)\+y` was given up after 1 s"):
        patterns.search("(x+x+)+y", "x" * 5000)


def test_a_replacement_may_name_groups() -> None:
    assert patterns.replace(r"(\d+)-(\d+)", r"\2/\1", "a 1-2 b 3-4") == "a 2/1 b 4/3"
    assert patterns.replace(r"\d", "#", "") == ""


@pytest.mark.parametrize(("pattern", "replacement"), [("a", r"\1"), ("a", r"\g<x>"), ("(a", "b")])
def test_a_replacement_that_cannot_be_made_is_known_before(pattern: str, replacement: str) -> None:
    assert patterns.check_replacement(pattern, replacement)


def test_a_good_replacement_has_no_problem() -> None:
    assert patterns.check_replacement(r"(\d+)", r"<\1>") is None
    assert patterns.check_replacement(r"\d+", "숫자") is None
    assert patterns.check_replacement("(?x) (?P<year>a)  # a comment", r"<\g<year>>") is None


def test_a_replacement_that_would_fill_the_memory_is_an_error() -> None:
    with pytest.raises(patterns.PatternError, match="more than 16,777,216 characters"):
        patterns.replace("(.+)", r"\1" * 500, "x" * 100_000)
