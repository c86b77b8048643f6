"""Snapshots written in batches: durable together, each one whole."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from promptrun.errors import SnapshotError
from promptrun.files.atomic import LEFT_BEHIND, is_temporary
from promptrun.models import Snapshot
from promptrun.snapshots import SnapshotStore, snapshot_path
from promptrun.snapshots.stale import find_kept
from promptrun.snapshots.values import Orphan
from tests.snapshots.examples import snapshot

SPEC = "specs/a.yaml"
TOP = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    store = SnapshotStore(tmp_path)
    store.begin_batch()
    return store


def place(store: SnapshotStore, case: str = "default") -> Path:
    return snapshot_path(store.root, store.root / SPEC, case, "openai")


def write(store: SnapshotStore, content: str, case: str = "default") -> bool:
    return store.write(place(store, case), snapshot(content, case=case))


def propose(store: SnapshotStore, content: str, case: str = "default") -> Path:
    new = snapshot(content, case=case)
    replaces = store.read(place(store, case), SPEC, case).digest
    return store.propose(place(store, case), new, run="run-1", replaces=replaces)


def kept(root: Path, case: str = "default") -> str | None:
    """What a process that knows nothing of the batch reads."""
    store = SnapshotStore(root)
    accepted = store.read(place(store, case), SPEC, case)
    assert accepted.state in {"present", "absent"}
    return accepted.snapshot.reply["choices"][0]["content"] if accepted.snapshot else None


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if is_temporary(path.name)]


def test_what_is_written_is_there_for_others_once_it_is_flushed(store: SnapshotStore) -> None:
    for case in ("하나", "둘"):
        assert write(store, f"답 {case}", case)
        assert kept(store.root, case) is None

    assert store.unflushed == 2
    assert store.flush() == {}

    assert store.unflushed == 0
    assert [kept(store.root, case) for case in ("하나", "둘")] == ["답 하나", "답 둘"]
    assert leftovers(store.root) == []


def test_a_batch_of_many_files_is_flushed_as_a_few_are(store: SnapshotStore) -> None:
    cases = [f"c{number}" for number in range(40)]
    for case in cases:
        write(store, case, case)
        store.drop_pending(place(store, case))
    assert store.flush() == {}
    assert [kept(store.root, case) for case in cases] == cases


def test_where_the_system_cannot_sync_at_once_each_file_is_synced(
    store: SnapshotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "other")
    synced: list[int] = []
    sync = os.fsync

    def counted(descriptor: int) -> None:
        synced.append(descriptor)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    for number in range(40):
        write(store, "답", f"c{number}")
    assert store.flush() == {}
    assert len(synced) == 40 + 1
    assert kept(store.root, "c39") == "답"


def test_the_store_itself_reads_what_it_wrote_before_it_is_flushed(store: SnapshotStore) -> None:
    write(store, "하나")
    assert store.read(place(store), SPEC, "default").snapshot == snapshot("하나")
    write(store, "둘")
    assert store.read(place(store), SPEC, "default").snapshot == snapshot("둘")
    store.flush()
    assert store.read(place(store), SPEC, "default").snapshot == snapshot("둘")
    assert leftovers(store.root) == []


def test_what_waits_is_listed_before_it_is_flushed(store: SnapshotStore) -> None:
    propose(store, "새 답", "one")
    (pending,) = store.list_pending()
    assert (pending.case, pending.snapshot) == ("one", snapshot("새 답", case="one"))
    store.flush()
    propose(store, "다른 답", "two")
    assert [each.case for each in store.list_pending()] == ["one", "two"]
    assert store.drop_pending(place(store, "one"))
    assert [each.case for each in store.list_pending()] == ["two"]
    assert store.flush() == {}
    assert [each.case for each in SnapshotStore(store.root).list_pending()] == ["two"]


def test_dropping_what_does_not_wait_leaves_nothing_to_flush(store: SnapshotStore) -> None:
    assert not store.drop_pending(place(store))
    assert store.unflushed == 0


def test_of_writing_and_dropping_the_last_counts(store: SnapshotStore) -> None:
    propose(store, "하나")
    store.drop_pending(place(store))
    assert store.list_pending() == []
    propose(store, "둘")
    assert store.flush() == {}
    (pending,) = SnapshotStore(store.root).list_pending()
    assert pending.snapshot == snapshot("둘")

    store.drop_pending(place(store))
    propose(store, "둘")
    assert store.flush() == {}
    assert len(SnapshotStore(store.root).list_pending()) == 1


def test_an_unchanged_file_is_not_touched(store: SnapshotStore) -> None:
    write(store, "답")
    store.flush()
    os.utime(place(store), (1, 1))
    assert not write(store, "답")
    assert store.unflushed == 0
    assert store.flush() == {}
    assert place(store).stat().st_mtime == 1


def test_a_pending_reply_can_be_accepted_in_a_batch(store: SnapshotStore) -> None:
    write(store, "옛 답")
    store.flush()
    propose(store, "새 답")
    (pending,) = store.list_pending()
    assert store.accept(pending, current=snapshot().digests)
    assert kept(store.root) == "옛 답"
    assert store.flush() == {}
    assert kept(store.root) == "새 답"
    assert names(store.root) == {"snapshots/a/default.yaml", ".promptrun/.gitignore"}


def test_an_interrupted_batch_leaves_what_was_flushed_and_nothing_else(
    store: SnapshotStore,
) -> None:
    write(store, "하나", "one")
    store.flush()
    write(store, "둘", "two")
    propose(store, "셋", "three")
    store.drop_pending(place(store, "three"))

    store.abort_batch()

    assert (kept(store.root, "one"), kept(store.root, "two")) == ("하나", None)
    assert names(store.root) == {"snapshots/a/one.yaml", ".promptrun/.gitignore"}
    write(store, "둘", "two")
    assert kept(store.root, "two") == "둘"


def test_outside_of_a_batch_there_is_nothing_to_flush(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    write(store, "답")
    assert (kept(tmp_path), store.unflushed, store.flush()) == ("답", 0, {})
    store.abort_batch()


def test_a_read_only_folder_is_told_at_once(store: SnapshotStore) -> None:
    place(store).parent.parent.mkdir(parents=True)
    place(store).parent.write_bytes(b"")
    with pytest.raises(SnapshotError, match="cannot write"):
        write(store, "답")
    assert store.unflushed == 0


def test_a_full_disk_is_told_at_once(store: SnapshotStore) -> None:
    write(store, "옛 답")
    store.flush()
    script = """
