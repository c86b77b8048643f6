"""A list in a YAML file is read as a stream, and gives what the whole file would give."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.errors import SpecErrors
from promptrun.files import yaml_window
from promptrun.files.source import Source
from promptrun.files.yaml import parse_yaml
from promptrun.files.yaml_items import Item, read_items
from promptrun.files.yaml_window import MAX_ITEM_CHARACTERS


def stream(text: str) -> Iterator[Item]:
    items = read_items(io.StringIO(text, newline=None), "a.yaml")
    assert items is not None
    return items


def told(text: str) -> list[Any]:
    """The values of the items; for a mistake its message with its place."""
    return [str(one.error).split(" (hint")[0] if one.error else one.value for one in stream(text)]


def whole_file_error(text: str) -> str:
    with pytest.raises(SpecErrors) as caught:
        list(stream(text))
    return str(caught.value.errors[0])


@pytest.fixture(params=[1, 7, 64 * 1024], ids="pieces of {} characters".format)
def _pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_window, "_CHUNK", request.param)


LISTS = [
    "- {name: 지수, age: 3}\n#\n- name: 민호\n  story: |\n    옛날\n    옛적\n- [1, no]\n-\n",
    '---\n[{"a": "\\ud83d\\ude00", "b": [1]}, {"a": "\\\\ud83d", "😀": null}]\n...\n',
    "-   a: \"\\ud83d\\ude00\"\n    b: |2\n        두 칸\n- {a: '\\ud83d\\ude00'}\n- ? k\n  : v\n",
    '[<<: {a: "\\uD83D\\uDE00"}, b: c, "d"]',
    "- &x {a: 1}\n- <<: *x\n  b: 2\n- *x\n- &x [1]\n- *x\n",
    "&all\n- a\n- 'b'\n",
    "%YAML 1.2\n---\n- a: \u2028\x85\n",
    "[]",
    f"# {'긴 줄 ' * 900}\n- a: {'한' * 5_000}\n- b: {'x ' * 3_000}\n",
]


@pytest.mark.usefixtures("_pieces")
@pytest.mark.parametrize("text", LISTS)
def test_the_items_are_those_of_the_whole_file_at_the_same_places(text: str) -> None:
    source = Source("a.yaml", text)
    items = list(stream(text))
    assert [item.error for item in items] == [None] * len(items)
    assert [item.value for item in items] == parse_yaml(source)
    if "*x" not in text:  # an alias stands where it is written, not where its anchor is
        places = [source.at((index,))[:4] for index in range(len(items))]
        assert [item.location[:4] for item in items] == places


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.sampled_from(
    ["\\ud83d\\ude00", "😀", "no", "a: b", '"', "줄\n줄\n", " x"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
SPOILERS = st.sampled_from(
    [
        '"',
        "'",
        "{",
        "}",
        "]",
        "\n",
        "\n- ",
        "&a ",
        "*a",
        "!t ",
        ": ",
        "\\ud83d",
        "\t",
        "---\n",
        "|\n",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.dictionaries(TEXTS, VALUES, max_size=3) | VALUES, min_size=1, max_size=4),
    style=st.integers(0, 3),
    size=st.sampled_from([1, 5, 64, 64 * 1024]),
    spoilers=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), SPOILERS), max_size=2),
)
def test_a_mistake_is_never_lost_and_what_has_none_is_read_alike(
    rows: list[Any], style: int, size: int, spoilers: list[tuple[float, str]]
) -> None:
    text = json.dumps(rows, ensure_ascii=style == 0, indent=style or None)
    if style > 1:
        text = yaml.safe_dump(rows, allow_unicode=style == 2, default_flow_style=None)
    for share, spoiler in spoilers:
        place = int(share * len(text))
        text = text[:place] + spoiler + text[place:]
    try:
        expected = parse_yaml(Source("a.yaml", text))
    except SpecErrors:
        expected = SpecErrors
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_window, "_CHUNK", size)
        assert streamed(text) == (expected if isinstance(expected, list) else SpecErrors)


def streamed(text: str) -> Any:
    """The values, or SpecErrors for a mistake of any kind."""
    try:
        items = read_items(io.StringIO(text, newline=None), "a.yaml")
        found = None if items is None else list(items)
    except SpecErrors:
        return SpecErrors
    if found is None or any(item.error for item in found):
        return SpecErrors
    return [item.value for item in found]


MISTAKES = {
    "a key twice": ("- {a: 1, a: 2}", "a.yaml:2:10: the key `a` stands twice"),
    "a tag": (
        "- !!python/object:x {a: 1}",
        "a.yaml:2:3: the tag `!!python/object:x` is not allowed",
    ),
    "an alias to nothing": ("- *nothing", "a.yaml:2:3: the anchor `&nothing` is not known here"),
    "an alias in its own value": (
        "- &x [*x]",
        "a.yaml:2:7: the alias `*x` stands inside the value that it names",
    ),
    "a key that is no text": ("- {1: 2}", "a.yaml:2:4: the key `1` is no text"),
    "a template without quotes": ("- a: {{ b }}", "a.yaml:2:6: a template that is not quoted"),
    "a control character": (
        "- a\x07b",
        "a.yaml:2:4: the control character U+0007 cannot stand here",
    ),
    "a byte that is not utf-8": ("- 가\udcff", "a.yaml:2:4: it is not UTF-8"),
    "half of an escaped character": (
        '- "\\ud83d"',
        "a.yaml:2:6: an escape that names no whole character",
    ),
    "too deep": ("- " + "[" * 300 + "]" * 300, "a.yaml:2:102: nested deeper than 100 levels"),
    "fifty mistakes, the last a tag": (
        "- {" + "a: 1, " * 50 + "b: !t {c: {d: 1}}}",
        "a.yaml:2:10: the key `a` stands twice",
    ),
    "an alias bomb": (
        "- a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"  {name}: &{name} [{', '.join(['*' + above] * 10)}]\n"
            for above, name in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "the row is too large: its aliases make too many values",
    ),
}


@pytest.mark.usefixtures("_pieces")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_spoils_its_own_item_alone(name: str) -> None:
    row, message = MISTAKES[name]
    first, bad, last = told(f"- 하나\n{row}\n- 끝\n")
    assert (first, last) == ("하나", "끝")
    assert message in bad


@pytest.mark.usefixtures("_pieces")
@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("b: 2\n- 3\n", "a.yaml:3:1: expected the next `- ` of the list"),
        ('- "never\n- 3\n', "a.yaml:3:3: the quote that opens here is never closed"),
        ("- {a: 1\n- 3\n", "a.yaml:5:1: a mapping that `{` opened is not closed"),
        ("---\n- 3\n", "a.yaml:3:1: a second document begins here"),
        ("\x07- 3\n", "a.yaml:3:1: the control character U+0007 cannot stand here"),
        ("- " + "[" * 3_000 + "]" * 3_000 + "\n- 3\n", "nested "),
    ],
    ids=["no item", "a quote", "a brace", "a document", "a control character", "too deep"],
)
def test_where_it_is_no_longer_yaml_the_items_above_were_given(rest: str, message: str) -> None:
    *rows, last = told(f"- 하나\n- 둘\n{rest}")
    assert rows == ["하나", "둘"]
    assert message in last
    assert last.endswith("; the rows behind it cannot be read")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%TAG ! tag:x,2000:\n---\n- a\n", "a.yaml:1:1: tags are not allowed"),
        ("!!seq\n- a\n", "a.yaml:1:1: the tag `!!seq` is not allowed"),
        ("- {a: 1\n", "a.yaml:2:1: a mapping that `{` opened is not closed"),
        ("\udcff\udcfe-\n", "a.yaml:1:1: it is not UTF-8"),
        ("#" * 70_000 + "\n- a\n", "a.yaml:1:1: no list begins within the first 64 KiB"),
        ("# x\n" * 20_000 + "%TAG ! a\n" * 100_000, "a.yaml:1:1: no list begins"),
    ],
    ids=["a tag directive", "a tag", "a brace", "bytes", "a long comment", "far directives"],
)
def test_what_goes_wrong_before_the_first_item_is_a_mistake_of_the_file(
    text: str, message: str
) -> None:
    assert whole_file_error(text).startswith(message)


@pytest.mark.parametrize("text", ["", "a: 1\n", "text", "3"])
def test_another_value_is_no_list(text: str) -> None:
    assert read_items(io.StringIO(text), "a.yaml") is None


def test_anchors_of_earlier_items_are_known_up_to_a_bound() -> None:
    big = f"- &{{}} [{'x' * 600_000}]\n"
    rows = told("- &small {a: 1}\n" + big.format("one") + big.format("two") + "- [*small, *two]\n")
    assert "the anchor `&two` is not known here" in rows[-1]
    assert told("- &small {a: 1}\n" + big.format("one") + "- *small\n")[-1] == {"a": 1}


def test_an_anchor_that_is_no_longer_kept_never_means_an_older_value() -> None:
    rows = told(f"- &x old\n- &x [{'y' * 2**21}]\n- *x\n- &x new\n- *x\n")
    assert "the anchor `&x` is not known here" in rows[2]
    assert rows[3:] == ["new", "new"]
    assert "is not known here" in told("- &x old\n- &x {a: 1, a: 2}\n- *x\n")[-1]
    assert "is not known here" in told(f"- &x old\n- &x {'[' * 200}{']' * 200}\n- *x\n")[-1]


def test_the_names_of_anchors_count_as_what_they_hold() -> None:
    rows = told("".join(f"- &{letter * 400_000} x\n" for letter in "abc") + f"- *{'c' * 400_000}\n")
    assert "is not known here" in rows[-1]


@pytest.mark.parametrize(
    "text",
    ['- "' + "가 " * MAX_ITEM_CHARACTERS, "- a\n" + "# x\n" * MAX_ITEM_CHARACTERS],
    ids=["a quote that is never closed", "a comment without end"],
)
def test_an_item_without_end_is_not_gathered_in_memory(text: str) -> None:
    file = io.StringIO(f"- 하나\n{text}")
    tracemalloc.start()
    items = read_items(file, "a.yaml")
    assert items is not None
    *_, last = items
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "the row is longer than 8 MiB; the rows behind it cannot be read" in str(last.error)
    assert peak < 10 * MAX_ITEM_CHARACTERS


@pytest.mark.parametrize(
    ("start", "row", "end"),
    [
        ("", f"- name: 사례\n  text: {'옛날 ' * 60}\n", ""),
        ("[", f"{{name: {'옛날 ' * 60}}}, ", "]"),
    ],
    ids=["in blocks", "in one line"],
)
def test_a_long_list_takes_the_memory_of_a_few_items(
    tmp_path: Path, start: str, row: str, end: str
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(start + row * 10_000 + end, encoding="utf-8")
    tracemalloc.start()
    with path.open(encoding="utf-8") as file:
        items = read_items(file, "a.yaml")
        assert items is not None
        assert sum(1 for item in items if not item.error) == 10_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_500_000  # the text has two million characters, of two bytes each
