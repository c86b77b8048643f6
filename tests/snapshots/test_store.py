"""Snapshots on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from promptrun.errors import SnapshotError
from promptrun.snapshots import BrokenSnapshotError, SnapshotStore, snapshot_path
from promptrun.snapshots.dump import dump_snapshot
from tests.snapshots.examples import golden, snapshot

if TYPE_CHECKING:
    from pathlib import Path

SPEC = "specs/a.yaml"


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path)


@pytest.fixture
def path(store: SnapshotStore) -> Path:
    return snapshot_path(store.root, store.root / SPEC, "default", "openai")


def put(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def test_what_was_written_is_read_back(store: SnapshotStore, path: Path) -> None:
    assert store.read(path, SPEC, "default").state == "absent"
    assert store.write(path, snapshot("안녕"))
    accepted = store.read(path, SPEC, "default")
    assert (accepted.state, accepted.snapshot) == ("present", snapshot("안녕"))


def test_an_unchanged_file_is_not_touched(store: SnapshotStore, path: Path) -> None:
    store.write(path, snapshot("안녕"))
    os.utime(path, (1, 1))
    assert not store.write(path, snapshot("안녕"))
    assert path.stat().st_mtime == 1


def test_a_checkout_with_windows_line_ends_is_the_same_snapshot(
    store: SnapshotStore, path: Path
) -> None:
    store.write(path, snapshot("가\n나"))
    before = store.read(path, SPEC, "default")
    put(path, b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = store.read(path, SPEC, "default")
    assert after.snapshot == before.snapshot
    put(path, path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    assert store.read(path, SPEC, "default").digest == before.digest


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<<<<<<< HEAD\nx\n", "merge conflict"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a: [", "cannot be read"),
        (b"a: 1", "no snapshot"),
        (b"", "missing"),
    ],
)
def test_an_unreadable_file_counts_as_missing_and_stays(
    store: SnapshotStore, path: Path, data: bytes, reason: str
) -> None:
    put(path, data)
    accepted = store.read(path, SPEC, "default")
    assert (accepted.state, accepted.snapshot) == ("unreadable", None)
    assert accepted.problem is not None
    assert reason in accepted.problem.message
    with pytest.raises(BrokenSnapshotError):
        store.write(path, snapshot())
    assert path.read_bytes() == data
    assert store.write(path, snapshot(), replace_unreadable=True)
    assert store.read(path, SPEC, "default").state == "present"


@pytest.mark.parametrize(("spec", "case"), [("specs/a.yml", "default"), (SPEC, "other")])
def test_the_snapshot_of_another_case_is_never_overwritten(
    store: SnapshotStore, path: Path, spec: str, case: str
) -> None:
    store.write(path, snapshot("theirs"))
    accepted = store.read(path, spec, case)
    assert accepted.state == "foreign"
    assert accepted.problem is not None
    assert f"not of `{spec}::{case}`" in accepted.problem.message
    with pytest.raises(SnapshotError, match="is the snapshot of"):
        store.write(path, snapshot(spec=spec, case=case), replace_unreadable=True)
    assert store.read(path, SPEC, "default").snapshot == snapshot("theirs")


def test_a_newer_format_is_an_error_and_never_overwritten(store: SnapshotStore, path: Path) -> None:
    newer = dump_snapshot(snapshot()).replace("snapshot: 1", "snapshot: 2")
    put(path, newer)
    with pytest.raises(SnapshotError, match="format"):
        store.read(path, SPEC, "default")
    with pytest.raises(SnapshotError, match="format"):
        store.write(path, snapshot(), replace_unreadable=True)
    assert path.read_text() == newer


def test_a_link_is_neither_read_nor_followed(
    store: SnapshotStore, path: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text(dump_snapshot(snapshot("secret")))
    path.parent.mkdir(parents=True)
    path.symlink_to(secret)
    accepted = store.read(path, SPEC, "default")
    assert accepted.state == "unreadable"
    store.write(path, snapshot("new"), replace_unreadable=True)
    assert not path.is_symlink()
    assert "secret" in secret.read_text()


def test_a_linked_folder_that_leads_out_of_the_root_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "project"
    root.mkdir()
    (root / "snapshots").symlink_to(outside)
    store = SnapshotStore(root)
    path = root / "snapshots" / "a" / "default.yaml"
    for act in (
        lambda: store.read(path, SPEC, "default"),
        lambda: store.write(path, snapshot()),
        lambda: store.propose(path, snapshot(), run="r", replaces=None),
    ):
        with pytest.raises(SnapshotError, match="leads out of the project"):
            act()
    assert list(outside.iterdir()) == []


def test_a_linked_folder_within_the_root_is_followed(store: SnapshotStore, path: Path) -> None:
    (store.root / "kept").mkdir()
    (store.root / "snapshots").symlink_to("kept")
    store.write(path, snapshot())
    assert store.read(path, SPEC, "default").state == "present"


def test_a_pipe_or_a_folder_is_not_opened(store: SnapshotStore, path: Path) -> None:
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    assert store.read(path, SPEC, "default").state == "unreadable"
    path.unlink()
    path.mkdir()
    assert store.read(path, SPEC, "default").state == "unreadable"


@pytest.mark.parametrize("place", ["../x.yaml", "a/../../x.yaml", "/etc/x.yaml"])
def test_a_path_outside_the_root_is_refused(store: SnapshotStore, place: str) -> None:
    with pytest.raises(SnapshotError, match="outside the project"):
        store.write(store.root / place, snapshot())


def test_a_file_where_a_folder_belongs_is_an_error_with_its_path(
    store: SnapshotStore, path: Path
) -> None:
    put(path.parent.parent, b"")
    assert store.read(path, SPEC, "default").state == "absent"
    with pytest.raises(SnapshotError, match="cannot write") as caught:
        store.write(path, snapshot())
    assert str(path) in caught.value.message


def test_a_full_disk_leaves_the_old_snapshot_whole(store: SnapshotStore, path: Path) -> None:
    store.write(path, snapshot("old"))
    script = """
