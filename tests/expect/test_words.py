from __future__ import annotations

import time
import unicodedata
from typing import Any

import pytest

from promptrun.protocol import Problem
from tests.expect.judging import finding, problems

TEXTS = ["contains", "icontains", "starts_with", "equals"]
EMPTY = "every reply keeps it: write what must stand there, or leave the rule out"


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize(
    ("argument", "message", "hint"),
    [
        pytest.param(42, "must be text, not `42`", 'quote it to make it text: `"42"`', id="number"),
        pytest.param(
            True, "must be text, not `true`", 'quote it to make it text: `"true"`', id="boolean"
        ),
        pytest.param(None, "must be text, not `null`", "write the text behind the key", id="none"),
        pytest.param({"a": 1}, "must be text, not a mapping", None, id="mapping"),
    ],
)
def test_what_is_no_text_is_a_mistake(
    kind: str, argument: Any, message: str, hint: str | None
) -> None:
    assert problems(kind, argument) == [Problem((), f"`{kind}` {message}", hint)]


@pytest.mark.parametrize("kind", ["contains", "icontains", "starts_with"])
@pytest.mark.parametrize("text", ["", " \n"])
def test_a_text_that_every_reply_holds_is_a_mistake(kind: str, text: str) -> None:
    assert problems(kind, text) == [Problem((), f"`{kind}` is an empty text", EMPTY)]


@pytest.mark.parametrize("kind", ["contains", "icontains", "one_of"])
def test_a_mistake_in_a_list_has_its_place(kind: str) -> None:
    hint = 'quote it to make it text: `"2"`'
    assert problems(kind, ["a", 2]) == [Problem((1,), f"`{kind}[1]` must be text, not `2`", hint)]
    assert problems(kind, []) == [
        Problem((), f"`{kind}` is an empty list", "write a list of texts: `[a, b]`")
    ]


def test_one_of_takes_a_list_alone() -> None:
    hint = "write a list of texts: `[a, b]`"
    assert problems("one_of", "yes") == [Problem((), "`one_of` must be a list, not `yes`", hint)]


def test_only_contains_takes_a_list() -> None:
    assert problems("starts_with", ["a"])
    assert problems("equals", ["a"])


@pytest.mark.parametrize("kind", ["equals", "one_of"])
def test_an_empty_reply_may_be_wanted(kind: str) -> None:
    argument = [""] if kind == "one_of" else ""
    assert finding(kind, argument, " \n").kept
    assert not finding(kind, argument, "a").kept


@pytest.mark.parametrize("kind", ["contains", "icontains", "starts_with", "equals", "one_of"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_how_a_letter_is_composed_does_not_count(kind: str, form: Any) -> None:
    text = unicodedata.normalize(form, "할머니 é")
    wanted = unicodedata.normalize("NFD" if form == "NFC" else "NFC", "할머니 é")
    assert finding(kind, [wanted] if kind == "one_of" else wanted, text).kept


@pytest.mark.parametrize("kind", ["starts_with", "equals"])
@pytest.mark.parametrize("text", [" 네", "네\n", "\n\n네 \t"])
def test_spacing_at_both_ends_does_not_count(kind: str, text: str) -> None:
    assert finding(kind, "네", text).kept
    assert finding(kind, text, "네").kept


@pytest.mark.parametrize("kind", ["contains", "icontains", "starts_with", "equals"])
def test_where_there_is_no_text_nothing_is_found(kind: str) -> None:
    found = finding(kind, "a", None)
    assert (found.kept, found.found) == (False, "no text")


def test_the_place_is_that_of_the_first_text() -> None:
    found = finding("contains", ["토끼", "호랑이"], "호랑이와\n토끼")
    assert (found.kept, found.found, found.where) == (
        True,
        "`토끼` and `호랑이`",
        "line 2, column 1",
    )


def test_no_place_is_told_where_folding_moved_it() -> None:
    assert finding("icontains", "mitte", "Straßenmitte").where == ""
    assert finding("icontains", "MITTE", "Zur Mitte").where == "line 1, column 5"


def test_the_nearest_of_several_texts_is_compared() -> None:
    found = finding("one_of", ["어제", "오늘은 화요일"], "오늘은 월요일")
    assert found.where == "line 1, column 5"
    assert found.found == "`오늘은 월요일`: `월요일` stands where `화요일` is expected"


def test_long_texts_are_quoted_in_part() -> None:
    found = finding("equals", "가" * 500 + "나" * 500, "가" * 500 + "다" * 30)
    assert found.where == "line 1, column 501"
    assert len(found.found) < 300
    assert found.found.endswith(f"…`: `{'다' * 30}` stands where `{'나' * 30}…` is expected")


def test_a_megabyte_is_searched_at_once() -> None:
    begun = time.monotonic()
    text = "할머니 " * 250_000
    for kind in TEXTS:
        assert not finding(kind, "할머니 " * 1_000 + "호랑이", text).kept
    assert time.monotonic() - begun < 5
