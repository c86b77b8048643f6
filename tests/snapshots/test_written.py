"""The fast reader of a snapshot's own form never reads another value than the reader of YAML."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.errors import SpecErrors
from promptrun.files.source import Source
from promptrun.files.yaml import parse_yaml
from promptrun.models import Digests, Snapshot
from promptrun.snapshots.dump import dump_snapshot
from promptrun.snapshots.plain_text import UNFIT
from promptrun.snapshots.written import MAX_LENGTH, read_written
from tests.snapshots.examples import golden, snapshot

NO_VALUE = object()


def by_yaml(text: str) -> Any:
    try:
        return parse_yaml(Source("x", text))
    except SpecErrors:
        return NO_VALUE


def check(text: str) -> bool:
    """Whether the fast reader takes the text; what it gives must be what YAML gives."""
    value = read_written(text)
    if value is None:
        return False
    # Types count, too: 1 is not 1.0, and not true.
    assert repr(value) == repr(by_yaml(text))
    return True


def test_a_snapshot_as_it_is_written_is_read_fast() -> None:
    taken = {name for name, made in golden().items() if check(dump_snapshot(made))}
    assert taken >= {"korean_json", "tool_call", "image", "refusal"}
    assert check(dump_snapshot(snapshot("첫 줄\n\n  둘째 줄\n")))


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("key: word # comment", id="a comment"),
        pytest.param("key: &a word", id="an anchor"),
        pytest.param("key: *a", id="an alias"),
        pytest.param("key: !!str word", id="a tag"),
        pytest.param("<<: word", id="a merge"),
        pytest.param("key: yes", id="a word that is not text everywhere"),
        pytest.param("null: word", id="a key that is no text"),
        pytest.param("a: 1\na: 2", id="a key that stands twice"),
        pytest.param("key: 007", id="a number with a leading zero"),
        pytest.param("key: 1.", id="an odd number"),
        pytest.param("key: .inf", id="a number that is not finite"),
        pytest.param("key: 1e400", id="a number beyond a float"),
        pytest.param("key: [1]", id="a list on one line"),
        pytest.param("key: {a: 1}", id="a mapping on one line"),
        pytest.param('key: "a\\tb"', id="an escape"),
        pytest.param('key: "a" b"', id="a quote inside"),
        pytest.param("key: 'a' b'", id="a single quote inside"),
        pytest.param("key: word\n  more", id="a text over two lines"),
        pytest.param("key:", id="a key without a value"),
        pytest.param("key:\n- a", id="a list that is not set in"),
        pytest.param("key:\n   a: 1", id="a mapping that is set in too far"),
        pytest.param("key: |\n    a\n   b", id="a block whose first line is set in further"),
        pytest.param("key: |2\n   a", id="a block with a hint"),
        pytest.param("key: |\n\n  a", id="a block that begins with an empty line"),
        pytest.param("key: |\n  a\n", id="an empty line at the end"),
        pytest.param("key: |\n  a\n  ", id="a line of nothing but its indentation at the end"),
        pytest.param("key: >\n  a", id="a folded block"),
        pytest.param("key: a: b", id="two keys on a line"),
        pytest.param("key: word ", id="a space at the end"),
        pytest.param("key:  word", id="two spaces"),
        pytest.param("key:\tword", id="a tab"),
        pytest.param("key: |\n  a\u2028b", id="a line end of YAML 1.1"),
        pytest.param("key: |\n  a\x1bb", id="a control character"),
        pytest.param("---\nkey: word", id="the beginning of a document"),
        pytest.param("key: word\n---", id="another document"),
        pytest.param("%TAG ! x\nkey: word", id="a directive"),
        pytest.param("- word", id="a list"),
        pytest.param("", id="nothing"),
    ],
)
def test_every_other_form_is_left_to_the_reader_of_yaml(line: str) -> None:
    assert read_written(f"{line}\n") is None


def test_a_text_without_its_last_line_end_is_left_to_the_reader_of_yaml() -> None:
    assert read_written("key: word") is None
    assert read_written("key: |\n  word") is None


def test_no_depth_and_no_length_exhausts_it() -> None:
    deep = "".join(f"{' ' * 2 * level}a:\n" for level in range(5_000))
    assert read_written(f"{deep}{' ' * 10_000}a: 1\n") is None
    assert read_written(f"a:\n  {'- ' * 50_000}x\n") is None
    assert read_written(f"a: {'x' * MAX_LENGTH}\n") is None
    assert check(f"a: {'x ' * (MAX_LENGTH // 4)}x\n")


def test_nothing_that_is_unfit_is_printable() -> None:
    for code in range(sys.maxunicode + 1):
        assert not (chr(code).isprintable() and UNFIT.match(chr(code)))


words = st.sampled_from(
    [
        "no",
        "null",
        "1",
        "-0",
        "1.5e+22",
        "a: b",
        "a:b",
        "- a",
        "'",
        '"',
        "\\n",
        "가 나",
        "|",
        "#",
        "",
    ]
)
texts = st.lists(words | st.text(max_size=6), max_size=4).map(" ".join) | st.lists(
    words | st.text(max_size=4), max_size=4
).map("\n".join)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(values)
def test_whatever_is_written_is_read_as_yaml_reads_it(value: Any) -> None:
    made = Snapshot(
        spec="specs/a.yaml",
        case="default",
        digests=Digests(prompt="0", settings="0", model="m"),
        request={"value": value},
        reply={"choices": [{"json": value}]},
    )
    check(dump_snapshot(made))


letters = list("ab가: \n-|'\"#!\t?,\\%\u2028")
runs = "  /    /\n  /\n    /: /- /|-/|+/&a/*a/null/true/1/-1.5/{}/[]/a: /a:\n  /a: |\n  /- - /- a: "
pieces = st.sampled_from([*letters, *runs.split("/"), "\n\n", "<<: ", "---\n"])


@settings(deadline=None, max_examples=300)
@given(st.lists(pieces, max_size=14).map("".join))
def test_whatever_it_takes_is_read_as_yaml_reads_it(text: str) -> None:
    check(f"{text}\n")


def test_a_snapshot_that_somebody_edited_is_read_as_yaml_reads_it() -> None:
    seeded = random.Random(11)  # noqa: S311 - places of edits, no secret
    originals = [dump_snapshot(made) for made in golden().values()]
    edits = [
        " ",
        "  ",
        "\n",
        "- ",
        ": ",
        ":",
        "'",
        '"',
        "|",
        "\t",
        "x",
        "1",
        "#",
        "\n\n",
        "&a",
        "",
        "",
    ]
    taken = 0
    for _ in range(2_000):
        text = seeded.choice(originals)
        for _ in range(seeded.randint(1, 3)):
            place = seeded.randrange(len(text))
            text = text[:place] + seeded.choice(edits) + text[place + seeded.randint(0, 2) :]
        taken += check(text)
    assert taken > 100