import resource, sys
from pathlib import Path
from promptrun.errors import SnapshotError
from promptrun.snapshots import SnapshotStore
from tests.snapshots.examples import snapshot
import promptrun.snapshots.dump
store = SnapshotStore(Path(sys.argv[1]))
store.begin_batch()
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    store.write(Path(sys.argv[2]), snapshot("x" * 5000))
except SnapshotError as error:
    print(error.message, store.unflushed)
"""
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, str(store.root), str(place(store))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("cannot write")
    assert done.stdout.endswith(" 0\n")
    assert kept(store.root) == "옛 답"
    assert leftovers(store.root) == []


def test_a_file_that_cannot_take_its_place_is_told_and_the_others_take_theirs(
    store: SnapshotStore,
) -> None:
    for case in ("one", "two", "three"):
        write(store, case, case)
    (place(store, "two") / "in the way").mkdir(parents=True)

    failed = store.flush()

    assert list(failed) == [place(store, "two")]
    assert "no regular file" in failed[place(store, "two")].message
    assert [kept(store.root, case) for case in ("one", "three")] == ["one", "three"]
    assert leftovers(store.root) == []


@pytest.mark.parametrize("with_owner", [True, False])
def test_nothing_is_deleted_for_a_snapshot_that_was_not_written(
    store: SnapshotStore, *, with_owner: bool
) -> None:
    old = snapshot("옛 답", case="old")
    store.write(place(store, "old"), old)
    propose(store, "기다림")
    store.flush()
    digest = store.read(place(store, "old"), SPEC, "old").digest
    write(store, "새 답")
    store.drop_pending(place(store))
    owner = place(store) if with_owner else None
    store.remove(place(store, "old"), SPEC, "old", digest=digest, owner=owner)
    (place(store) / "in the way").mkdir(parents=True)

    failed = store.flush()

    assert set(failed) == ({place(store)} if with_owner else {place(store), place(store, "old")})
    assert kept(store.root, "old") == "옛 답"
    assert len(SnapshotStore(store.root).list_pending()) == 1


def test_a_snapshot_is_deleted_once_the_one_that_takes_its_place_is_written(
    store: SnapshotStore,
) -> None:
    write(store, "옛 답", "old")
    store.flush()
    digest = store.read(place(store, "old"), SPEC, "old").digest
    write(store, "새 답", "new")
    store.remove(place(store, "old"), SPEC, "old", digest=digest, owner=place(store, "new"))
    assert kept(store.root, "old") == "옛 답"
    assert store.read(place(store, "old"), SPEC, "old").state == "absent"
    assert store.flush() == {}
    assert (kept(store.root, "old"), kept(store.root, "new")) == (None, "새 답")


def test_what_another_process_changed_meanwhile_is_not_deleted(store: SnapshotStore) -> None:
    write(store, "옛 답")
    store.flush()
    digest = store.read(place(store), SPEC, "default").digest
    store.remove(place(store), SPEC, "default", digest=digest)
    write(SnapshotStore(store.root), "meanwhile")

    failed = store.flush()

    assert "changed since it was read" in failed[place(store)].message
    assert kept(store.root) == "meanwhile"


def test_the_snapshot_of_another_case_that_came_meanwhile_is_not_overwritten(
    store: SnapshotStore,
) -> None:
    write(store, "mine")
    theirs = snapshot("theirs", spec="specs/a.yml")
    SnapshotStore(store.root).write(place(store), theirs)

    failed = store.flush()

    assert "is the snapshot of `specs/a.yml::default`" in failed[place(store)].message
    there = SnapshotStore(store.root).read(place(store), "specs/a.yml", "default")
    assert there.snapshot == theirs
    assert leftovers(store.root) == []


def test_a_snapshot_of_the_same_case_that_came_meanwhile_is_replaced(store: SnapshotStore) -> None:
    write(store, "mine")
    write(SnapshotStore(store.root), "theirs")
    assert store.flush() == {}
    assert kept(store.root) == "mine"


def test_an_accepted_reply_gives_way_to_a_snapshot_that_came_meanwhile(
    store: SnapshotStore,
) -> None:
    propose(store, "새 답")
    (pending,) = store.list_pending()
    store.accept(pending, current=snapshot().digests)
    write(SnapshotStore(store.root), "meanwhile")

    failed = store.flush()

    assert "changed after this reply was received" in failed[place(store)].message
    assert kept(store.root) == "meanwhile"


def test_a_link_that_came_meanwhile_is_replaced_and_never_followed(
    store: SnapshotStore, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("theirs")
    new = snapshot("mine")
    store.write(place(store), new, replace_unreadable=True)
    place(store).symlink_to(secret)
    assert store.flush() == {}
    assert not place(store).is_symlink()
    assert secret.read_text() == "theirs"


def test_a_folder_that_becomes_a_link_out_of_the_project_gets_nothing(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "project"
    for folder in (outside, root):
        folder.mkdir()
    store = SnapshotStore(root)
    store.begin_batch()
    write(store, "하나", "one")
    shutil.rmtree(place(store).parent)
    place(store).parent.symlink_to(outside)

    assert list(store.flush()) == [place(store, "one")]
    for act in (
        lambda: write(store, "둘", "two"),
        lambda: store.read(place(store), SPEC, "default"),
    ):
        with pytest.raises(SnapshotError, match="leads out of the project"):
            act()
    assert list(outside.iterdir()) == []


def test_temporary_files_are_taken_for_nothing(store: SnapshotStore) -> None:
    write(store, "답")
    propose(store, "새 답", "other")
    assert len(leftovers(store.root)) == 3
    assert list(find_kept(store.root)) == []
    assert SnapshotStore(store.root).list_pending() == []


def test_what_a_killed_run_left_is_deleted_a_day_later(store: SnapshotStore) -> None:
    folder = place(store).parent
    folder.mkdir(parents=True)
    old, young, other = (
        folder / name for name in (".0123456789abcdef.tmp", ".fedcba9876543210.tmp", ".notes.tmp")
    )
    for path in (old, young, other):
        path.write_bytes(b"x")
    for path in (old, other):
        os.utime(path, (time.time() - LEFT_BEHIND - 1,) * 2)
    write(store, "답")
    store.flush()
    assert {path.name for path in folder.iterdir()} == {young.name, other.name, "default.yaml"}


def test_one_thread_flushes_while_another_writes_and_reads(store: SnapshotStore) -> None:
    cases = [f"c{number}" for number in range(100)]
    failed: list[object] = []
    done = False

    def flush() -> None:
        while not done:
            failed.extend(store.flush())

    thread = Thread(target=flush)
    thread.start()
    try:
        for case in cases:
            write(store, f"답 {case}", case)
            propose(store, f"새 답 {case}", case)
            assert store.read(place(store, case), SPEC, case).snapshot == snapshot(
                f"답 {case}", case=case
            )
            store.drop_pending(place(store, case))
    finally:
        done = True
        thread.join()
    failed.extend(store.flush())
    assert failed == []
    assert [kept(store.root, case) for case in cases] == [f"답 {case}" for case in cases]
    assert SnapshotStore(store.root).list_pending() == []
    assert leftovers(store.root) == []


WRITER = """
import sys
from pathlib import Path
from promptrun.snapshots import SnapshotStore, snapshot_path
from tests.snapshots.examples import snapshot
root, letter = Path(sys.argv[1]), sys.argv[2]
turns, size = int(sys.argv[3]), int(sys.argv[4])
store = SnapshotStore(root)
store.begin_batch()
for turn in range(1, turns + 1):
    for number in range(size):
        case = f"c{number}"
        path = snapshot_path(store.root, store.root / "specs/a.yaml", case, "openai")
        store.write(path, snapshot(f"{letter}{turn} " * 2000, case=case))
        if number % 2:
            store.propose(path, snapshot(f"{letter}{turn}", case=case), run="r", replaces=None)
        else:
            store.drop_pending(path)
    assert store.flush() == {}
    print(turn, flush=True)