import resource, sys
from pathlib import Path
from promptrun.snapshots import SnapshotStore
from promptrun.errors import SnapshotError
from tests.snapshots.examples import golden, snapshot
import promptrun.snapshots.dump, tempfile
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    SnapshotStore(Path(sys.argv[1])).write(Path(sys.argv[2]), snapshot("x" * 5000))
except SnapshotError as error:
    print(error.message)
"""
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, str(store.root), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot write" in done.stdout
    assert store.read(path, SPEC, "default").snapshot == snapshot("old")
    assert [file.name for file in path.parent.iterdir()] == ["default.yaml"]


def test_of_two_writers_at_once_one_wins_whole(store: SnapshotStore, path: Path) -> None:
    script = """
import sys
from pathlib import Path
from promptrun.snapshots import SnapshotStore
from tests.snapshots.examples import golden, snapshot
store = SnapshotStore(Path(sys.argv[1]))
for turn in range(40):
    store.write(Path(sys.argv[2]), snapshot(sys.argv[3] * (1000 + turn)))
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(store.root), str(path), letter])
        for letter in "ab"
    ]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        accepted = store.read(path, SPEC, "default")
        assert accepted.state in {"present", "absent"}
        if accepted.snapshot:
            seen.add(accepted.snapshot.reply["choices"][0]["content"][:1])
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen <= {"a", "b"}
    assert [file.name for file in path.parent.iterdir()] == ["default.yaml"]


def test_two_cases_that_differ_in_capitals_keep_two_files(store: SnapshotStore) -> None:
    for case in ("english", "English", "ENGLISH"):
        path = snapshot_path(store.root, store.root / SPEC, case, "openai")
        store.write(path, snapshot(case, case=case))
    names = [file.name for file in (store.root / "snapshots" / "a").iterdir()]
    assert len({name.casefold() for name in names}) == 3


def test_reading_a_snapshot_imports_nothing_that_a_replay_has_no_use_for() -> None:
    script = """
import sys
import promptrun.snapshots
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    heavy = {"openai", "deepdiff", "asyncio", "tempfile", "dataclasses", "pydantic", "httpx"}
    assert not heavy & set(done.stdout.split())
    assert "promptrun.snapshots.dump" not in done.stdout.split()


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        pytest.param("옛날", "먼 옛날", "prompt", id="a message"),
        pytest.param("temperature: 0", "temperature: 1", "settings", id="a parameter"),
        pytest.param("request:\n  model: gpt", "request:\n  model: xgpt", "model", id="the model"),
        pytest.param(
            "parameters:\n    temperature: 0", "parameters: 5", "settings", id="no mapping"
        ),
    ],
)
def test_a_request_edited_by_hand_makes_the_snapshot_unreadable(
    store: SnapshotStore, path: Path, old: str, new: str, part: str
) -> None:
    text = dump_snapshot(snapshot(temperature=0))
    assert old in text
    put(path, text.replace(old, new).encode())
    accepted = store.read(path, SPEC, "default")
    assert (accepted.state, accepted.snapshot) == ("unreadable", None)
    assert accepted.problem is not None
    assert "its request was edited" in accepted.problem.message
    assert f"`digests.{part}`" in accepted.problem.message
    assert accepted.problem.hint


@pytest.mark.parametrize("name", golden())
def test_the_digests_of_what_is_recorded_are_those_of_its_request(
    store: SnapshotStore, name: str
) -> None:
    made = golden()[name]
    path = snapshot_path(store.root, store.root / made.spec, made.case, "openai")
    store.write(path, made)
    assert store.read(path, made.spec, made.case).snapshot == made
