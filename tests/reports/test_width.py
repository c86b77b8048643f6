"""Columns of a terminal: how many a text takes, and how a line is broken to keep to them."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest

from promptrun.reports.style import Style
from promptrun.reports.width import cut, display_width, flow, fold, painted_width

KOREAN = "옛날 옛적에 할아버지와 할머니가 살고 있었습니다"
FOLDING = Style(width=20, folds=True)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("plain", 5),
        ("한국어 abc", 10),
        ("日本語", 6),
        ("ｆｕｌｌ", 8),
        ("e\u0301", 1),
        ("กิ", 1),
        (unicodedata.normalize("NFD", "한글"), 4),
        ("a\u00adb", 3),
        ("🎉", 2),
        ("é→…", 3),
    ],
    ids=[
        "nothing", "ASCII", "Korean", "Japanese", "full width", "a combining mark", "a Thai vowel",
        "Korean in parts, as macOS names files", "a soft hyphen", "an emoji", "narrow signs",
    ],
)  # fmt: skip
def test_a_text_takes_as_many_columns_as_terminals_give_it(text: str, columns: int) -> None:
    assert display_width(text) == columns


def test_colours_take_no_column() -> None:
    assert painted_width(Style(color=True).paint("한국어", "red", "reverse")) == 6


def test_a_line_that_fits_stays_as_it_is() -> None:
    assert fold("  two  blanks ", 14, 4) == ["  two  blanks "]


def test_a_line_is_broken_between_words_and_hangs() -> None:
    assert fold(f"  - {KOREAN}", 20, 4) == [
        "  - 옛날 옛적에",
        "    할아버지와",
        "    할머니가 살고",
        "    있었습니다",
    ]


def test_a_word_that_is_too_wide_stays_in_one_piece() -> None:
    path = "snapshots/greetings/a_case_with_a_long_name.yaml"
    assert fold(f"wrote {path} just now", 20, 2) == ["wrote", f"  {path}", "  just now"]


def test_japanese_is_broken_between_letters_and_never_before_a_full_stop() -> None:
    assert fold("今日は天気がいいですね。明日も", 20, 0) == ["今日は天気がいいです", "ね。明日も"]
    assert fold("今日は天気がいいです。明日も", 20, 0) == ["今日は天気がいいで", "す。明日も"]


def test_a_colour_ends_with_its_row_and_begins_again_in_the_next() -> None:
    red = Style(color=True).paint("one two three", "red", "reverse")
    assert fold(f"  - {red} end", 11, 4) == [
        "  - \x1b[31;7mone two\x1b[0m",
        "    \x1b[31;7mthree\x1b[0m",
        "    end",
    ]


@pytest.mark.parametrize("hang", [0, 4, 500])
@pytest.mark.parametrize("width", [1, 2, 10, 40])
@pytest.mark.parametrize("color", [False, True], ids=["plain", "in colours"])
def test_folding_loses_nothing_but_blanks_at_the_ends_of_rows(
    hang: int, width: int, *, color: bool
) -> None:
    style = Style(color=color)
    japanese, last = style.paint("日本語のテキスト。", "green"), style.paint("a b", "dim")
    line = f"    {KOREAN} {japanese} {'x' * 60} \t {last}"

    rows = fold(line, width, hang)

    def bare(text: str) -> str:
        return re.sub(r"\x1b\[[\d;]*m| ", "", text)

    assert bare("".join(rows)) == bare(line)
    for row in rows:
        assert painted_width(row) <= width or len(row.split()) == 1
        assert row.count("\x1b[0m") * 2 == row.count("\x1b")


@pytest.mark.parametrize("text", ["a " * 200_000, " " * 400_000, "x" * 400_000, "字" * 100_000])
def test_a_huge_line_is_folded_soon(text: str) -> None:
    start = time.perf_counter()
    fold(text, 40, 4)
    assert time.perf_counter() - start < 10  # about a second where nothing else runs


def test_parts_stand_side_by_side_where_there_is_room() -> None:
    parts = ["changed", "specs/인사.yaml::default", "openai, 0.84 s"]
    assert flow(parts, 80, gap="  ", hang=2) == ["  ".join(parts)]
    assert flow(parts, 40, gap="  ", hang=2) == [
        "changed  specs/인사.yaml::default",
        "  openai, 0.84 s",
    ]
    assert flow(parts, 30, gap="  ", hang=2) == [
        "changed",
        "  specs/인사.yaml::default",
        "  openai, 0.84 s",
    ]
    assert flow(parts, 20, gap="  ", hang=2) == [
        "changed  specs/인사.yaml::default",
        "  openai, 0.84 s",
    ]


def test_a_page_that_does_not_fold_leaves_every_line_as_it_is() -> None:
    style = Style(width=10)
    assert style.fold(KOREAN, 2) == [KOREAN]
    assert style.fold_text(f"{KOREAN}\n{KOREAN}") == f"{KOREAN}\n{KOREAN}"
    assert style.flow([KOREAN, KOREAN]) == f"{KOREAN}  {KOREAN}"
    assert style.inside(4) is style


def test_each_line_of_a_text_hangs_behind_its_own_margin() -> None:
    assert FOLDING.fold_text(f"error: {KOREAN[:12]}\n  found: {KOREAN[:12]}") == (
        "error: 옛날 옛적에\n  할아버지와\n  found: 옛날 옛적에\n    할아버지와"
    )


def test_a_cut_text_never_ends_inside_a_wide_letter() -> None:
    assert [cut("한국어", width) for width in (6, 5, 4, 3, 2, 1)] == [
        "한국어", "한국…", "한…", "한…", "…", "…",
    ]  # fmt: skip
