from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from promptrun.compare import compare
from promptrun.matching.words import split_words
from promptrun.models import Change, CompareRules, Difference, Digests, Snapshot
from promptrun.reports.differences import write_difference
from promptrun.reports.style import Style, visible, visible_line
from promptrun.reports.words import mark_words

PLAIN = Style()


def show(
    old: str | None = None,
    new: str | None = None,
    *,
    where: str = "choice 1",
    style: Style = PLAIN,
    bounded: bool = False,
    changes: tuple[Change, ...] = (),
) -> str:
    difference = Difference(where=where, old=old, new=new, bounded=bounded, changes=changes)
    return "\n".join(write_difference(difference, style))


def changed(path: str, old: object, new: object) -> Change:
    return Change(path=path, kind="changed", old=old, new=new)


@pytest.mark.parametrize(
    ("where", "old", "new", "line"),
    [
        ("temperature", "0", "0.7", "temperature: 0 → 0.7"),
        ("choice 1", "서울", "부산", "choice 1: 서울 → 부산"),
        ("choice 1", "Seoul", "Seoul ", 'choice 1: "Seoul" → "Seoul "'),
        ("choice 1", "a → b", "c", 'choice 1: "a → b" → "c"'),
        ("seed", None, "42", "seed: added, 42"),
        ("seed", "42", None, "seed: removed, 42"),
        ("stop", None, "", 'stop: added, ""'),
    ],
)
def test_what_is_short_stands_on_one_line(
    where: str, old: str | None, new: str | None, line: str
) -> None:
    assert show(old, new, where=where) == line


def test_words_that_differ_are_marked_between_equal_lines() -> None:
    old = "one\ntwo\nthree\nfour\nThe quick brown fox jumps.\nfive\nsix\nseven\neight"
    new = old.replace("brown", "red") + "\nnine"
    assert show(old, new) == (
        "choice 1\n"
        "  ⋮ 2 equal lines\n"
        "    three\n"
        "    four\n"
        "  - The quick [-brown-] fox jumps.\n"
        "  + The quick {+red+} fox jumps.\n"
        "    five\n"
        "    six\n"
        "    seven\n"
        "    eight\n"
        "  + nine"
    )


def test_korean_is_read_word_by_word() -> None:
    old = "옛날 옛적에 할아버지와 할머니가 살고 있었습니다.\n두 분은 행복했습니다. 😀"
    new = "옛날 옛적에 할머니와 손자가 살고 있었습니다.\n두 분은 행복했습니다. 😀"
    assert show(old, new) == (
        "choice 1\n"
        "  - 옛날 옛적에 [-할아버지와 할머니가-] 살고 있었습니다.\n"
        "  + 옛날 옛적에 {+할머니와 손자가+} 살고 있었습니다.\n"
        "    두 분은 행복했습니다. 😀"
    )


def test_texts_with_little_in_common_have_no_marks() -> None:
    assert show(
        "Something entirely different was written", "No relation at all, none whatsoever!"
    ) == (
        "choice 1\n"
        "  - Something entirely different was written\n"
        "  + No relation at all, none whatsoever!"
    )


def test_colour_takes_the_place_of_marks() -> None:
    text = show("The quick brown fox jumps over it.", "The quick red fox jumps over it.",
                style=Style(color=True))  # fmt: skip
    assert "\x1b[31;7mbrown\x1b[0m" in text
    assert "\x1b[32;7mred\x1b[0m" in text
    assert "[-" not in text
    assert re.sub(r"\x1b\[[\d;]*m", "", text) == (
        "choice 1\n  - The quick brown fox jumps over it.\n  + The quick red fox jumps over it."
    )


def test_a_difference_of_white_space_alone_can_be_seen() -> None:
    assert show("the same line of some length, ends", "the same line of some length, ends ") == (
        "choice 1\n"
        "  - the same line of some length, ends\n"
        "  + the same line of some length, ends{+ +}"
    )
    assert r"[-\r-]" in show(
        "a line with some length in it\r\nb", "a line with some length in it\nb"
    )


def test_an_added_message_is_shown_whole() -> None:
    assert show(new="첫 줄\n둘째 줄", where="messages[2] (user)") == (
        "messages[2] (user): added\n  + 첫 줄\n  + 둘째 줄"
    )


def test_json_changes_go_by_path() -> None:
    changes = (
        changed("$.people[0].age", 40, 41),
        changed("$.name", "김", None),
        Change(path="$.people[3]", kind="added", new={"name": "이철수"}),
        Change(path="$['a b']", kind="removed", old=[1, 2]),
        changed("$.bio", "She was born in Seoul.", "She was born in Daegu."),
        changed("$.note", "She was born in Seoul, and moved.", "She was born in Daegu, and moved."),
    )
    assert show(changes=changes) == (
        "choice 1\n"
        "  ~ $.people[0].age: 40 → 41\n"
        '  ~ $.name: "김" → null\n'
        '  + $.people[3]: {"name": "이철수"}\n'
        "  - $['a b']: [1, 2]\n"
        '  ~ $.bio: "She was born in Seoul." → "She was born in Daegu."\n'
        "  ~ $.note:\n"
        "      - She was born in [-Seoul-], and moved.\n"
        "      + She was born in {+Daegu+}, and moved."
    )


def test_a_long_value_is_cut_in_the_middle_and_says_by_how_much() -> None:
    text = show(changes=(Change(path="$.x", kind="added", new="가" * 1_000),))
    assert text == f'choice 1\n  + $.x: "{"가" * 49}…902 characters…{"가" * 49}"'


