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
        ("(?:(?:a{1000}){1000}){1000}", "its counts multiply to more than 10,000"),
        ("a{1000000000}", "its counts multiply to more than 10,000"),
        ("((((a{100}){100}){100}){100})", "its counts multiply to more than 10,000"),
        ("(" * 900 + ")" * 900, "it is nested too deeply, or its numbers are too large"),
    ],
)
def test_what_cannot_be_used_says_why(pattern: str, reason: str) -> None:
    assert patterns.check_pattern(pattern) == reason


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("(?x)(?:a{5000})\n{5000}", id="a line break before a count"),
        pytest.param("(?x)(?:a{1000}) {1000}", id="a space before a count"),
        pytest.param("(?ix:(?:a{1000}) {1000})", id="a space, verbose in a group"),
        pytest.param("(?V1x)(?:a{1000})\n{1000}", id="a line break, in the newer syntax"),
        pytest.param("(?x)#[\n(?:a{1000}){1000}#]\n", id="a set that stands in comments"),
        pytest.param("(?x:#[\n)#(?:a{1000}){1000}#]", id="comments here, and none there"),
        pytest.param("(?x)(?:a{1000})#]\\\n{1000}", id="a comment that ends as an escape"),
        pytest.param("(?x)(?:a{1000}){1 0#\n00}", id="a count with a comment in it"),
        pytest.param("(?#[)(?:a{1000}){1000}(?#])", id="a set that stands in other comments"),
        pytest.param("(?:a{1000})(?#b){1000}", id="a comment before a count"),
        pytest.param("(?:a{1000})(?i){1000}", id="flags before a count"),
        pytest.param("[[:alpha:][](?:a{1000}){1000}]", id="a class in a set"),
        pytest.param("(?V1)(?:b{1000}[a||])c]x){1000}", id="an operator in a set"),
        pytest.param("(?:(){1000}){1000}", id="groups of nothing"),
        pytest.param("(?:(?=){1000}){1000}", id="lookaheads of nothing"),
        pytest.param("[ab-de-gh-ijklmn]{9999}", id="a long set"),
        pytest.param(f"(?:a{{{'9' * 1900}}}){{3}}", id="a count that is no number of this world"),
    ],
)
def test_no_spelling_hides_what_the_counts_multiply_to(pattern: str) -> None:
    assert patterns.check_pattern(pattern) == "its counts multiply to more than 10,000"


@pytest.mark.parametrize(
    "pattern",
    [
        "(?x)" + "\n[0-9a-f]{8} (?:-[0-9a-f]{4}){3} - [0-9a-f]{12}  # a 번호 (of a case" * 4,
        r"(?x)[ #]{3} \ {2} \#{2} (?:ab){1 0}",
        "(?ix:(?:ab{3}) {50})",
        "[[:alpha:]]{3}-[[:digit:]]{4}",
        "(?V1)[[a-z]--[aeiou]]{3,10}",
        r"(?:\d{1,3}\.){3}\d{1,3}" * 9,
        "[가-힣a-zA-Z0-9 ]{1,90000}",
    ],
)
def test_counts_that_multiply_to_little_are_fine(pattern: str) -> None:
    assert patterns.check_pattern(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a" * 501, "a pattern of more than 500 characters is not checked"),
        ("a{1001}", "a pattern whose counts multiply to more than 1,000 is not checked"),
    ],
)
def test_a_large_pattern_of_a_reply_is_neither_one_nor_none(pattern: str, reason: str) -> None:
    with pytest.raises(patterns.PatternError, match=reason):
        patterns.check_foreign_pattern(pattern)


def test_a_pattern_of_a_reply_is_looked_at_and_not_kept() -> None:
    kept = patterns._kept_small.cache_info().currsize  # noqa: SLF001 - what is kept shows nowhere else
    assert patterns.check_foreign_pattern("할머니{3}") is None
    assert patterns.check_foreign_pattern("(a") == "missing ) at character 3"
    assert patterns._kept_small.cache_info().currsize == kept  # noqa: SLF001 - as above


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
