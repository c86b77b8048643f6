"""Snapshot files from anybody."""

from __future__ import annotations

import re

import pytest

from promptrun.errors import SnapshotError
from promptrun.snapshots import BrokenSnapshotError, parse_snapshot
from promptrun.snapshots.dump import dump_snapshot
from tests.snapshots.examples import snapshot

GOOD = dump_snapshot(snapshot("안녕"))


def refusal(text: str) -> BrokenSnapshotError:
    with pytest.raises(BrokenSnapshotError) as caught:
        parse_snapshot(text, "snapshots/a/default.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("promptrun_snapshot: 1\n", "", "`promptrun_snapshot: 1` is missing"),
        ("snapshot: 1", "snapshot: true", "`promptrun_snapshot: 1` is missing"),
        ("snapshot: 1", "snapshot: 0", "`promptrun_snapshot: 1` is missing"),
        ("case: default", "case: [x]", "`case` is not text"),
        ("spec: specs/a.yaml\n", "", "`spec` is missing"),
        ("case: default", "case: default\nsome: x", "the snapshot has an unknown key `some`"),
        ("reply:\n", "reply: []\nx:\n", "unknown key `x`"),
        ("  model: gpt-4o-mini\nreq", "  model: 5\nreq", "`digests.model` is not text"),
        ("request:\n", "request: 1\nx:\n", "unknown key `x`"),
        ("content: 안녕", "content: [안녕]", "`content` of `reply.choices[0]` is not text"),
        ("content: 안녕", "text: 안녕", "unknown key `text`"),
        ("content: 안녕", "content: 안녕\n      json: 1", "both `content` and `json`"),
        ("    - finish_reason", "    - 5\n    - finish_reason", "is not a mapping"),
        ("spec: specs", "spec: [specs", "the snapshot cannot be read"),
    ],
)
def test_a_broken_snapshot_says_what_is_wrong(old: str, new: str, message: str) -> None:
    last = GOOD.rpartition(old) if old.startswith("  ") else GOOD.partition(old)
    error = refusal(last[0] + new + last[2])
    assert message in error.message
    assert error.location is not None
    assert error.location.file == "snapshots/a/default.yaml"


@pytest.mark.parametrize("text", ["", "[]", "5", "\x00", "a" * 100, "- " * 5000, "[" * 30_000])
def test_what_is_no_snapshot_at_all_is_named_as_such(text: str) -> None:
    assert "snapshots/a/default.yaml" in str(refusal(text))


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "=======", ">>>>>>> theirs", "||||||| base"])
def test_a_merge_conflict_is_named_with_its_line(marker: str) -> None:
    lines = GOOD.splitlines()
    lines.insert(6, marker)
    error = refusal("\n".join(lines))
    assert "merge conflict" in error.message
    assert error.location is not None
    assert (error.location.line, error.location.source) == (7, marker)


def test_a_conflict_marker_within_a_text_is_only_text() -> None:
    made = snapshot("<<<<<<< HEAD\n=======\nx: |\n=======")
    assert parse_snapshot(dump_snapshot(made), "x") == made


@pytest.mark.parametrize("version", ["2", "2\nnew_key: 1", "999"])
def test_a_newer_format_is_named_whatever_else_it_holds(version: str) -> None:
    with pytest.raises(SnapshotError, match="snapshot format") as caught:
        parse_snapshot(GOOD.replace("snapshot: 1", f"snapshot: {version}"), "x")
    assert not isinstance(caught.value, BrokenSnapshotError)


def test_a_half_escape_of_another_hand_stays_as_it_is() -> None:
    text = GOOD.replace("안녕", '"\\U0010fffdzz \\U0010FFFDd83d \\U0010FFFD"')
    (choice,) = parse_snapshot(text, "x").reply["choices"]
    assert choice["content"] == "\U0010fffdzz \ud83d \U0010fffd"


SET = """\
promptrun_snapshot: 1
spec: specs/a.yaml
case: default
digests: {prompt: a, settings: b, model: m}
reply:
  model: m
  samples:
    - {count: 3, choices: [{finish_reason: stop, content: 안녕}]}
  expectations:
    - {rule: "contains `안녕`", kept: 3}
  judgements:
    - {key: k, score: 0.5, reason: 그렇다}
"""


def test_a_set_is_read() -> None:
    reply = parse_snapshot(SET, "x").reply
    assert [sample["count"] for sample in reply["samples"]] == [3]
    assert parse_snapshot(SET.replace("score: 0.5", "score: 1"), "x")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("count: 3", "count: 1001", "more than 1,000 replies"),
        ("count: 3", f"count: {10**30}", "more than 1,000 replies"),
        ("count: 3", "count: 0", "is less than 1"),
        ("count: 3", "count: true", "`count` of `reply.samples[0]` is not a whole number"),
        ("kept: 3", "kept: 4", "is no number of its replies"),
        ("kept: 3", "kept: -1", "is no number of its replies"),
        ("score: 0.5", "score: 999", "is not between 0 and 1"),
        ("score: 0.5", "score: -0.1", "is not between 0 and 1"),
        ("score: 0.5", "score: high", "`score` of `reply.judgements[0]` is not a number"),
        (", reason: 그렇다", "", "`reason` of `reply.judgements[0]` is missing"),
        ("samples:", "choices: []\n  samples:", "both `choices` and `samples`"),
    ],
)
def test_a_forged_set_is_no_snapshot(old: str, new: str, message: str) -> None:
    assert old in SET
    with pytest.raises(BrokenSnapshotError, match=re.escape(message)):
        parse_snapshot(SET.replace(old, new), "x")


def test_two_judgements_of_one_key_are_no_snapshot() -> None:
    with pytest.raises(BrokenSnapshotError, match="two with one key"):
        parse_snapshot(f"{SET}    - {{key: k, score: 1, reason: 아니다}}\n", "x")
