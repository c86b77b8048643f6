"""A disk that is full, or may not be written: said in plain words, and nothing is torn."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promptrun.models import Verdict
from promptrun.runs import RecordError, RunWriter, list_runs, open_run
from promptrun.runs.writer import MOST_HELD
from tests.runs.examples import CASE, META, ended, keep, record, reply, said, start

ROOT = Path(__file__).parents[2]


def limit_pages(writer: RunWriter, more: int) -> None:
    """Let the database grow by some pages, as on a disk that is nearly full."""
    connection = writer._connection  # noqa: SLF001 - a full disk of everybody's cannot be had
    assert connection is not None
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + more}")


def fill(writer: RunWriter) -> None:
    for ordinal in range(1, 100):
        keep(writer, said(ordinal, reply=reply("가" * 3000)))


def as_nobody(program: str, root: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that may read what is there, and write nothing: root may write everywhere."""
    dropped = "import os\nif os.getuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)"
    return subprocess.run(
        [sys.executable, "-c", f"{IMPORTS}\n{dropped}\n{program}", str(root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


IMPORTS = """
import sqlite3, sys, datetime
from pathlib import Path
from promptrun.runs import RecordError, RunWriter, open_run, trim_runs
import promptrun.models
from tests.runs.examples import META, keep
"""


def open_to_all(folder: Path) -> None:
    """Let everybody read the folder and what is in it; `tmp_path` is its owner's alone."""
    for one in (folder, *folder.rglob("*")):
        one.chmod(0o555 if one.is_dir() else 0o444)
    for one in folder.parents[:3]:
        if one.stat().st_uid != os.getuid() or one.stat().st_mode & stat.S_ISVTX:
            break  # the system's own temporary folder
        one.chmod(one.stat().st_mode | 0o055)


def test_a_full_disk_says_that_it_is_full_and_keeps_what_it_had(tmp_path: Path) -> None:
    writer = start(tmp_path)
    keep(writer, said())
    limit_pages(writer, 5)

    with pytest.raises(RecordError) as caught:
        fill(writer)

    assert caught.value.message == f"the record `{writer.path}` ends here: the disk is full"
    assert caught.value.hint == "make room on that disk"
    keep(writer, said(7))
    writer.close("finished")
    with open_run(tmp_path, "run-1") as run:
        found = [one.ordinal for one in run.replies(CASE)]
    assert found == list(range(len(found)))
    assert 1 <= len(found) < 20


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda writer: writer.add_case(ended("last")), id="with the next case"),
        pytest.param(lambda writer: writer.flush(), id="when they are flushed"),
        pytest.param(lambda writer: writer.close("finished", 0), id="at the end"),
    ],
)
def test_cases_that_were_held_back_are_not_lost_in_silence(
    tmp_path: Path, write: Callable[[RunWriter], None]
) -> None:
    writer = start(tmp_path)
    keep(writer, said())
    limit_pages(writer, 0)
    for number in range(MOST_HELD - 1):
        writer.add_case(ended(str(number), reason="가" * 1000))

    with pytest.raises(RecordError, match="the disk is full"):
        write(writer)
    with open_run(tmp_path, "run-1") as run:
        assert list(run.replies(CASE)) == [said()]
        assert list(run.cases()) == []
        assert run.info.state is None


def test_a_full_disk_leaves_a_run_that_can_be_resumed(tmp_path: Path) -> None:
    writer = start(tmp_path)
    keep(writer, said())
    limit_pages(writer, 0)
    with pytest.raises(RecordError):
        keep(writer, said(1, reply=reply("가" * 90_000)))

    writer = RunWriter.resume(tmp_path, "run-1", META)
    keep(writer, said(1), ended())
    writer.close("finished", 0)
    (info,) = list_runs(tmp_path)
    assert (info.state, info.verdicts) == ("finished", {Verdict.PASSED: 1})
    assert info.totals is not None
    assert info.totals.requests == 2


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    open_to_all(tmp_path)
    ran = as_nobody(
        "try: RunWriter(Path(sys.argv[1]), 'run-1', META)\n"
        "except RecordError as error: print(error.message, error.hint, sep='\\n')",
        tmp_path,
    )
    tmp_path.chmod(0o755)

    assert ran.stderr == ""
    message, hint = ran.stdout.splitlines()
    assert message.startswith("the run cannot be recorded: cannot write `")
    assert message.endswith(f": {os.strerror(errno.EACCES)}")
    assert hint.startswith("let yourself write to `")
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_may_not_be_written_is_read_and_not_gone_on_with(tmp_path: Path) -> None:
    path = record(tmp_path)
    open_to_all(tmp_path)
    ran = as_nobody(
        "root = Path(sys.argv[1])\n"
        "with open_run(root, 'last') as run: print(run.info.state, trim_runs(root, 0))\n"
        "try: RunWriter.resume(root, 'run-1', META)\n"
        "except RecordError as error: print(error.message, error.hint, sep='\\n')",
        tmp_path,
    )
    for one in (tmp_path, tmp_path / ".promptrun", path.parent):
        one.chmod(0o755)

    assert ran.stderr == ""
    read, message, hint = ran.stdout.splitlines()
    assert read == "finished []"
    assert message.startswith(f"the record `{path}` ends here: ")
    assert hint == f"let yourself write to `{path.parent}`"
    assert [one.name for one in path.parent.iterdir()] == ["run-1.sqlite"]
