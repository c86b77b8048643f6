"""Several runs of one project at once: each has its own file, and nobody deletes another's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from promptrun.models import Verdict
from promptrun.runs import count_totals, list_runs, trim_runs
from tests.runs.examples import record, start

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
from pathlib import Path
from promptrun.runs import RunWriter, list_runs, trim_runs
from tests.runs.examples import META, ended, keep, said
root, name = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(3):
    trim_runs(root, 0)
    writer = RunWriter(root, f"{name}-{number}", META)
    for case in range(150):
        id = ended(str(case)).id
        keep(writer, said(case=id))
        writer.add_case(ended(str(case)))
        if case % 50 == 0:
            trim_runs(root, 0)
            list_runs(root)
    if number < 2:
        writer.close("finished", 0)
print("written", flush=True)
sys.stdin.readline()
writer.close("finished", 0)
"""


def test_four_processes_that_write_and_trim_lose_no_row_and_no_live_run(tmp_path: Path) -> None:
    record(tmp_path, "before")
    names = ["a", "b", "c", "d"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for name in names
    ]
    for word in ("ready", "written"):
        for process in processes:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline() == f"{word}\n"
        if word == "written":
            # Each has tried to delete every run, and every one that goes on is still there.
            trim_runs(tmp_path, 0)
            assert sorted(run.id for run in list_runs(tmp_path)) == [f"{one}-2" for one in names]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0

    runs = list_runs(tmp_path)
    assert sorted(run.id for run in runs) == [f"{name}-2" for name in names]
    for run in runs:
        assert (run.state, run.verdicts) == ("finished", {Verdict.PASSED: 150})
        totals = count_totals(run.path)
        assert totals is not None
        assert totals.requests == 150
    folder = tmp_path / ".promptrun" / "runs"
    assert sorted(path.name for path in folder.iterdir()) == [f"{one}-2.sqlite" for one in names]


def test_a_run_that_is_old_and_goes_on_takes_its_place_among_those_that_are_kept(
    tmp_path: Path,
) -> None:
    live = start(tmp_path, "live")
    for number in range(3):
        record(tmp_path, f"later-{number}")

    assert trim_runs(tmp_path, keep=1) == ["later-1", "later-0"]
    live.close("finished")
    assert [run.id for run in list_runs(tmp_path)] == ["later-2", "live"]
