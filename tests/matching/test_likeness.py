from __future__ import annotations

import random
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import LCSseq

from promptrun.matching import likeness as module
from promptrun.matching.likeness import likeness, telling

TEXTS = st.text(st.sampled_from("ab AB.\n\t할머니가는 1$é中"), max_size=30)


def words(count: int, seed: int, letters: str = "abcdefgh", size: int = 5) -> str:
    chance = random.Random(seed)  # noqa: S311 - the same words each time
    return " ".join("".join(chance.choices(letters, k=size)) for _ in range(count))


def same_when_normalised(one: str, other: str) -> bool:
    return module._pieces(one) == module._pieces(other)  # noqa: SLF001 - what the docstring calls words and signs


@given(TEXTS, TEXTS)
def test_likeness_is_symmetric_and_between_0_and_1(one: str, other: str) -> None:
    assert 0 <= likeness(one, other) <= 1
    assert likeness(one, other) == likeness(other, one)


@given(TEXTS, TEXTS)
def test_likeness_is_1_exactly_for_the_same_words_and_signs(one: str, other: str) -> None:
    assert (likeness(one, other) == 1) is same_when_normalised(one, other)
    assert likeness(one, one) == 1


@given(TEXTS)
def test_neither_spacing_nor_composition_counts(text: str) -> None:
    spaced = unicodedata.normalize("NFD", text.replace(" ", " \n "))
    assert likeness(text, f"  {spaced}\n") == 1


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        ("", "", 1),
        ("", "a", 0),
        ("a b c d", "a b c d", 1),
        ("a b c d", "a b d", 6 / 7),
        ("a b", "b a", 1 / 2),
        ("a b", "c d", 0),
        ("Yes", "yes", 0),
        ("할머니가", "할머니는", 3 / 4),
        ("가나 나다", "가나다", 6 / 7),
        ("가나다", "가 나 다", 1 / 3),
        ("中文", "中国", 1 / 2),
    ],
)
def test_it_is_the_share_of_words_in_common(one: str, other: str, score: float) -> None:
    assert likeness(one, other) == pytest.approx(score)


def test_another_particle_matters_less_than_another_word() -> None:
    accepted = "할머니가 마을에 살았습니다"
    assert likeness(accepted, "할머니는 마을에서 살았습니다") > 0.8
    assert likeness(accepted, "호랑이가 바다에 빠졌습니다") < 0.5


@pytest.mark.parametrize("moved", [0, 10, 3_000])
def test_a_long_text_is_at_most_as_alike_as_the_whole_would_say(moved: int) -> None:
    one, other = words(9_000, 1), words(9_000, 2)
    other = f"{words(moved, 3)} {one[: len(one) // 2]} {other[: len(other) // 2]}"
    left, right = one.split(), other.split()
    assert min(len(left), len(right)) > module.BLOCK

    whole = 2 * LCSseq.similarity(left, right) / (len(left) + len(right))
    assert whole - 0.4 < likeness(one, other) <= whole
    assert likeness(one, other) == likeness(other, one)


def test_one_word_in_a_long_text_is_seen() -> None:
    text = words(20_000, 1)
    for place in (0, 60_000, len(text)):
        other = f"{text[:place]} 아니 {text[place:]}"
        assert 0.99 < likeness(text, other) < 1


def test_what_is_too_long_is_like_its_equal_alone() -> None:
    text = "a " * 300_000
    assert likeness(text, text) == 1
    assert likeness(text, f"{text}b") == 0


@pytest.mark.parametrize(("letters", "size"), [("abcdefgh", 5), ("가나다라마바사아자", 3)])
def test_the_longest_texts_are_compared_in_seconds(letters: str, size: int) -> None:
    count = module.MAX_CHARACTERS // (size + 1) - 1
    one, other = words(count, 1, letters, size), words(count, 2, letters, size)
    begun = time.monotonic()
    assert likeness(one, other) < 1
    assert time.monotonic() - begun < 10


def test_a_thousand_short_comparisons_take_no_time() -> None:
    texts = [words(125, seed, "가나다라마바사아자", 3) for seed in range(32)]
    begun = time.monotonic()
    for one in texts:
        for other in texts:
            likeness(one, other)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("one", "other", "lines"),
    [
        ("It is $10.", "It is $90.", ["-`$10`", "+`$90`"]),
        ("a 5% rise", "a -5% rise", ["-`5%`", "+`-5%`"]),
        ("1,000.50 or 2", "1000.50 or 2", []),
        ("10 % of it", "10% of it", []),
        ("GPT-4, 2020-2026", "GPT-5, 2020-2026", ["-`4`", "+`5`"]),
        ("3.5", "3.6", ["-`3.5`", "+`3.6`"]),
        ("3만 원입니다", "5만 원입니다", ["-`3만원`", "+`5만원`"]),
        ("It's good", "It isn't good", ["+`not`"]),
        ("It is not good", "It isn’t good", []),
        ("I can", "I cannot", ["+`not`"]),
        ("with salt", "without salt", ["+`without`"]),
        ("never, NO", "no", ["-`never`"]),
        ("not good and not bad", "not good and bad", ["-`not`"]),
        ("갑니다", "가지 않습니다", ["+`않`"]),
        ("안 갑니다", "못 갑니다", ["-`안`", "+`못`"]),
        ("있습니다", "없습니다", ["+`없`"]),
        ("맞습니다", "아닙니다", ["+`아니`"]),
        ("먹으세요", "먹지 마세요", ["+`말`"]),
        ("안녕 동안 잘못 편지 말이", "", []),
        ("nothing known", "notes", []),
        ("가" * 10, "나" * 10, []),
    ],
)
def test_numbers_and_negations_are_told(one: str, other: str, lines: list[str]) -> None:
    told = telling(one, other, names=("-", "+"))
    assert told == [f"only in {line[0]}: {line[1:]}" for line in lines]


def test_the_texts_have_names() -> None:
    assert telling("1", "2") == ["only in the first text: `1`", "only in the second text: `2`"]


def test_many_numbers_are_counted() -> None:
    (line,) = telling(" ".join(map(str, range(20))), "")
    assert line.endswith("`7` and 12 more")


def test_telling_takes_no_time_on_long_texts() -> None:
    begun = time.monotonic()
    for text in ("1,2." * 250_000, "$ -" * 333_333, "지 " * 500_000, "n't" * 333_333, "1" * 10**6):
        telling(text, "없다")
    assert time.monotonic() - begun < 10
