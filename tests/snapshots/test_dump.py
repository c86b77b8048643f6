"""Snapshots as text, and back."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.errors import SnapshotError
from promptrun.files.json import canonical
from promptrun.models import Digests, Snapshot
from promptrun.snapshots import parse_snapshot
from promptrun.snapshots.dump import dump_snapshot
from promptrun.snapshots.plain_text import PLAIN
from tests.snapshots.examples import golden, snapshot

GOLDEN = Path(__file__).parent / "golden"


def with_request(value: Any) -> Snapshot:
    return Snapshot(
        spec="specs/a.yaml",
        case="default",
        digests=Digests(prompt="0" * 16, settings="1" * 16, model="m"),
        request={"value": value},
        reply={"model": None, "choices": []},
    )


def written(value: Any) -> str:
    """What stands in the file for one value of the request."""
    lines = dump_snapshot(with_request(value)).partition("  value:")[2]
    return lines.partition("\nreply:")[0].removeprefix(" ")


@pytest.mark.parametrize("name", golden())
def test_an_example_is_written_as_its_golden_file_says(name: str) -> None:
    expected = (GOLDEN / f"{name}.yaml").read_bytes().decode()
    assert dump_snapshot(golden()[name]) == expected
    assert parse_snapshot(expected, name) == golden()[name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("안녕하세요, 존님!", "안녕하세요, 존님!"),
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("don't", "don't"),
        ("", '""'),
        (" x", '" x"'),
        ("x ", '"x "'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ('{"a": 1}', "'{\"a\": 1}'"),
        ('it\'s "quoted"', "'it''s \"quoted\"'"),
        ("C:\\n", "'C:\\n'"),
        ("👋", '"👋"'),
        ("tab\there", '"tab\\there"'),
        ("\x1b[31mred", '"\\x1B[31mred"'),
        ("\ufeffx", '"\\uFEFFx"'),
        ("a\u202eb", '"a\\u202Eb"'),
        ("a\U000e0041b", '"a\\U000E0041b"'),
        ("\ud83d", '"\\U0010FFFDd83d"'),
        ("\U0010fffd", '"\\U0010FFFD\\U0010FFFD"'),
        ("a\nb", "|-\n    a\n    b"),
        ("a\nb\n", "|\n    a\n    b"),
        ("a\n\n\n", "|+\n    a\n\n"),
        (" a\nb", "|2-\n     a\n    b"),
        ("\ta\nb", "|2-\n    \ta\n    b"),
        ("\na\n", "|2\n\n    a"),
        ("a \t\n# b\n", "|\n    a \t\n    # b"),
        ("\n", '"\\n"'),
        ("a\r\n b\r\n", '"a\\r\\n\\\n    \\ b\\r\\n"'),
        ("a\x85b\nc", '"a\\x85b\\n\\\n    c"'),
    ],
)
def test_text_is_written_in_the_plainest_way_that_loses_nothing(text: str, expected: str) -> None:
    assert written(text).rstrip("\n") == expected.rstrip("\n")
    assert dump_snapshot(with_request(text)).count("\n\n\nreply:") == (text == "a\n\n\n")


@pytest.mark.parametrize(
    "text",
    [
        *("no", "No", "NO", "y", "Yes", "on", "off", "true", "False", "null", "Null", "~"),
        *("1", "-1", "1.5", "1e3", "1_000", "0o7", "0x1F", "0b1", "017", "1:30", "190:20:30.15"),
        *("2001-12-14", "2001-12-14t21:59:43.10-05:00", ".inf", "-.INF", ".nan", "+1", ".5"),
        *("=", "<<", "-", "- a", "? a", ":", "a:", "&a", "*a", "!a", "%a", "@a", "`a", "|", ">"),
        *("[a]", "{a}", "a, b]", "#", "---", "...", '"', "'", "nan", "Infinity"),
    ],
)
def test_text_that_some_reader_would_take_for_something_else_is_quoted(text: str) -> None:
    assert written(text)[0] in "\"'" or text == "a, b]"
    assert yaml.load(dump_snapshot(with_request(text)), yaml.CSafeLoader)["request"] == {
        "value": text
    }
    keyed = dump_snapshot(with_request({text: text}))
    assert yaml.load(keyed, yaml.CSafeLoader)["request"] == {"value": {text: text}}


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0"), (-7, "-7"), (1.0, "1.0"), (1e22, "1.0e+22"), (1.5e-7, "1.5e-07"), (-0.0, "-0.0")],
)
def test_numbers_are_numbers_of_their_kind_to_every_reader(number: float, expected: str) -> None:
    assert written(number) == expected
    back = yaml.load(dump_snapshot(with_request(number)), yaml.CSafeLoader)["request"]["value"]
    assert canonical(back) == canonical(number)


def test_one_changed_word_of_a_long_paragraph_changes_one_line() -> None:
    words = ["word"] * 400
    before = dump_snapshot(snapshot(" ".join(words))).splitlines()
    words[200] = "other"
    after = dump_snapshot(snapshot(" ".join(words))).splitlines()
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_a_request_left_out_leaves_no_key() -> None:
    whole = snapshot()
    bare = Snapshot(
        spec=whole.spec, case=whole.case, digests=whole.digests, request=None, reply=whole.reply
    )
    assert "request:" not in dump_snapshot(bare)
    assert parse_snapshot(dump_snapshot(bare), "x") == bare


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"x", {1: 2}])
def test_what_yaml_cannot_give_back_is_an_error_and_not_a_file(value: Any) -> None:
    with pytest.raises(SnapshotError, match="internal error"):
        dump_snapshot(with_request(value))


def test_what_is_larger_than_a_snapshot_may_be_is_refused_with_the_way_out() -> None:
    with pytest.raises(SnapshotError, match="larger than 16 MiB") as caught:
        dump_snapshot(with_request("가" * 6_000_000))
    assert "request: digest" in str(caught.value.hint)


def test_what_is_too_large_is_refused_before_it_is_written_out() -> None:
    # To write the object would be an internal error.
    with pytest.raises(SnapshotError, match="larger than 16 MiB"):
        dump_snapshot(with_request(["a" * 17_000_000, object()]))


def test_a_reply_that_is_too_large_is_not_blamed_on_the_request() -> None:
    with pytest.raises(SnapshotError, match="larger than 16 MiB") as caught:
        dump_snapshot(snapshot("가" * 6_000_000))
    assert "request: digest" not in str(caught.value.hint)
    assert "the reply" in str(caught.value.hint)


def test_a_long_line_of_plain_text_takes_little_memory() -> None:
    made = with_request("word " * 100_000 + "x: y")
    dump_snapshot(snapshot())  # what is imported and cached once
    tracemalloc.start()
    try:
        assert PLAIN.fullmatch(made.request["value"] if made.request else "") is None
        assert PLAIN.fullmatch("word:s " * 70_000 + "x") is not None
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


ODD = "\n\n\n  \t#:-'\"\\|>?{}[],&*!%@`~\r\x00\x07\x85\xa0\u2028\u2029\u202e\u3000\ufeff\ufffe😀가é"
# The mark of an escape is text like any other to our reader, and doubled to every other one.
other_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\U0010fffd")
texts = st.text(st.sampled_from(ODD) | other_characters, max_size=30)
hostile_texts = st.text(
    st.sampled_from([*ODD, "\ud83d", "\udc00", "\U0010fffd", "d", "8", "3"]), max_size=20
)


def documents(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    keys = text | text.map(lambda part: (part + "키") * 500)
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | text,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=10,
    )


@settings(max_examples=1500, deadline=None)
@given(documents(texts))
def test_every_document_comes_back_equal_through_both_readers(value: Any) -> None:
    made = with_request(value)
    text = dump_snapshot(made)
    assert canonical(parse_snapshot(text, "x").request) == canonical(made.request)
    assert canonical(yaml.load(text, yaml.CSafeLoader)["request"]) == canonical(made.request)
    text.encode()
    assert "\r" not in text


@settings(max_examples=800, deadline=None)
@given(documents(hostile_texts))
def test_lone_surrogates_come_back_through_our_own_reader(value: Any) -> None:
    made = with_request(value)
    text = dump_snapshot(made)
    text.encode()
    assert canonical(parse_snapshot(text, "x").request) == canonical(made.request)
