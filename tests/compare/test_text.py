from __future__ import annotations

import pytest

from promptrun.compare.exact import compare_exact
from promptrun.compare.text import compare_text, normalise


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("a\r\nb\rc", "a\nb\nc", id="line ends"),
        pytest.param("a  b\tc", "a b c", id="runs of spaces and tabs"),
        pytest.param("가\u3000\u00a0나", "가 나", id="wide and hard spaces"),
        pytest.param("a \t\nb ", "a\nb", id="spaces before a line's end"),
        pytest.param("a\n\n \n\nb", "a\n\nb", id="more than one empty line"),
        pytest.param("\n\na\n\n", "a", id="empty lines at both ends"),
        pytest.param("    a\n        b", "  a\n b", id="how far a line is indented"),
    ],
)
def test_spacing_is_no_difference_in_text_mode(old: str, new: str) -> None:
    assert compare_text("choice 1", old, new) is None
    assert compare_exact("choice 1", old, new) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("a b", "ab", id="no space where there was one"),
        pytest.param("a\nb", "a b", id="a line that is not broken"),
        pytest.param("a\n\nb", "a\nb", id="a paragraph that is none"),
        pytest.param("a\n b", "a\nb", id="a line that is not indented"),
        pytest.param("서울", "서울.", id="one sign more"),
    ],
)
def test_what_reads_differently_is_a_difference(old: str, new: str) -> None:
    assert compare_text("choice 1", old, new) is not None


def test_the_difference_shows_only_what_counts() -> None:
    difference = compare_text("choice 1", "a  b\r\nc", "a b\nd")
    assert difference is not None
    assert (difference.old, difference.new) == ("a b\nc", "a b\nd")


@pytest.mark.parametrize("text", ["", " ", "\n", " \r\n\t", " a\n\n\nb \n"])
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
