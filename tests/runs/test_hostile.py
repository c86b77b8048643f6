"""A stranger's record: refused in a sentence, within seconds, and nothing of it is run."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from promptrun.errors import UsageError
from promptrun.models import CaseResult, Change, Comparison, Difference, Reply, Timings, Verdict
from promptrun.runs import RunReader, count_totals, list_runs, open_run, trim_runs
from promptrun.runs.rows import MOST_LETTERS, MOST_SELECTED
from tests.runs.examples import CASE, ended, keep, record, said, start

PAGE = 4096


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promptrun.runs.opening._SECONDS", 0.3)


def sql(*statements: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    return change


def schema(*statements: str) -> Callable[[Path], None]:
    """Statements that SQLite allows only to who asks for it."""
    return sql("PRAGMA writable_schema = ON", *statements)


def write(data: bytes, at: int = 0) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(data)

    return change


def cut(size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size)


def beside(ending: str, make: Callable[[Path], None]) -> Callable[[Path], None]:
    return lambda path: make(path.with_name(path.name + ending))


def instead(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.unlink()
        make(path)

    return change


def knot(table: str) -> Callable[[Path], None]:
    """Fifteen pages above each other, each naming the next one 300 times: a tree without end."""

    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            root = 1
            if table != "sqlite_master":
                query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
                (root,) = connection.execute(query, (table,)).fetchone()
        data = bytearray(path.read_bytes())
        leaf, pages = len(data) // PAGE + 1, 15
        top = root - 1
        start_of_tree = 100 if root == 1 else 0
        # The old root becomes the leaf under all of it.
        page = bytearray(data[top * PAGE : (top + 1) * PAGE])
        if root == 1:
            page[:100] = b""
            page += bytes(100)
            count = int.from_bytes(page[3:5])
            for place in range(8, 8 + 2 * count, 2):
                page[place : place + 2] = (int.from_bytes(page[place : place + 2]) - 100).to_bytes(
                    2
                )
            page[5:7] = (int.from_bytes(page[5:7]) - 100).to_bytes(2)
        data += page
        for level in range(pages):
            data += interior(leaf + level, 300, 0)
        data[top * PAGE + start_of_tree : (top + 1) * PAGE] = interior(
            leaf + pages, 300, start_of_tree
        )
        data[28:32] = (len(data) // PAGE).to_bytes(4)
        path.write_bytes(data)

    return change


def interior(child: int, count: int, start_of_tree: int) -> bytes:
    cells = PAGE - 6 * count
    header = bytes([5, 0, 0]) + count.to_bytes(2) + cells.to_bytes(2) + b"\0" + child.to_bytes(4)
    pointers = b"".join((cells + 6 * number).to_bytes(2) for number in range(count))
    body = b"".join(
        child.to_bytes(4) + bytes([0x80 | (number >> 7), number & 0x7F]) for number in range(count)
    )
    return (header + pointers).ljust(cells - start_of_tree, b"\0") + body


REFUSED = {
    "is no database": (write(b"PROMPTRUN"), "it is no SQLite database"),
    "is cut in its header": (cut(50), "it is no SQLite database"),
    "is cut in the middle": (cut(3 * PAGE), "it is damaged"),
    "is of another program": (sql("PRAGMA application_id = 1"), "a database of another program"),
    "is of a newer format": (sql("PRAGMA user_version = 2"), "its format is 2"),
    "is of no format": (sql("PRAGMA user_version = 0"), "a database of another program"),
    "has other pages": (
        sql("PRAGMA page_size = 512", "VACUUM"),
        "a database of another program",
    ),
    "has a view instead of a table": (
        sql("DROP TABLE run", "CREATE VIEW run AS SELECT 1 AS began, '{}' AS meta"),
        "its tables are not those of a record",
    ),
    "has a view without end": (
        sql(
            "DROP TABLE cases",
            "CREATE VIEW cases AS WITH RECURSIVE n(verdict) AS "
            "(SELECT 1 UNION ALL SELECT verdict + 1 FROM n) SELECT * FROM n",
        ),
        "its tables are not those of a record",
    ),
    "has a trigger": (
        sql("CREATE TRIGGER t AFTER INSERT ON cases BEGIN DELETE FROM run; END"),
        "its tables are not those of a record",
    ),
    "has a computed column": (
        sql("ALTER TABLE run ADD COLUMN x AS (zeroblob(1000000000))"),
        "its tables are not those of a record",
    ),
    "has a virtual table": (
        sql("CREATE VIRTUAL TABLE x USING fts4(y)"),
        "its tables are not those of a record",
    ),
    "has an index less": (
        sql("DROP INDEX replies_of_case"),
        "its tables are not those of a record",
    ),
    "has a schema that is none": (
        schema("UPDATE sqlite_master SET sql = 'CREATE TABLE run (x' WHERE name = 'run'"),
        "it is damaged",
    ),
    "has a schema without end": (knot("sqlite_master"), "takes too long"),
    "names no run": (sql("DELETE FROM run"), "it names no run"),
    "has settings that are no JSON": (sql("UPDATE run SET meta = '{'"), "a column holds no JSON"),
    "has settings of another kind": (sql("UPDATE run SET meta = '[]'"), "none of a record"),
    "has settings that are a number": (sql("UPDATE run SET meta = 7"), "none of a record"),
    "has settings that are no text": (
        sql("UPDATE run SET meta = CAST(x'ff' AS TEXT)"),
        "it is damaged",
    ),
    "has settings that are no bytes of text": (sql("UPDATE run SET meta = x'ff'"), "not UTF-8"),
    "has settings that are nested too deeply": (
        sql("UPDATE run SET meta = replace(hex(zeroblob(100000)), '0', '[')"),
        "nested too deeply",
    ),
    "has settings of 100 MB": (
        sql("UPDATE run SET meta = zeroblob(100000000)"),
        "larger than 64 MiB",
    ),
    "has a state that is none": (sql("UPDATE run SET state = 'great'"), "none of a record"),
    "has totals that are no JSON": (sql("UPDATE run SET totals = '{'"), "a column holds no JSON"),
    "has totals of another kind": (sql("UPDATE run SET totals = '[]'"), "none of a record"),
    "has a cost beyond all money": (
        sql("""UPDATE run SET totals = '{"cost": Infinity}'"""),
        "its cost is no number",
    ),
    "is a link": (
        instead(lambda path: path.symlink_to(path.parents[2] / "real")),
        "is a symbolic link",
    ),
    "is a pipe": (instead(os.mkfifo), "is no regular file"),
    "is a folder": (instead(Path.mkdir), "is no regular file"),
    "has a log that is a pipe": (beside("-wal", os.mkfifo), "is no regular file"),
    "has a log that is a link": (
        beside("-wal", lambda path: path.symlink_to("/etc/passwd")),
        "is a symbolic link",
    ),
    "has an index of the log that is a pipe": (beside("-shm", os.mkfifo), "is no regular file"),
    "has a journal": (beside("-journal", Path.touch), "a journal lies beside it"),
}

refused = pytest.mark.parametrize(
    ("change", "why"), [pytest.param(*pair, id=name) for name, pair in REFUSED.items()]
)


@refused
def test_what_no_promptrun_wrote_is_refused_with_its_name(
    tmp_path: Path, change: Callable[[Path], None], why: str
) -> None:
    record(tmp_path, "good")
    path = record(tmp_path, "bad")
    record(tmp_path, "real").rename(tmp_path / "real")
    change(path)
    began = time.monotonic()

    with pytest.raises(UsageError) as caught, open_run(tmp_path, "bad") as run:
        run.info  # noqa: B018 - it is read when it is asked for
    good, bad = list_runs(tmp_path)

    assert time.monotonic() - began < 20
    assert caught.value.message.startswith("the record `.promptrun/runs/bad.sqlite` cannot be read")
    assert why in caught.value.message
    assert caught.value.hint
    assert (good.id, good.problem) == ("good", None)
    assert bad.id == "bad"
    assert bad.problem is not None
    with open_run(tmp_path, "last") as run:
        assert run.info.id == "good"
    assert trim_runs(tmp_path, keep=0) == ["good"]
    assert os.path.lexists(path)


def test_a_verdict_that_is_none_is_refused_where_verdicts_are_told(tmp_path: Path) -> None:
    sql("UPDATE cases SET verdict = 'fine'")(record(tmp_path))

    (info,) = list_runs(tmp_path)
    assert info.problem is not None
    with open_run(tmp_path, "run-1") as run:
        with pytest.raises(UsageError, match="Invalid enum value 'fine'"):
            run.info  # noqa: B018 - it is read when it is asked for
        with pytest.raises(UsageError, match="Invalid enum value 'fine'"):
            list(run.cases())


@pytest.mark.parametrize("change", ["attempts = 'x'", "cost = 9e999", "cost = 'x'", "prompt = 1"])
def test_totals_are_numbers_whatever_the_rows_hold(tmp_path: Path, change: str) -> None:
    path = record(tmp_path)
    sql(f"UPDATE replies SET {change}", "UPDATE run SET totals = NULL")(path)  # noqa: S608 - of the list above

    totals = count_totals(path)
    assert totals is not None
    assert totals.requests == 1
    assert all(isinstance(number, int | float | None) for number in structs.astuple(totals))


@pytest.mark.parametrize("table", ["cases", "replies", "run"])
def test_a_tree_without_end_is_seen_before_it_is_walked(tmp_path: Path, table: str) -> None:
    knot(table)(record(tmp_path))
    began = time.monotonic()

    with pytest.raises(UsageError, match="it is damaged"):
        open_run(tmp_path, "run-1")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE cases SET causes = '\"prompt\"'", id="causes that are no list"),
        pytest.param("UPDATE cases SET causes = '[\"moon\"]'", id="a cause that is none"),
        pytest.param("UPDATE cases SET warnings = '[{\"message\": 1}]'", id="a broken warning"),
        pytest.param("UPDATE cases SET request = '[1]'", id="a request that is no object"),
        pytest.param(
            "UPDATE cases SET spec = 7, id = '7::옛날', result = NULL", id="a number as a spec"
        ),
        pytest.param("UPDATE cases SET id = 'x::옛날'", id="the id of another case"),
        pytest.param(
            """UPDATE cases SET result =
            '{"spec":"x","case":"옛날","verdict":"passed","provider":"x"}'""",
            id="a result of another case",
        ),
    ],
)
def test_a_case_that_is_none_is_refused(tmp_path: Path, change: str) -> None:
    path = record(tmp_path)
    # The affinity of a column would turn a number into text.
    sql(change)(path)

    with open_run(tmp_path, "run-1") as run:
        if "spec = 7" in change:
            assert [case.spec for case in run.cases()] == ["7"]
            return
        with pytest.raises(UsageError, match="cannot be read"):
            list(run.cases())


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(f'"spent":{{"prompt_tokens":{"9" * 4300}}}', id="tokens"),
        pytest.param(f'"attempts":-{"9" * 40}', id="attempts"),
        pytest.param(f'"location":["specs/이야기.yaml",{2**63},1,"",1]', id="a line"),
    ],
)
def test_a_number_that_counts_nothing_is_refused(tmp_path: Path, field: str) -> None:
    path = record(tmp_path)
    told = '"spec":"specs/이야기.yaml","case":"옛날","verdict":"passed","provider":"x"'
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE cases SET result = ?", (f"{{{told},{field}}}",))

    with (
        open_run(tmp_path, "run-1") as run,
        pytest.raises(UsageError, match="a number in it counts nothing"),
    ):
        list(run.cases())


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (["a" * (MOST_LETTERS + 1)], "longer than 8,192 characters"),
        (["a"] * (MOST_SELECTED + 1), "more than 10,000 targets"),
    ],
    ids=["a target without end", "more targets than anybody names"],
)
def test_a_run_over_more_than_anybody_names_is_refused(
    tmp_path: Path, selection: list[str], message: str
) -> None:
    path = record(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        query = "UPDATE run SET meta = json_replace(meta, '$.selection', json(?))"
        connection.execute(query, (json.dumps(selection),))

    [info] = list_runs(tmp_path)
    assert info.problem is not None
    assert message in info.problem.message


def test_a_total_beyond_all_is_refused(tmp_path: Path) -> None:
    totals = json.dumps({"requests": 2**63})
    sql(f"UPDATE run SET totals = '{totals}'")(record(tmp_path))  # noqa: S608 - a number

    [info] = list_runs(tmp_path)
    assert info.problem is not None
    assert "a number in it counts nothing" in info.problem.message


def test_numbers_that_a_server_sent_may_be_of_any_size(tmp_path: Path) -> None:
    raw = {"choices": [{"message": {"content": "옛날"}}], "created": 10**100}
    accepted = Reply(raw=raw, timings=Timings(total=1.0))
    result = CaseResult(
        spec="specs/이야기.yaml",
        case="옛날",
        verdict=Verdict.CHANGED,
        provider="openai",
        accepted=((accepted, 1),),
        comparison=Comparison(
            reply=(
                Difference(
                    where="choice 1", changes=(Change(path="$", kind="added", new=10**100),)
                ),
            )
        ),
    )
    writer = start(tmp_path)
    keep(writer, ended(result=result))
    writer.close("finished")

    with open_run(tmp_path, "run-1") as run:
        assert [case.result for case in run.cases()] == [result]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("raw = '[]'", id="a reply that is no object"),
        pytest.param("raw = '{'", id="a reply that is no JSON"),
        pytest.param("raw = x'ff'", id="a reply that is no text"),
        pytest.param("raw = NULL", id="neither a reply nor a failure"),
        pytest.param(
            'failure = \'{"kind": "quota", "message": ""}\'', id="both a reply and a failure"
        ),
        pytest.param("raw = '{}'", id="no choices"),
        pytest.param("raw = '{\"choices\": 5}'", id="choices that are a number"),
        pytest.param('raw = \'{"choices": "abc"}\'', id="choices that are text"),
        pytest.param('raw = \'{"choices": {"a": 1}}\'', id="choices that are an object"),
        pytest.param("raw = '{\"choices\": []}'", id="not one choice"),
        pytest.param("raw = '{\"choices\": [5]}'", id="a choice that is a number"),
        pytest.param('raw = \'{"choices": [{"message": "x"}]}\'', id="a message that is text"),
        pytest.param('raw = \'{"choices": [{"message": [1]}]}\'', id="a message that is a list"),
        pytest.param(
            'raw = \'{"choices": [{"message": {}, "index": "a"}]}\'', id="an index that is text"
        ),
        pytest.param("total = NULL", id="a reply that took no time"),
        pytest.param("total = -1", id="a reply before its request"),
        pytest.param("total = 9e999", id="a reply that took for ever"),
        pytest.param("first_piece = -0.5", id="a piece before its request"),
        pytest.param("first_piece = 9e999", id="a piece after for ever"),
        pytest.param("queued = -9e999", id="a request before it was wanted"),
        pytest.param("attempts = 0", id="a reply without an attempt"),
        pytest.param("ordinal = -1", id="an ordinal below the first"),
        pytest.param("cost = 9e999", id="a cost beyond all money"),
        pytest.param("total = 'long'", id="a time that is no number"),
        pytest.param("streamed = 2", id="a flag that is none"),
        pytest.param("role = 'boss'", id="a role that is none"),
        pytest.param("ordinal = 'first'", id="an ordinal that is no number"),
        pytest.param('failure = \'{"kind": "mood", "message": ""}\'', id="a strange failure"),
        pytest.param("prompt = x'ff'", id="digests that are no text"),
        pytest.param("cost = '1 dollar'", id="a cost that is no number"),
    ],
)
def test_a_reply_that_is_none_is_refused(tmp_path: Path, change: str) -> None:
    sql(f"UPDATE replies SET {change}")(record(tmp_path))  # noqa: S608 - of the list above

    with open_run(tmp_path, "run-1") as run, pytest.raises(UsageError, match="cannot be read"):
        list(run.replies(CASE))


def test_a_name_cannot_carry_sql(tmp_path: Path) -> None:
    record(tmp_path)

    with open_run(tmp_path, "run-1") as run:
        assert list(run.replies("x' OR '1' = '1")) == []


def test_a_folder_that_leads_out_of_the_project_is_not_read(tmp_path: Path) -> None:
    record(tmp_path / "other")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / ".promptrun").symlink_to(tmp_path / "other" / ".promptrun")

    for use in (list_runs, lambda root: open_run(root, "last"), lambda root: trim_runs(root, 0)):
        with pytest.raises(UsageError, match="leads out of the project"):
            use(tmp_path / "root")


def test_a_log_that_holds_anything_is_no_danger(tmp_path: Path) -> None:
    writer = start(tmp_path)
    for number in range(100):
        keep(writer, said(number), ended(str(number)))
    log = writer.path.with_name(writer.path.name + "-wal").read_bytes()
    main = writer.path.read_bytes()
    writer.close("finished")
    for place in range(0, len(log), len(log) // 40):
        copied = tmp_path / f"{place}.sqlite"
        copied.write_bytes(main)
        broken = bytearray(log)
        broken[place : place + 7] = b"\xff" * 7
        copied.with_name(f"{copied.name}-wal").write_bytes(broken)
        # A frame that was altered ends the log: what stands before it counts.
        with RunReader(copied) as run:
            found = [case.case for case in run.cases()]
            assert found == [str(number) for number in range(len(found))]


def test_a_damaged_file_is_read_or_refused_and_nothing_else_happens(tmp_path: Path) -> None:
    path = record(tmp_path)
    good = path.read_bytes()
    chance = random.Random(7)  # noqa: S311 - the same bytes each time
    refused = 0
    for _ in range(200):
        broken = bytearray(good)
        for _ in range(chance.choice([1, 3, 20])):
            page = chance.randrange(len(good) // PAGE) * PAGE
            broken[page + chance.choice([chance.randrange(PAGE), chance.randrange(40)])] = (
                chance.randrange(256)
            )
        path.write_bytes(broken)
        try:
            list_runs(tmp_path)
            with open_run(tmp_path, "run-1") as run:
                _ = (run.info, list(run.cases()), list(run.replies(CASE)))
        except UsageError:
            refused += 1
    assert refused > 50


def test_a_reader_that_was_closed_is_no_fault_of_the_file(tmp_path: Path) -> None:
    record(tmp_path)
    run = open_run(tmp_path, "run-1")
    run.close()

    with pytest.raises(sqlite3.ProgrammingError):
        list(run.cases())
