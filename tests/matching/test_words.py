from __future__ import annotations

import pytest

from promptrun.matching.words import mentions, same_start


@pytest.mark.parametrize(
    "text",
    ["{{ name }}", "{{name}}", "{{ name.first }}", "{{ a[name] }}", "vars: {name: 지수}", "name"],
)
def test_a_whole_name_is_mentioned(text: str) -> None:
    assert mentions(text, "name")


@pytest.mark.parametrize("name", ["nam", "ame", "name_", "Name", "n.me", "이"])
def test_a_part_of_a_name_is_not_mentioned(name: str) -> None:
    assert not mentions("{{ name }}와 {{ names }}와 {{ 이름 }}", name)


def test_a_korean_name_is_mentioned() -> None:
    assert mentions("{{ 이름 }}에게", "이름")
    assert not mentions("{{ 이름표 }}에게", "이름")


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [("할머니", "할아버지", 1), ("", "a", 0), ("ab", "abc", 2), (["a", "b"], ["a", "c"], 1)],
)
def test_two_texts_have_their_beginning_in_common(
    one: str | list[str], other: str | list[str], count: int
) -> None:
    assert same_start(one, other) == count
