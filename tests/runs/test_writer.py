"""What was added is in the file, whatever happens next."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from promptrun.errors import UsageError
from promptrun.models import Verdict
from promptrun.runs import RecordError, RunTotals, count_totals, list_runs, open_run
from promptrun.runs.encode import case_row
from promptrun.runs.writer import LONGEST_HELD, MOST_HELD, MOST_HELD_SIZE
from tests.runs.examples import CASE, FULL_CASE, ended, failed, keep, record, reply, said, start

ROOT = Path(__file__).parents[2]

ENDLESS = """
import sys
from pathlib import Path
from tests.runs.examples import ended, keep, said, start
writer = start(Path(sys.argv[1]))
print("begun", flush=True)
for number in range(1_000_000):
    id = f"specs/이야기.yaml::{number}"
    if number % 2:
        keep(writer, said(case=id))
    else:
        keep(writer, said(case=id), said(1, case=id), ended(str(number)))
    print(number, flush=True)
"""

ON_A_SMALL_DISK = """
import resource, sys
from pathlib import Path
from promptrun.runs import RecordError
from tests.runs.examples import keep, reply, said, start
writer = start(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
added = 0
try:
    for _ in range(1000):
        keep(writer, said(added, reply=reply("가" * 1000)))
        added += 1
except RecordError as error:
    keep(writer, said())
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
    keep(writer, said())

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in writer.path.parent.iterdir()}
    writer.close("finished")

    names = [f"run-1.sqlite{ending}" for ending in ("", "-lock", "-shm", "-wal")]
    assert modes == dict.fromkeys(names, 0o600)
    assert files(tmp_path) == ["run-1.sqlite"]


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


def test_a_value_that_no_record_can_hold_is_left_out_and_the_record_goes_on(
    tmp_path: Path,
) -> None:
    writer = start(tmp_path)
    too_deep: list[object] = []
    for _ in range(5000):
        too_deep = [too_deep]
    with pytest.raises(RecordError, match="nested too deeply"):
        writer.add_reply(said(1, reply=reply(too_deep)))
    writer.add_case(ended("다음"))
    writer.close("finished")

    with open_run(tmp_path, "run-1") as run:
        assert [case.case for case in run.cases()] == ["다음"]
        assert list(run.replies(CASE)) == []


def test_a_value_that_is_too_large_is_refused_and_the_record_goes_on(tmp_path: Path) -> None:
    writer = start(tmp_path)
    with pytest.raises(RecordError, match="larger than 64 MiB"):
        keep(writer, said(reply=reply("가" * (23 * 2**20))))
    large = reply("가" * (21 * 2**20))
    keep(writer, said(reply=large))
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
from tests.runs.examples import keep, start
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
    assert caught.value.hint


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    (root / ".promptrun").mkdir(parents=True)
    (root / ".promptrun" / "runs").symlink_to(outside)

    with pytest.raises(RecordError, match="leads out of the project"):
        start(root)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-lock"])
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
    keep(writer, said(), failed(), FULL_CASE)
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
    keep(writer, said())
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


def cases_in(root: Path) -> int:
    with open_run(root, "run-1") as run:
        return len(list(run.cases()))


def test_replies_wait_for_the_flush_and_go_together(tmp_path: Path) -> None:
    writer = start(tmp_path)
    with open_run(tmp_path, "run-1") as run:
        for number in range(3):
            writer.add_reply(said(number))
            assert list(run.replies(CASE)) == []
        writer.flush()
        assert [one.ordinal for one in run.replies(CASE)] == [0, 1, 2]
    writer.close("finished")


def test_cases_that_nobody_flushes_go_by_themselves(tmp_path: Path) -> None:
    writer = start(tmp_path)
    for number in range(MOST_HELD - 1):
        writer.add_case(ended(str(number)))
        assert cases_in(tmp_path) == 0
    writer.add_case(ended("last"))
    assert cases_in(tmp_path) == MOST_HELD
    writer.close("finished")


@pytest.mark.parametrize("what", ["a reply", "a case"])
def test_a_case_that_has_waited_goes_with_whatever_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    now = 100.0
    monkeypatch.setattr("promptrun.runs.writer.monotonic", lambda: now)
    writer = start(tmp_path)
    writer.add_case(ended("first"))
    assert cases_in(tmp_path) == 0
    now += LONGEST_HELD
    if what == "a reply":
        keep(writer, said())
    else:
        writer.add_case(ended("next"))

    assert cases_in(tmp_path) == (1 if what == "a reply" else 2)
    writer.close("finished")


def test_large_cases_do_not_wait(tmp_path: Path) -> None:
    writer = start(tmp_path)
    writer.add_case(ended("large", request={"model": "가" * MOST_HELD_SIZE}))

    assert cases_in(tmp_path) == 1
    writer.close("finished")


def test_what_waits_is_in_the_file_when_it_is_flushed_or_closed(tmp_path: Path) -> None:
    writer = start(tmp_path)
    writer.add_case(ended("a"))
    writer.flush()
    assert cases_in(tmp_path) == 1
    writer.add_case(ended("b"))
    writer.close("finished")
    assert cases_in(tmp_path) == 2


def test_an_interrupt_in_the_middle_loses_no_case_that_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = start(tmp_path)
    writer.add_case(ended("waits"))
    with monkeypatch.context() as patch:
        patch.setattr("promptrun.runs.writer.case_row", lambda case: Interrupted(case_row(case)))
        with pytest.raises(KeyboardInterrupt):
            keep(writer, said(), ended("comes"))
    writer.close("interrupted", 130)

    with open_run(tmp_path, "run-1") as run:
        assert [case.case for case in run.cases()] == ["waits", "comes"]
        assert len(list(run.replies(CASE))) == 1


class Interrupted(list[Any]):
    """A row at which Ctrl-C strikes once, when its first value is bound."""

    struck = False

    def __getitem__(self, place: Any) -> Any:
        if not self.struck:
            self.struck = True
            raise KeyboardInterrupt
        return super().__getitem__(place)


def test_how_a_run_ended_and_what_it_cost_stands_in_its_row(tmp_path: Path) -> None:
    writer = start(tmp_path)
    keep(writer, said(queued=0.25, prompt_tokens=12, completion_tokens=7, cost=0.1, attempts=2))
    keep(writer, said(1, prompt_tokens=2**62, completion_tokens=2**62, cost=0.2))
    keep(writer, said(2, prompt_tokens=2**62, completion_tokens=2**62, cost=float("inf")))
    keep(writer, failed(ordinal=3))
    writer.close("stopped", 3)

    with open_run(tmp_path, "run-1") as run:
        info, counted = run.info, count_totals(run.info.path)
        assert [one.queued for one in run.replies(CASE)] == [0.25, None, None, None]
        assert [one.cost for one in run.replies(CASE)] == [0.1, 0.2, None, None]
    assert (info.state, info.exit_code) == ("stopped", 3)
    assert (
        info.totals
        == counted
        == RunTotals(
            requests=4,
            failures=1,
            attempts=7,
            prompt_tokens=2**63 - 1,
            completion_tokens=2**63 - 1,
            cost=0.3,
        )
    )


def test_what_no_reply_tells_is_not_known(tmp_path: Path) -> None:
    record(tmp_path)

    with open_run(tmp_path, "run-1") as run:
        assert count_totals(run.info.path) == RunTotals(requests=1, attempts=1)
