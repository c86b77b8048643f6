"""The list of runs, and what becomes of old ones."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from promptrun.models import Verdict
from promptrun.runs import RunWriter, find_run, is_claimed, list_runs, open_run, trim_runs
from tests.runs.examples import META, ended, keep, record, said, start

ROOT = Path(__file__).parents[2]

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.runs.examples import ended, keep, start
writer = start(Path(sys.argv[1]), "killed")
writer.add_case(ended())
os.kill(os.getpid(), signal.SIGKILL)
"""

WAITING = """
import sys
from pathlib import Path
from tests.runs.examples import keep, start
writer = start(Path(sys.argv[1]), "theirs")
print("begun", flush=True)
sys.stdin.read()
writer.close("finished", 0)
"""


def kill_a_run(root: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(root)], cwd=ROOT, check=False)


def age(path: Path, days: float) -> None:
    began = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE run SET began = ?", (began,))


def ids(root: Path) -> list[str]:
    return [info.id for info in list_runs(root)]


def test_runs_are_listed_newest_first_with_what_became_of_them(tmp_path: Path) -> None:
    record(tmp_path, "old")
    writer = start(tmp_path, "new")
    writer.add_case(ended("a"))
    writer.add_case(ended("b"))
    writer.add_case(ended("c", verdict=Verdict.FAILED))
    writer.flush()

    new, old = list_runs(tmp_path)
    writer.close("finished", 1)

    assert (new.id, new.state, new.ended, new.meta) == ("new", None, None, META)
    assert new.verdicts == {Verdict.PASSED: 2, Verdict.FAILED: 1}
    assert (old.id, old.state, old.exit_code) == ("old", "finished", 0)


def test_a_project_without_runs_has_an_empty_list(tmp_path: Path) -> None:
    assert list_runs(tmp_path) == []
    assert trim_runs(tmp_path, keep=0) == []
    assert list(tmp_path.iterdir()) == []


def test_files_of_other_names_are_no_records(tmp_path: Path) -> None:
    folder = record(tmp_path).parent
    for name in ("notes.txt", ".hidden.sqlite", "run 2.sqlite", "run-1.sqlite-old"):
        (folder / name).write_bytes(b"x")
    (folder / "beginning.sqlite").touch()

    assert ids(tmp_path) == ["run-1"]


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for number in range(5):
        record(tmp_path, f"run-{number}")

    assert trim_runs(tmp_path, keep=2) == ["run-2", "run-1", "run-0"]
    assert ids(tmp_path) == ["run-4", "run-3"]
    assert len(list((tmp_path / ".promptrun" / "runs").iterdir())) == 2


def test_what_is_too_old_goes_however_few_there_are(tmp_path: Path) -> None:
    age(record(tmp_path, "old"), 31)
    age(record(tmp_path, "young"), 29)

    assert trim_runs(tmp_path, keep=10, days=30) == ["old"]
    assert ids(tmp_path) == ["young"]


def test_a_run_that_is_being_written_or_read_is_never_deleted(tmp_path: Path) -> None:
    writer = start(tmp_path, "written")
    kill_a_run(tmp_path)
    with open_run(tmp_path, "killed"):
        assert trim_runs(tmp_path, keep=0, days=0) == []
    keep(writer, said())
    assert trim_runs(tmp_path, keep=0, days=0) == ["killed"]
    writer.close("finished")

    with open_run(tmp_path, "written") as run:
        assert run.info.state == "finished"
        assert list(run.replies(said().case)) == [said()]


def test_a_run_of_another_process_is_deleted_only_when_it_has_ended(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        assert trim_runs(tmp_path, keep=0) == []
        process.communicate()

    assert [info.state for info in list_runs(tmp_path)] == ["finished"]
    assert trim_runs(tmp_path, keep=0) == ["theirs"]


def test_a_killed_run_goes_with_its_companions(tmp_path: Path) -> None:
    kill_a_run(tmp_path)
    folder = tmp_path / ".promptrun" / "runs"
    assert {path.name for path in folder.iterdir()} >= {"killed.sqlite", "killed.sqlite-wal"}

    assert trim_runs(tmp_path, keep=0) == ["killed"]
    assert list(folder.iterdir()) == []


def test_the_room_of_records_is_entered_without_sqlite() -> None:
    program = "import sys, promptrun.runs; print('sqlite3' in sys.modules, 'json' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert ran.stdout == "False True\n"


@pytest.mark.parametrize("name", ["이야기", "a b%20?mode=rwc#x"])
def test_a_project_may_have_any_path(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    record(root)

    assert ids(root) == ["run-1"]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert trim_runs(root, keep=0) == ["run-1"]


def select(root: Path, run_id: str, *selection: str) -> None:
    meta = structs.replace(META, selection=selection)
    RunWriter(root, run_id, meta).close("interrupted", 130)


def test_the_newest_run_over_exactly_a_selection_is_found(tmp_path: Path) -> None:
    select(tmp_path, "c", "specs/가.yaml", "specs/나.yaml")
    select(tmp_path, "b", "specs/가.yaml", "specs/나.yaml")
    select(tmp_path, "a", "specs/가.yaml")
    (tmp_path / ".promptrun/runs/z.sqlite").write_bytes(b"broken")

    found = find_run(tmp_path, ["specs/가.yaml", "specs/나.yaml"])
    assert found is not None
    assert (found.id, found.state, found.exit_code) == ("b", "interrupted", 130)
    assert find_run(tmp_path, ("specs/나.yaml",)) is None
    assert find_run(tmp_path, ()) is None
    assert find_run(tmp_path / "nowhere", ("specs/가.yaml",)) is None


def test_a_run_is_claimed_while_its_process_lives(tmp_path: Path) -> None:
    ended_run = record(tmp_path, "ended")
    kill_a_run(tmp_path)
    killed = ended_run.with_name("killed.sqlite")
    writer = start(tmp_path, "live")

    assert [is_claimed(path) for path in (ended_run, killed, writer.path)] == [False, False, True]
    writer.close("finished")
    assert not is_claimed(writer.path)
    assert not list(ended_run.parent.glob("*-lock"))