def test_a_long_line_is_cut_around_its_changes() -> None:
    filler = "word " * 200
    old, new = (f"{filler}{a} {filler}{b} {filler}" for a, b in (("alpha", "beta"), ("x", "y")))
    lines = show(old, new).split("\n")
    assert len(lines) == 3
    assert "[-alpha-]" in lines[1]
    assert "[-beta-]" in lines[1]
    assert "{+x+}" in lines[2]
    assert "characters…" in lines[1]
    assert all(len(line) < 500 for line in lines)


def test_a_value_too_large_to_walk_says_so() -> None:
    text = show("{\n1\n}", "{\n2\n}", bounded=True)
    assert text.startswith("choice 1: too large to list every change\n")


def test_many_changes_are_counted_and_not_shown() -> None:
    changes = tuple(changed(f"$[{number}]", 0, 1) for number in range(1_000))
    lines = show(changes=changes).split("\n")
    assert len(lines) == 52
    assert lines[-1] == "  ⋮ 950 more changes"


def test_many_lines_are_counted_and_not_shown() -> None:
    old, new = ("\n".join(f"{sign} {n}" for n in range(5_000)) for sign in "ab")
    lines = show(old, new).split("\n")
    assert len(lines) == 122
    assert sum(line.startswith("  - ") for line in lines) == 60
    assert lines[-1] == "  ⋮ 9,880 more lines differ"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            "가나다 라\n" * 2_000_000, "가나다 라\n" * 2_000_001 + "x", id="one line more"
        ),
        pytest.param("a\nb\n" * 1_000_000, "b\nc\n" * 1_000_000, id="every line"),
        pytest.param("가 나" * 4_000_000, "나 다" * 4_000_000, id="one line of all"),
        pytest.param("x" * 9_000_000 + "a", "x" * 9_000_000 + "b", id="one word of all"),
    ],
)
def test_a_huge_reply_is_shown_in_part_and_soon(old: str, new: str) -> None:
    start = time.perf_counter()
    text = show(old, new)
    assert time.perf_counter() - start < 15  # about one second where nothing else runs
    assert len(text) < 50_000


def test_nothing_of_a_reply_reaches_the_terminal_as_a_control() -> None:
    nasty = "line \x1b]8;;http://evil\x07 \x9b31m \u202e \u2066 \r \x00 \ud83d \ufeff end"
    other = nasty.replace("end", "END")
    texts = [
        show(nasty, other),
        show(new=nasty),
        show(where=nasty, new="a"),
        show(changes=(changed(nasty, nasty, other), changed("$", {nasty: 1}, [nasty]))),
    ]
    for text in texts:
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]", text)
        text.encode("utf-8")


def test_the_documentation_shows_differences_as_they_are() -> None:
    asked = [{"role": "user", "content": f"Name {n} cities in Korea."} for n in ("two", "three")]
    old, new = (
        Snapshot(
            spec="specs/a.yaml",
            case="default",
            digests=Digests(prompt=f"p{side}", settings=f"s{side}", model="m"),
            request={
                "model": "m",
                "messages": [{"role": "system", "content": "Be short."}, asked[side]],
                "parameters": {"temperature": [0, 0.7][side]},
            },
            reply={"model": "m", "choices": [choice]},
        )
        for side, choice in enumerate(
            (
                {
                    "finish_reason": "stop",
                    "json": {
                        "cities": ["Seoul", "Busan"],
                        "country": {"name": "Korea"},
                        "note": "as asked",
                    },
                },
                {
                    "finish_reason": "length",
                    "json": {"cities": ["Seoul", "Busan", "Jeju"], "country": {"name": "한국"}},
                },
            )
        )
    )
    comparison = compare(old, new, CompareRules())
    shown = [
        f"    {line}"
        for difference in (*comparison.request, *comparison.reply)
        for line in write_difference(difference, PLAIN)
    ]
    documentation = Path(__file__).parents[2] / "docs" / "comparing.md"
    example = documentation.read_text("utf-8").split("```\n")[-2].splitlines()
    assert sorted(shown) == sorted(line for line in example if line.startswith(" "))


class TestVisible:
    def test_controls_are_shown_escaped(self) -> None:
        assert visible("a\x1b[31m\x00\x9b\u202e\ud83d") == r"a\x1b[31m\x00\x9b\u202e\ud83d"

    def test_line_ends_and_tabs_stay_unless_it_is_one_line(self) -> None:
        assert visible("a\n\tb\r") == "a\n\tb\\r"
        assert visible_line("a\n\tb") == r"a\n\tb"

    @pytest.mark.parametrize("text", ["한국어 ㅋㅋ", "日本語", "👨‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️", "नमस्ते", "é e\u0301"])
    def test_every_script_stays_as_it_is(self, text: str) -> None:
        assert visible(text) == text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "a"),
        ("a b c", "a x c"),
        ("今日は天気がいい", "今日は天気が悪い"),
        ("a\n\nb", "b\n a\n"),
        ("x" * 50_000 + " a", "x" * 50_000 + " b"),
        ("👨‍👩‍👧 a b c", "👨‍👩‍👦 a b c"),
    ],
)
def test_marking_words_loses_nothing(old: str, new: str) -> None:
    old_runs, new_runs = mark_words(old, new)
    assert "".join(run.text for run in old_runs) == old
    assert "".join(run.text for run in new_runs) == new
    shared = ["".join(run.text for run in runs if not run.own) for runs in (old_runs, new_runs)]
    assert shared[0] == shared[1] or not any(run.own for run in old_runs + new_runs)


def test_words_are_split_as_they_are_read() -> None:
    assert split_words("할머니와 손자, 今日 👨‍👩‍👧!") == [
        "할머니와", " ", "손자", ",", " ", "今", "日", " ", "👨‍👩‍👧", "!",
    ]  # fmt: skip
