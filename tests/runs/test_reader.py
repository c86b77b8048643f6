"""A record gives back what was written, to whoever it came from."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from promptrun.errors import UsageError
from promptrun.models import Digests, Timings, Verdict
from promptrun.runs import RecordedCase, RecordedReply, RunTotals, count_totals, open_run
from tests.runs.examples import (
    CASE,
    DIGESTS,
    FULL_CASE,
    META,
    ended,
    failed,
    keep,
    record,
    reply,
    said,
    start,
)


def written(root: Path, replies: list[RecordedReply], cases: list[RecordedCase]) -> None:
    writer = start(root)
    for one in replies:
        keep(writer, one)
    for case in cases:
        writer.add_case(case)
    writer.close("finished", 0)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(said(), id="a reply"),
        pytest.param(failed(), id="a failure"),
        pytest.param(said(7, role="second"), id="one of a second look"),
        pytest.param(said(role="judge", key="질문-1"), id="what a judge said"),
        pytest.param(
            said(queued=0.5, prompt_tokens=12, completion_tokens=7, cost=0.00031, attempts=2),
            id="tokens, cost and times",
        ),
        pytest.param(
            said(reply=reply(streamed=True, timings=Timings(total=2.0, first_piece=0.25))),
            id="a stream",
        ),
        pytest.param(said(reply=reply(request_id=None)), id="a server without request ids"),
        pytest.param(said(reply=reply("\0\x1b[31m'; DROP TABLE run; --")), id="control characters"),
        pytest.param(said(reply=reply("half \ud83d of a pair")), id="half of a surrogate pair"),
        pytest.param(said(reply=reply("\ud83d\ude00")), id="two halves that are no pair yet"),
        pytest.param(said(reply=reply("👨‍👩‍👧 할머니")), id="a family of emoji"),
        pytest.param(said(reply=reply({"n": [10**30, -0.0, 1e308, None, True]})), id="numbers"),
        pytest.param(said(reply=reply(float("inf"))), id="a number beyond every float"),
        pytest.param(
            said(key="\udc00", digests=structs.replace(DIGESTS, model="\udc00")),
            id="half a pair in the names",
        ),
    ],
)
def test_a_reply_comes_back_as_it_was(tmp_path: Path, one: RecordedReply) -> None:
    written(tmp_path, [one], [])

    with open_run(tmp_path, "run-1") as run:
        (found,) = run.replies(CASE, one.digests)
    assert found == one
    assert repr(found.reply) == repr(one.reply)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(FULL_CASE, id="with everything"),
        pytest.param(
            ended("a\0b\ud800c", verdict=Verdict.ERROR, reason="\udfff"), id="hostile names"
        ),
        pytest.param(ended(request={"deep": [[{"x": 10**40}]]}), id="with any request"),
    ],
)
def test_a_case_comes_back_as_it_was(tmp_path: Path, case: RecordedCase) -> None:
    written(tmp_path, [said(case=case.id)], [case])

    with open_run(tmp_path, "run-1") as run:
        assert list(run.cases()) == [case]
        assert list(run.replies(case.id)) == [said(case=case.id)]


@pytest.mark.parametrize("count", [2**63, -(2**63) - 1, 10**30])
def test_a_count_that_no_column_holds_is_not_known(tmp_path: Path, count: int) -> None:
    written(tmp_path, [said(prompt_tokens=count, completion_tokens=2**63 - 1)], [])

    with open_run(tmp_path, "run-1") as run:
        (found,) = run.replies(CASE)
    assert (found.prompt_tokens, found.completion_tokens) == (None, 2**63 - 1)


def test_the_run_says_what_it_was_asked_and_how_it_ended(tmp_path: Path) -> None:
    record(tmp_path)

    with open_run(tmp_path, "run-1") as run:
        info = run.info
    assert (info.id, info.meta, info.state, info.exit_code) == ("run-1", META, "finished", 0)
    assert info.verdicts == {Verdict.CHANGED: 1}
    assert info.ended is not None
    assert info.began <= info.ended
    assert info.began.endswith("+00:00")


def test_replies_are_given_by_their_ordinals(tmp_path: Path) -> None:
    written(tmp_path, [said(2), said(0), failed(ordinal=1), said(case="specs/b.yaml::x")], [])

    with open_run(tmp_path, "run-1") as run:
        assert list(run.replies(CASE)) == [said(0), failed(ordinal=1), said(2)]


@pytest.mark.parametrize("part", ["prompt", "settings", "model"])
def test_a_reply_to_another_request_is_none(tmp_path: Path, part: str) -> None:
    other = structs.replace(DIGESTS, **{part: "another"})
    written(tmp_path, [said(0), said(1, digests=other)], [])

    with open_run(tmp_path, "run-1") as run:
        assert list(run.replies(CASE, DIGESTS)) == [said(0)]
        assert list(run.replies(CASE, other)) == [said(1, digests=other)]
        none = Digests(prompt="x", settings="x", model="x")
        assert list(run.replies(CASE, none)) == []


def test_a_record_is_read_while_it_is_written(tmp_path: Path) -> None:
    writer = start(tmp_path)
    with open_run(tmp_path, "last") as run:
        assert run.info.state is None
        assert list(run.cases()) == []
        for number in range(3000):
            keep(writer, said(case=ended(str(number)).id), ended(str(number)))
            if number % 500 == 0:
                assert run.info.verdicts == {Verdict.PASSED: number + 1}
                assert len(list(run.replies(ended(str(number)).id))) == 1
        with open_run(tmp_path, "last") as another:
            assert len(list(another.cases())) == 3000
    writer.close("finished")


@pytest.mark.parametrize(
    ("name", "id"),
    [("run-1", "run-1"), ("run-10", "run-10"), ("other", "other-7"), ("o", "other-7")],
)
def test_a_run_is_named_by_its_id_or_the_beginning_of_one(
    tmp_path: Path,
    name: str,
    id: str,  # noqa: A002 - the parameter is read as a sentence
) -> None:
    for run_id in ("run-1", "run-10", "other-7"):
        record(tmp_path, run_id)

    with open_run(tmp_path, name) as run:
        assert run.info.id == id


def test_the_last_run_is_the_one_that_began_last(tmp_path: Path) -> None:
    for run_id in ("b", "c", "a"):
        record(tmp_path, run_id)
    (tmp_path / ".promptrun/runs/z.sqlite").write_bytes(b"broken")

    with open_run(tmp_path, "last") as run:
        assert run.info.id == "a"


def test_where_no_record_can_be_read_the_last_one_says_why(tmp_path: Path) -> None:
    record(tmp_path).write_bytes(b"broken")

    with pytest.raises(UsageError, match="it is no SQLite database"):
        open_run(tmp_path, "last")


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("run", "`run` begins the names of 2 runs", "such as `run-1`, `run-2`"),
        ("x", "no run `x` is recorded", "the last ones are `run-1`, `run-2`"),
        ("", "no run `` is recorded", "the last ones are `run-1`, `run-2`"),
        ("../runs/run-1", "no run `../runs/run-1` is recorded", "the last ones are"),
    ],
)
def test_a_name_that_means_no_one_run_is_refused(
    tmp_path: Path, name: str, message: str, hint: str
) -> None:
    for run_id in ("run-1", "run-2"):
        record(tmp_path, run_id)

    with pytest.raises(UsageError) as caught:
        open_run(tmp_path, name)
    assert caught.value.message.startswith(message)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("name", ["last", "run-1"])
def test_a_project_without_runs_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"no run .*is recorded in `\.promptrun/runs`"):
        open_run(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_a_record_is_changed_by_reading(tmp_path: Path) -> None:
    path = record(tmp_path)
    before: tuple[Any, ...] = (path.read_bytes(), path.stat().st_mtime_ns)

    with open_run(tmp_path, "run-1") as run:
        list(run.cases())
        list(run.replies(CASE))

    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [one.name for one in path.parent.iterdir()] == ["run-1.sqlite"]


def test_a_record_from_before_a_setting_was_kept_is_read_without_it(tmp_path: Path) -> None:
    path = record(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for name in ("selection", "settings"):
            connection.execute(f"UPDATE run SET meta = json_remove(meta, '$.{name}')")  # noqa: S608 - of these two

    with open_run(tmp_path, "run-1") as run:
        meta = run.info.meta
    assert meta == structs.replace(META, selection=(), settings={})


def test_what_nobody_can_count_in_time_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = start(tmp_path)
    for number in range(20_000):
        keep(writer, said(number))
    writer.close("finished")
    assert count_totals(writer.path) == RunTotals(requests=20_000, attempts=20_000)

    monkeypatch.setattr("promptrun.runs.opening._SECONDS", 0)
    assert count_totals(writer.path) is None
