"""A run that is gone on with: what was paid for stays, and one process writes at a time."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from promptrun.errors import UsageError
from promptrun.models import Verdict
from promptrun.runs import (
    RecordError,
    RunWriter,
    has_record,
    is_claimed,
    list_runs,
    open_run,
    trim_runs,
)
from tests.runs.examples import CASE, FULL_CASE, META, ended, keep, record, said, start

ROOT = Path(__file__).parents[2]

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.runs.examples import ended, keep, said, start
writer = start(Path(sys.argv[1]))
keep(writer, said())
writer.add_case(ended())
writer.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""

WAITING = """
import sys
from pathlib import Path
from tests.runs.examples import keep, start
writer = start(Path(sys.argv[1]))
print("begun", flush=True)
sys.stdin.read()
"""

RESUMING = """
import sys
from pathlib import Path
from promptrun.runs import RecordError, RunWriter
from tests.runs.examples import META, keep, said
print("ready", flush=True)
sys.stdin.readline()
try:
    writer = RunWriter.resume(Path(sys.argv[1]), "run-1", META)
except RecordError as error:
    print("lost", error.message, flush=True)
else:
    keep(writer, said(1))
    print("won", flush=True)
    sys.stdin.readline()
    writer.close("finished", 0)
"""


def child(program: str, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def kill_a_run(root: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(root)], cwd=ROOT, check=False)


def files(root: Path) -> list[str]:
    return sorted(path.name for path in (root / ".promptrun" / "runs").iterdir())


def test_a_run_that_ended_goes_on_with_all_that_it_had(tmp_path: Path) -> None:
    record(tmp_path)
    (before,) = list_runs(tmp_path)

    writer = RunWriter.resume(tmp_path, "run-1", META)
    (meanwhile,) = list_runs(tmp_path)
    keep(writer, said(1))
    writer.add_case(ended("다음"))
    writer.close("stopped", 3)

    with open_run(tmp_path, "run-1") as run:
        info = run.info
        assert list(run.replies(CASE)) == [said(), said(1)]
        assert list(run.cases()) == [FULL_CASE, ended("다음")]
    assert (meanwhile.state, meanwhile.ended, meanwhile.exit_code) == (None, None, None)
    assert meanwhile.totals is None
    assert (info.began, info.meta) == (before.began, before.meta)
    assert (info.state, info.exit_code) == ("stopped", 3)
    assert info.totals is not None
    assert info.totals.requests == 2
    assert files(tmp_path) == ["run-1.sqlite"]


def test_a_run_whose_process_was_killed_goes_on(tmp_path: Path) -> None:
    kill_a_run(tmp_path)
    assert "run-1.sqlite-lock" in files(tmp_path)

    writer = RunWriter.resume(tmp_path, "run-1", META)
    keep(writer, said(1))
    writer.close("finished", 0)

    with open_run(tmp_path, "last") as run:
        assert list(run.replies(CASE)) == [said(), said(1)]
        assert run.info.verdicts == {Verdict.PASSED: 1}
    assert files(tmp_path) == ["run-1.sqlite"]


def test_a_run_may_be_resumed_again_and_again(tmp_path: Path) -> None:
    record(tmp_path)
    for ordinal in range(1, 5):
        writer = RunWriter.resume(tmp_path, "run-1", META)
        keep(writer, said(ordinal))
        writer.close("interrupted", 130)

    with open_run(tmp_path, "run-1") as run:
        assert [one.ordinal for one in run.replies(CASE)] == [0, 1, 2, 3, 4]


def test_a_run_that_goes_on_is_not_taken_over(tmp_path: Path) -> None:
    with child(WAITING, tmp_path) as process:
        assert line_of(process) == "begun\n"
        with pytest.raises(RecordError, match="the run `run-1` still goes on") as caught:
            RunWriter.resume(tmp_path, "run-1", META)
        assert is_claimed(tmp_path / ".promptrun/runs/run-1.sqlite")
        assert (tmp_path / ".promptrun/runs/run-1.sqlite-lock").exists()
        process.kill()

    assert caught.value.hint
    RunWriter.resume(tmp_path, "run-1", META).close("finished", 0)


def test_nor_is_one_of_this_very_process(tmp_path: Path) -> None:
    writer = start(tmp_path)
    with pytest.raises(RecordError, match="still goes on"):
        RunWriter.resume(tmp_path, "run-1", META)

    keep(writer, said())
    writer.close("finished", 0)
    with open_run(tmp_path, "run-1") as run:
        assert list(run.replies(CASE)) == [said()]


def test_of_those_who_resume_at_one_moment_exactly_one_wins(tmp_path: Path) -> None:
    for attempt in range(4):
        root = tmp_path / str(attempt)
        root.mkdir()
        (kill_a_run if attempt % 2 else record)(root)
        processes = [child(RESUMING, root) for _ in range(4)]
        assert [line_of(one) for one in processes] == ["ready\n"] * 4
        for one in processes:
            tell(one)
        told = sorted(line_of(one) for one in processes)
        for one in processes:
            one.communicate()

        assert told == ["lost the run `run-1` still goes on\n"] * 3 + ["won\n"]
        with open_run(root, "run-1") as run:
            assert [one.ordinal for one in run.replies(CASE)] == [0, 1]
            assert run.info.state == "finished"
        assert files(root) == ["run-1.sqlite"]


def test_a_reader_hinders_nobody(tmp_path: Path) -> None:
    record(tmp_path)
    with open_run(tmp_path, "run-1") as run:
        list(run.replies(CASE))
        writer = RunWriter.resume(tmp_path, "run-1", META)
        keep(writer, said(1))
        assert [one.ordinal for one in run.replies(CASE)] == [0, 1]
    writer.close("finished", 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param("PRAGMA user_version = 2", "its format is 2", id="of a newer format"),
        pytest.param("CREATE VIEW x AS SELECT 1", "its tables are not", id="of other tables"),
    ],
)
def test_what_no_promptrun_wrote_is_not_gone_on_with(tmp_path: Path, change: str, why: str) -> None:
    path = record(tmp_path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(change)
    connection.close()
    before = path.read_bytes()

    with pytest.raises(UsageError, match=why):
        RunWriter.resume(tmp_path, "run-1", META)
    assert path.read_bytes() == before
    assert files(tmp_path) == ["run-1.sqlite"]


def test_a_damaged_record_is_not_gone_on_with(tmp_path: Path) -> None:
    path = record(tmp_path)
    os.truncate(path, 3 * 4096)

    with pytest.raises(UsageError, match="it is damaged"):
        RunWriter.resume(tmp_path, "run-1", META)
    assert path.stat().st_size == 3 * 4096


@pytest.mark.parametrize("name", ["run-2", "last", "../run-1"])
def test_only_the_whole_id_of_a_run_that_is_there_names_it(tmp_path: Path, name: str) -> None:
    record(tmp_path)

    with pytest.raises(UsageError, match=r"no run `run-2` is recorded|cannot be the name"):
        RunWriter.resume(tmp_path, name, META)
    assert has_record(tmp_path, "run-1")
    assert not has_record(tmp_path, "run-2")


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    lock = record(tmp_path).with_name("run-1.sqlite-lock")
    lock.symlink_to(tmp_path / "nothing")

    with pytest.raises((RecordError, UsageError)):
        RunWriter.resume(tmp_path, "run-1", META)
    assert trim_runs(tmp_path, keep=0) == []
    assert not (tmp_path / "nothing").exists()


def test_what_is_looked_at_here_stays_locked_for_others(tmp_path: Path) -> None:
    """A process that closes a file loses all its locks on it, those of SQLite too."""
    writer = start(tmp_path)
    list_runs(tmp_path)
    open_run(tmp_path, "run-1").close()
    trim_runs(tmp_path, keep=0)
    program = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
try:
    connection.execute("BEGIN EXCLUSIVE")
except sqlite3.OperationalError as error:
    print(error)
"""
    command = [sys.executable, "-c", program, str(writer.path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    writer.close("finished")

    assert ran.stdout == "database is locked\n"


def test_a_run_that_goes_on_tells_by_which_programs_and_settings(tmp_path: Path) -> None:
    record(tmp_path)
    now = structs.replace(
        META, promptrun="9.9", settings={"jobs": 7}, targets=("other",), selection=("other",)
    )

    RunWriter.resume(tmp_path, "run-1", now).close("finished", 0)

    with open_run(tmp_path, "run-1") as run:
        assert run.info.meta == structs.replace(META, promptrun="9.9", settings={"jobs": 7})