store.abort_batch()
"""


def start_writer(root: Path, letter: str, turns: int, size: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), letter, str(turns), str(size)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=TOP,
    )


def turn_of(text: str | None) -> int:
    """The turn in which a whole text was written; 0 where there is none yet."""
    if text is None:
        return 0
    word = text.split()[0]
    assert text == f"{word} " * 2000
    return int(word[1:])


def test_a_kill_at_any_moment_leaves_each_file_old_or_new(tmp_path: Path) -> None:
    """What was flushed before the kill is there, and the order of the files holds."""
    seeded = random.Random(7)  # noqa: S311 - moments of kills, no secret
    size = 30
    for number in range(20):
        root = tmp_path / str(number)
        root.mkdir()
        writer = start_writer(root, "a", 10_000, size)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(seeded.uniform(0, 0.15))
        writer.kill()
        flushed = [1, *map(int, writer.stdout.read().split())][-1]
        writer.stdout.close()
        writer.wait()
        turns = [turn_of(kept(root, f"c{case}")) for case in range(size)]
        assert set(turns) <= {flushed, flushed + 1}
        assert turns == sorted(turns, reverse=True)
        hidden = {path for path in names(root) if path.rpartition("/")[2].startswith(".")}
        assert hidden - {".promptrun/.gitignore"} == {
            path.relative_to(root).as_posix() for path in leftovers(root)
        }
        usable = [each for each in SnapshotStore(root).list_pending() if each.problem is None]
        # Only the one whose note was about to be moved may be without it.
        assert len(usable) >= size // 2 - 1


def test_two_batches_at_once_never_tear_a_file_and_lose_none(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, letter, 5, 20) for letter in "ab"]
    while any(writer.poll() is None for writer in writers):
        for case in range(20):
            turn_of(kept(tmp_path, f"c{case}"))
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.close()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert {turn_of(kept(tmp_path, f"c{case}")) for case in range(20)} == {5}
    assert leftovers(tmp_path) == []


def test_a_move_in_a_batch_deletes_the_old_snapshot_with_the_acceptance(
    store: SnapshotStore,
) -> None:
    old: Snapshot = snapshot("옛 답", spec="specs/옛.yaml")
    path = snapshot_path(store.root, store.root / old.spec, "default", "openai")
    store.write(path, old)
    store.flush()
    orphan = Orphan(
        path=path, id="specs/옛.yaml::default", accepted=store.read(path, old.spec, "default")
    )
    store.propose(place(store), snapshot("새 답"), run="r", replaces=None, moves=orphan)
    store.flush()
    (pending,) = store.list_pending()
    store.accept(pending, current=snapshot().digests, is_gone=lambda *_: True)
    assert path.exists()
    assert store.flush() == {}
    assert names(store.root) == {"snapshots/a/default.yaml", ".promptrun/.gitignore"}
