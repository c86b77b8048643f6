"""Replies that wait to be accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from promptrun.errors import SnapshotError
from promptrun.snapshots import SnapshotStore, snapshot_path
from promptrun.snapshots.disk import digest_text
from promptrun.snapshots.dump import dump_snapshot
from promptrun.snapshots.pending import Pending
from tests.snapshots.examples import snapshot

if TYPE_CHECKING:
    from promptrun.models import Digests, Snapshot


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path)


def place(store: SnapshotStore, new: Snapshot, provider: str = "openai") -> Path:
    return snapshot_path(store.root, store.root / new.spec, new.case, provider)


def propose(store: SnapshotStore, new: Snapshot, provider: str = "openai") -> Pending:
    path = place(store, new, provider)
    replaces = store.read(path, new.spec, new.case).digest
    file = store.propose(path, new, run="run-1", replaces=replaces)
    (pending,) = [each for each in store.list_pending() if each.file == file]
    return pending


def all_files(store: SnapshotStore) -> set[str]:
    return {
        path.relative_to(store.root).as_posix() for path in store.root.rglob("*") if path.is_file()
    }


def test_a_pending_reply_is_what_accepting_moves_into_place(store: SnapshotStore) -> None:
    pending = propose(store, snapshot("새 답"))
    assert pending.problem is None
    assert (pending.id, pending.run) == ("specs/a.yaml::default", "run-1")
    data = pending.file.read_bytes()
    assert data.decode() == dump_snapshot(snapshot("새 답"))
    store.accept(pending, current=snapshot().digests)
    assert pending.path.read_bytes() == data
    assert store.list_pending() == []
    assert all_files(store) == {"snapshots/a/default.yaml", ".promptrun/.gitignore"}
    assert not (store.root / ".promptrun/pending/snapshots").exists()
    assert (store.root / ".promptrun/.gitignore").read_text() == "*\n"


def test_a_later_reply_takes_the_place_of_the_one_that_waits(store: SnapshotStore) -> None:
    propose(store, snapshot("one"))
    pending = propose(store, snapshot("two"))
    assert pending.snapshot == snapshot("two")
    assert len(store.list_pending()) == 1


def test_rejecting_leaves_the_snapshot_as_it_was(store: SnapshotStore) -> None:
    store.write(place(store, snapshot()), snapshot("old"))
    store.reject(propose(store, snapshot("new")))
    assert all_files(store) == {"snapshots/a/default.yaml", ".promptrun/.gitignore"}
    assert store.read(place(store, snapshot()), "specs/a.yaml", "default").snapshot == (
        snapshot("old")
    )


def test_dropping_what_does_not_wait_is_no_error(store: SnapshotStore) -> None:
    pending = propose(store, snapshot())
    assert store.drop_pending(pending.path)
    assert not store.drop_pending(pending.path)


def refused(store: SnapshotStore, pending: Pending, current: Digests | None) -> str:
    before = pending.path.read_bytes() if pending.path.exists() else None
    with pytest.raises(SnapshotError) as caught:
        store.accept(pending, current=current)
    assert (pending.path.read_bytes() if pending.path.exists() else None) == before
    return caught.value.message


def test_accepting_refuses_where_the_snapshot_moved(store: SnapshotStore) -> None:
    path = place(store, snapshot())
    store.write(path, snapshot("old"))
    pending = propose(store, snapshot("new"))
    store.write(path, snapshot("meanwhile"))
    assert "the snapshot of" in refused(store, pending, snapshot().digests)
    path.unlink()
    assert "the snapshot of" in refused(store, pending, snapshot().digests)


def test_accepting_refuses_where_a_snapshot_appeared(store: SnapshotStore) -> None:
    pending = propose(store, snapshot("new"))
    store.write(pending.path, snapshot("meanwhile"))
    assert "changed after" in refused(store, pending, snapshot().digests)


def test_accepting_what_is_there_already_only_ends_the_waiting(store: SnapshotStore) -> None:
    pending = propose(store, snapshot("new"))
    store.write(pending.path, snapshot("new"))
    store.accept(pending, current=snapshot().digests)
    assert store.list_pending() == []


@pytest.mark.parametrize(
    ("fields", "moved"),
    [
        ({"temperature": 1}, "settings"),
        ({"tools": []}, "prompt"),
        ({"model": "x", "tools": [], "seed": 1}, "prompt, settings, model"),
    ],
)
def test_accepting_refuses_where_the_request_moved(
    store: SnapshotStore, fields: dict[str, Any], moved: str
) -> None:
    pending = propose(store, snapshot("new"))
    assert refused(store, pending, snapshot(**fields).digests).endswith(f": {moved}")


def test_accepting_refuses_a_case_that_exists_no_more(store: SnapshotStore) -> None:
    assert "exists no more" in refused(store, propose(store, snapshot()), None)


def test_accepting_replaces_an_unreadable_file_that_was_there_all_along(
    store: SnapshotStore,
) -> None:
    path = place(store, snapshot())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"<<<<<<< HEAD\n")
    pending = propose(store, snapshot("new"))
    store.accept(pending, current=snapshot().digests)
    assert store.read(path, "specs/a.yaml", "default").state == "present"


def test_accepting_never_overwrites_the_snapshot_of_another_spec(store: SnapshotStore) -> None:
    other = snapshot("theirs", spec="specs/a.yml")
    store.write(place(store, other), other)
    pending = propose(store, snapshot("mine"))
    assert "is the snapshot of `specs/a.yml::default`" in refused(
        store, pending, snapshot().digests
    )


def test_accepting_refuses_what_changed_since_it_was_shown(store: SnapshotStore) -> None:
    shown = propose(store, snapshot("shown"))
    propose(store, snapshot("another"))
    assert "changed since it was shown" in refused(store, shown, snapshot().digests)
    store.drop_pending(shown.path)
    assert "it is gone" in refused(store, shown, snapshot().digests)


def tamper_text(pending: Pending) -> None:
    pending.file.write_text(pending.file.read_text().replace("안녕", "hello"))


def tamper_header(pending: Pending) -> None:
    pending.file.write_text(pending.file.read_text().replace("case: default", "case: other"))


def tamper_spec(pending: Pending) -> None:
    pending.file.write_text(pending.file.read_text().replace("specs/a.yaml", "../a.yaml"))


def remove_note(pending: Pending) -> None:
    Path(f"{pending.file}.json").unlink()


def break_note(pending: Pending) -> None:
    Path(f"{pending.file}.json").write_bytes(b'{"run": "\xff')


def forge_note(pending: Pending) -> None:
    note = json.loads(Path(f"{pending.file}.json").read_text())
    note["digests"]["prompt"] = "0" * 16
    Path(f"{pending.file}.json").write_text(json.dumps(note))


def newer_note(pending: Pending) -> None:
    note = json.loads(Path(f"{pending.file}.json").read_text())
    Path(f"{pending.file}.json").write_text(json.dumps(note | {"promptrun_pending": 2}))


def link_text(pending: Pending) -> None:
    target = pending.file.with_name("target")
    pending.file.rename(target)
    pending.file.symlink_to(target)


@pytest.mark.parametrize(
    "tamper",
    [
        tamper_text,
        tamper_header,
        tamper_spec,
        remove_note,
        break_note,
        forge_note,
        newer_note,
        link_text,
    ],
)
def test_a_pending_that_somebody_changed_is_listed_with_its_problem(
    store: SnapshotStore, tamper: Any
) -> None:
    propose(store, snapshot(case="whole"))
    tamper(propose(store, snapshot("안녕")))
    broken, whole = store.list_pending()
    assert (broken.problem is None, whole.problem) == (False, None)
    with pytest.raises(SnapshotError):
        store.accept(broken, current=snapshot().digests)
    assert not broken.path.exists()
    store.reject(broken)
    assert store.list_pending() == [whole]


def test_a_file_that_would_become_something_else_than_a_snapshot_is_unusable(
    store: SnapshotStore,
) -> None:
    store.propose(store.root / "promptrun.yaml", snapshot(), run="r", replaces=None)
    (pending,) = store.list_pending()
    assert "whose place is another" in str(pending.problem)


def test_a_pending_folder_that_leads_out_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside" / "pending").mkdir(parents=True)
    root = tmp_path / "project"
    root.mkdir()
    (root / ".promptrun").symlink_to(tmp_path / "outside")
    store = SnapshotStore(root)
    for act in (
        store.list_pending,
        lambda: store.propose(place(store, snapshot()), snapshot(), run="r", replaces=None),
        lambda: store.drop_pending(place(store, snapshot())),
    ):
        with pytest.raises(SnapshotError, match="leads out"):
            act()
    assert all_files(SnapshotStore(tmp_path)) == set()


@pytest.mark.parametrize(
    ("paths", "cases"),
    [
        (None, ["a", "b", "a", "local"]),
        ([], []),
        (["."], ["a", "b", "a", "local"]),
        (["specs"], ["a", "b", "a", "local"]),
        (["specs/one.yaml"], ["a", "b", "local"]),
        (["./specs/one.yaml"], ["a", "b", "local"]),
        (["specs/one.yaml::b"], ["b"]),
        (["specs/on"], []),
        (["snapshots/two/"], ["a"]),
        (["snapshots/one/a.yaml", "specs/two.yaml"], ["a", "a"]),
    ],
)
def test_pendings_are_selected_by_spec_folder_case_or_file(
    store: SnapshotStore, paths: list[str] | None, cases: list[str]
) -> None:
    propose(store, snapshot(spec="specs/two.yaml", case="a"))
    propose(store, snapshot(spec="specs/one.yaml", case="b"))
    propose(store, snapshot(spec="specs/one.yaml", case="a"))
    propose(store, snapshot(spec="specs/one.yaml", case="local"), provider="local")
    assert sorted(each.case for each in store.list_pending(paths)) == sorted(cases)


def test_a_user_s_own_gitignore_is_kept(store: SnapshotStore) -> None:
    ignore = store.root / ".promptrun" / ".gitignore"
    ignore.parent.mkdir()
    ignore.write_text("pending/\n")
    propose(store, snapshot())
    assert ignore.read_text() == "pending/\n"


def test_a_note_whose_snapshot_is_gone_is_deleted_when_what_waits_is_listed(
    store: SnapshotStore,
) -> None:
    gone, stays = propose(store, snapshot()), propose(store, snapshot(case="other"))
    gone.file.unlink()
    assert store.list_pending() == [stays]
    assert all_files(store) == {
        ".promptrun/.gitignore",
        ".promptrun/pending/snapshots/a/other.yaml",
        ".promptrun/pending/snapshots/a/other.yaml.json",
    }
    store.reject(stays)
    assert not (store.root / ".promptrun/pending/snapshots").exists()


def test_a_pending_whose_request_was_edited_cannot_be_accepted(store: SnapshotStore) -> None:
    pending = propose(store, snapshot())
    note = pending.file.with_name(f"{pending.file.name}.json")
    data = pending.file.read_bytes().replace("옛날".encode(), "먼".encode())
    pending.file.write_bytes(data)
    told = json.loads(note.read_text()) | {"text": digest_text(data)}
    note.write_text(json.dumps(told))
    (listed,) = store.list_pending()
    assert "its request was edited" in str(listed.problem)
    with pytest.raises(SnapshotError, match="its request was edited"):
        store.accept(listed, current=snapshot().digests)
