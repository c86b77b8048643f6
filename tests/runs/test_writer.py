"""What was added is in the file, whatever happens next."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from promptrun.errors import UsageError
from promptrun.models import Verdict
from promptrun.runs import RecordError, list_runs, open_run
from tests.runs.examples import CASE, FULL_CASE, ended, failed, record, reply, said, start

ROOT = Path(__file__).parents[2]

ENDLESS = """
import sys
from pathlib import Path
from tests.runs.examples import ended, said, start
writer = start(Path(sys.argv[1]))
print("begun", flush=True)
for number in range(1_000_000):
    id = f"specs/이야기.yaml::{number}"
    if number % 2:
        writer.add_reply(said(case=id))
    else:
        writer.add_case(ended(str(number)), [said(case=id), said(1, case=id)])
    print(number, flush=True)
"""

ON_A_SMALL_DISK = """
import resource, sys
from pathlib import Path
from promptrun.runs import RecordError
from tests.runs.examples import reply, said, start
writer = start(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
added = 0
try:
    for _ in range(1000):
        writer.add_reply(said(added, reply=reply("가" * 1000)))
        added += 1
except RecordError as error:
    writer.add_reply(said())
    writer.close("finished")
    print(added, error.message)
"""


def files(root: Path) -> list[str]:
    return sorted(path.name for path in (root / ".promptrun" / "runs").iterdir())


def child(program: str, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(root)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def test_a_finished_record_is_one_file_of_its_owner_and_out_of_git(tmp_path: Path) -> None:
    path = record(tmp_path)

    assert path == tmp_path / ".promptrun" / "runs" / "run-1.sqlite"
    assert files(tmp_path) == ["run-1.sqlite"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (tmp_path / ".promptrun" / ".gitignore").read_text() == "*\n"


def test_a_record_that_is_written_is_its_owners_with_all_companions(tmp_path: Path) -> None:
    writer = start(tmp_path)
    writer.add_reply(said())

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in writer.path.parent.iterdir()}
    writer.close("finished")

    assert modes == dict.fromkeys(("run-1.sqlite", "run-1.sqlite-shm", "run-1.sqlite-wal"), 0o600)


def test_what_was_added_outlives_a_killed_process(tmp_path: Path) -> None:
    for attempt in range(10):
        root = tmp_path / str(attempt)
        with child(ENDLESS, root) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(0.01 + 0.02 * attempt)
            process.kill()
            acknowledged = [int(line) for line in process.stdout.read().split("\n")[:-1]]

        with open_run(root, "last") as run:
            assert run.info.state is None
            cases = {case.case for case in run.cases()}
            assert cases >= {str(number) for number in acknowledged if not number % 2}
            for number in acknowledged[-20:]:
                found = list(run.replies(f"specs/이야기.yaml::{number}"))
                assert [one.ordinal for one in found] == ([0] if number % 2 else [0, 1])


def test_a_case_and_its_replies_are_added_together_or_not_at_all(tmp_path: Path) -> None:
    writer = start(tmp_path)
    too_deep: list[object] = []
    for _ in range(5000):
        too_deep = [too_deep]
    with pytest.raises(RecordError, match="nested too deeply"):
        writer.add_case(FULL_CASE, [said(), said(1, reply=reply(too_deep))])
    writer.add_case(ended("다음"))
    writer.close("finished")

    with open_run(tmp_path, "run-1") as run:
        assert [case.case for case in run.cases()] == ["다음"]
        assert list(run.replies(CASE)) == []


def test_a_value_that_is_too_large_is_refused_and_the_record_goes_on(tmp_path: Path) -> None:
    writer = start(tmp_path)
    with pytest.raises(RecordError, match="larger than 64 MiB"):
        writer.add_reply(said(reply=reply("가" * (23 * 2**20))))
    large = reply("가" * (21 * 2**20))
    writer.add_reply(said(reply=large))
    writer.close("finished")

    with open_run(tmp_path, "run-1") as run:
        (found,) = run.replies(CASE)
    assert found.reply == large


def test_a_full_disk_ends_the_record_once_and_keeps_what_is_in_it(tmp_path: Path) -> None:
    with child(ON_A_SMALL_DISK, tmp_path) as process:
        printed, _ = process.communicate(timeout=30)
    added, message = printed.split(" ", 1)

    assert process.returncode == 0
    assert message.startswith(f"the record `{tmp_path}/.promptrun/runs/run-1.sqlite` ends here: ")
    assert int(added) > 10
    with open_run(tmp_path, "run-1") as run:
        assert [one.ordinal for one in run.replies(CASE)] == list(range(int(added)))


def test_a_disk_that_takes_no_byte_is_named(tmp_path: Path) -> None:
    program = """
import resource, sys
from pathlib import Path
from promptrun.runs import RecordError
from tests.runs.examples import start
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    start(Path(sys.argv[1]))
except RecordError as error:
    sys.exit(error.message)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert "cannot be recorded: cannot write `.promptrun/runs`: File too large" in said.stderr


def test_a_folder_that_cannot_be_made_is_an_error_of_the_record(tmp_path: Path) -> None:
    (tmp_path / ".promptrun").write_text("a file")

    with pytest.raises(RecordError, match=r"cannot be recorded: .*\.promptrun") as caught:
        start(tmp_path)
    assert caught.value.exit_code == 1


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    (root / ".promptrun").mkdir(parents=True)
    (root / ".promptrun" / "runs").symlink_to(outside)

    with pytest.raises(RecordError, match="leads out of the project"):
        start(root)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
@pytest.mark.parametrize("kind", ["file", "link to nothing"])
def test_nothing_that_stands_there_is_written_over(tmp_path: Path, ending: str, kind: str) -> None:
    folder = tmp_path / ".promptrun" / "runs"
    folder.mkdir(parents=True)
    there = folder / f"run-1.sqlite{ending}"
    if kind == "file":
        there.write_bytes(b"mine")
    else:
        there.symlink_to(tmp_path / "nothing")

    with pytest.raises(RecordError, match="a run `run-1` is recorded already"):
        start(tmp_path)
    assert files(tmp_path) == [there.name]
    assert not (tmp_path / "nothing").exists()
    assert kind != "file" or there.read_bytes() == b"mine"


@pytest.mark.parametrize(
    "run_id", ["", "last", "../run", "a/b", "a\\b", ".hidden", "한글", "a" * 81, "a\n", "C:a"]
)
def test_a_name_that_is_no_file_name_everywhere_is_refused(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a run"):
        start(tmp_path, run_id)
    assert list(tmp_path.iterdir()) == []


def test_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    def run(name: str) -> None:
        writer = start(tmp_path, name)
        for number in range(200):
            writer.add_case(ended(f"{name}-{number}"))
        writer.close("finished", 0)

    names = [f"run-{number}" for number in range(4)]
    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(info.id for info in list_runs(tmp_path)) == names
    for name in names:
        with open_run(tmp_path, name) as run_reader:
            cases = [case.case for case in run_reader.cases()]
        assert cases == [f"{name}-{number}" for number in range(200)]


def test_a_record_that_is_read_while_it_ends_is_whole(tmp_path: Path) -> None:
    writer = start(tmp_path)
    writer.add_case(FULL_CASE, [said(), failed()])
    with open_run(tmp_path, "run-1") as run:
        stream = run.cases()
        assert next(stream) == FULL_CASE
        writer.add_case(ended("나중"))
        writer.close("stopped", 1)
        assert list(stream) == []
        assert (run.info.state, run.info.exit_code) == ("stopped", 1)
        assert [case.case for case in run.cases()] == ["옛날", "나중"]

    with open_run(tmp_path, "run-1") as run:
        assert [case.case for case in run.cases()] == ["옛날", "나중"]


def test_a_closed_record_takes_nothing_more(tmp_path: Path) -> None:
    writer = start(tmp_path)
    writer.close("interrupted", 130)
    writer.add_reply(said())
    writer.close("finished", 0)

    with open_run(tmp_path, "run-1") as run:
        assert (run.info.state, run.info.exit_code) == ("interrupted", 130)
        assert list(run.replies(CASE)) == []


def test_a_case_that_is_added_again_counts_as_it_is_added_last(tmp_path: Path) -> None:
    writer = start(tmp_path)
    writer.add_case(ended(verdict=Verdict.ERROR, reason="first"))
    writer.add_case(ended("다른"))
    writer.add_case(ended())
    writer.close("finished")

    with open_run(tmp_path, "run-1") as run:
        assert list(run.cases()) == [ended("다른"), ended()]
        assert run.info.verdicts == {Verdict.PASSED: 2}
