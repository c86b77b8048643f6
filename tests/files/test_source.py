"""Any place in a text can be pointed at."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.errors import Location
from promptrun.files.source import Source

TEXT = """\
model: x
messages:
  - role: user
    content: |
      my name is Kim
      {{ name }} and

      {% if other %}x{% endif %}
  - role: user
    content: "line one\\nline {{ two }}\\n\\
      third \\u0041 {{ foo }}"
  - &turn
    role: user
    content: >-
      folded text
      goes {{ on }}

      new line {{ 이름 }}
  - *turn
  - <<: *turn
    role: system
vars:
  empty:
  quoted: 'it''s
    {{ a }} ''b'' {{ c }}'
"""
SOURCE = Source("specs/a.yaml", TEXT)


def shown(place: Location) -> tuple[int, str]:
    assert place.source == SOURCE.line(place.line)
    return place.line, place.source[place.column - 1 :][: place.width]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), (1, "model: x")),
        (("model",), (1, "x")),
        (("messages",), (3, "- role: user")),
        (("messages", 0), (3, "role: user")),
        (("messages", 0, "content"), (4, "|")),
        (("messages", 3, "content"), (14, ">-")),
        (("messages", 4, "role"), (21, "system")),
        (("messages", 4, "content"), (14, ">-")),
        (("vars", "empty"), (23, "empty")),
        (("messages", 9, "role"), (3, "- role: user")),
        (("messages", 0, "rule"), (3, "role: user")),
        (("nothing", "here"), (1, "model: x")),
        (("model", "deeper"), (1, "x")),
        (("model", 0), (1, "x")),
    ],
)
def test_a_path_leads_to_its_value_or_its_deepest_parent(
    path: Any, expected: tuple[int, str]
) -> None:
    assert shown(SOURCE.at(path)) == expected


def test_a_key_can_be_pointed_at() -> None:
    assert shown(SOURCE.at(("messages", 1, "content"), key=True)) == (10, "content")


@pytest.mark.parametrize(
    ("index", "word", "line", "expected"),
    [
        (0, "name", None, (6, "name")),
        (0, "Kim", None, (5, "Kim")),
        (0, "other", None, (8, "other")),
        (0, "nowhere", None, (4, "|")),
        (0, None, 1, (5, "my name is Kim")),
        (0, None, 4, (8, "{% if other %}x{% endif %}")),
        (0, None, 40, (4, "|")),
        (1, "two", None, (10, "two")),
        (1, "foo", None, (11, "foo")),
        (1, None, 2, (10, "line {{ two }}\\n\\")),
        (1, None, 3, (11, 'third \\u0041 {{ foo }}"')),
        (2, "on", None, (16, "on")),
        (2, "이름", None, (18, "이름")),
        (2, None, 2, (18, "new line {{ 이름 }}")),
    ],
)
def test_a_word_or_a_line_narrows_the_place(
    index: int, word: str | None, line: int | None, expected: tuple[int, str]
) -> None:
    assert shown(SOURCE.at(("messages", index, "content"), word=word, line=line)) == expected


@pytest.mark.parametrize(("word", "column"), [("a", 8), ("c", 22)])
def test_doubled_quotes_do_not_shift_a_place(word: str, column: int) -> None:
    place = SOURCE.at(("vars", "quoted"), word=word)
    assert (place.line, place.column) == (25, column)


def test_an_anchor_before_a_scalar_does_not_shift_a_place() -> None:
    place = Source("a", 'k: &x  "hello {{ w }}"').at(("k",), word="w")
    assert (place.column, place.width) == (18, 1)


def test_lines_are_those_of_an_editor() -> None:
    source = Source("a.yaml", "a: 1\u2028\nb: x\x85\n\nc: 3")
    assert [source.line(number) for number in range(6)] == [
        "",
        "a: 1\u2028",
        "b: x\x85",
        "",
        "c: 3",
        "",
    ]
    assert source.at(("c",)).line == 4


def test_a_text_that_is_not_yaml_has_a_first_line() -> None:
    assert Source("a", "x: [").at(("x",)).line == 1
    assert Source("a", "").at(("x",)) == Location("a", 1)


def test_marks_that_are_never_closed_cost_no_time() -> None:
    source = Source("a", "k: '" + "{{" * 500_000 + " w'")
    start = perf_counter()
    assert source.at(("k",), word="w").column == 1_000_006
    assert perf_counter() - start < 5


KEYS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)
WORDS = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=30)
TREES = st.recursive(
    WORDS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(KEYS, inner, min_size=1, max_size=3)
    ),
    max_leaves=10,
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Any:
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    else:
        yield path, value
    for step, inner in children:
        yield from leaves(inner, (*path, step))


@settings(max_examples=150, deadline=None)
@given(TREES, st.booleans())
def test_every_value_of_a_dumped_tree_is_found_at_its_first_character(
    tree: Any, flow: bool
) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True, default_flow_style=flow, default_style='"')
    source = Source("a", text)
    for path, value in leaves(tree):
        place = source.at(path)
        assert place.source[place.column - 1] == '"'
        if value.strip():
            line = source.at(path, line=1)
            first = value.strip()[0]
            raw = line.source[line.column - 1 :]
            assert raw.startswith((first, "\\"))
