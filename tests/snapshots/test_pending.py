"""Replies that wait to be accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from promptrun.errors import SnapshotError
from promptrun.snapshots import SnapshotStore, snapshot_path
from promptrun.snapshots.disk import digest_text
from promptrun.snapshots.dump import dump_snapshot
from promptrun.snapshots.note import MAX_NOTE_BYTES
from promptrun.snapshots.values import Orphan, Pending
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


def rewrite(pending: Pending, data: bytes) -> None:
    """Put another text there, as a forger does who knows of the note."""
    pending.file.write_bytes(data)
    note = Path(f"{pending.file}.json")
    told = json.loads(note.read_text("utf-8")) | {"text": digest_text(data)}
    note.write_text(json.dumps(told), "utf-8")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("reply:\n", "reply:  # 몰래\n", id="a comment"),
        pytest.param("reply:\n", "\nreply:\n", id="an empty line"),
        pytest.param("case: default", 'case: "default"', id="another style"),
        pytest.param("reply:\n", "request:\nreply:\n", id="a key of nothing"),
        pytest.param("finish_reason: stop", "finish_reason: &a stop", id="an anchor"),
    ],
)
def test_a_pending_that_says_more_than_its_values_is_unusable(
    store: SnapshotStore, old: str, new: str
) -> None:
    kept = snapshot("새 답")
    pending = propose(store, structs.replace(kept, request=None))
    text = pending.file.read_text("utf-8")
    assert old in text
    rewrite(pending, text.replace(old, new).encode())

    (listed,) = store.list_pending()

    assert "it was edited" in str(listed.problem)
    assert listed.problem is not None
    assert listed.problem.hint == "run the case again, or remove it: promptrun reject"
    with pytest.raises(SnapshotError, match="it was edited"):
        store.accept(listed, current=kept.digests)
    assert not pending.path.exists()


def test_a_pending_with_the_line_ends_of_windows_is_the_same(store: SnapshotStore) -> None:
    pending = propose(store, snapshot("새 답"))
    rewrite(pending, pending.file.read_bytes().replace(b"\n", b"\r\n"))

    assert [one.problem for one in store.list_pending()] == [None]


def gone(_spec: str, _case: str) -> bool:
    return True


def stays(_spec: str, _case: str) -> bool:
    return False


@pytest.fixture
def moving(store: SnapshotStore) -> Pending:
    """A reply that takes over the snapshot of a case that is gone."""
    old = snapshot("옛 답", spec="specs/옛.yaml")
    path = place(store, old)
    store.write(path, old)
    orphan = Orphan(
        path=path, id="specs/옛.yaml::default", accepted=store.read(path, old.spec, old.case)
    )
    new = snapshot("새 답")
    store.propose(place(store, new), new, run="run-1", replaces=None, moves=orphan)
    (pending,) = store.list_pending()
    return pending


def test_a_note_says_which_snapshot_is_taken_over(store: SnapshotStore, moving: Pending) -> None:
    note = json.loads(Path(f"{moving.file}.json").read_text("utf-8"))

    assert note["moves"] == "snapshots/옛/default.yaml"
    assert note["replaces"] is None
    assert moving.moves == store.root / "snapshots/옛/default.yaml"


def test_a_note_that_takes_over_nothing_does_not_speak_of_it(store: SnapshotStore) -> None:
    pending = propose(store, snapshot())

    assert json.loads(Path(f"{pending.file}.json").read_text()).keys() == {
        "promptrun_pending",
        "run",
        "digests",
        "replaces",
        "text",
    }
    assert (pending.moves, pending.moves_text) == (None, None)


def test_accepting_deletes_the_snapshot_that_is_taken_over(
    store: SnapshotStore, moving: Pending
) -> None:
    store.accept(moving, current=snapshot().digests, is_gone=gone)

    assert all_files(store) == {"snapshots/a/default.yaml", ".promptrun/.gitignore"}


def test_rejecting_leaves_the_snapshot_that_would_be_taken_over(
    store: SnapshotStore, moving: Pending
) -> None:
    store.reject(moving)

    assert all_files(store) == {"snapshots/옛/default.yaml", ".promptrun/.gitignore"}


def test_accepting_refuses_where_the_case_that_is_taken_over_exists(
    store: SnapshotStore, moving: Pending
) -> None:
    for is_gone in (stays, None):
        with pytest.raises(SnapshotError, match=r"specs/옛\.yaml::default` exists"):
            store.accept(moving, current=snapshot().digests, is_gone=is_gone)
    assert not moving.path.exists()


@pytest.mark.parametrize(
    "become",
    [
        pytest.param(snapshot("딴 답", spec="specs/옛.yaml"), id="another reply"),
        pytest.param(snapshot("옛 답", spec="specs/옛.yaml", seed=1), id="another request"),
        pytest.param(snapshot("옛 답", spec="specs/남.yaml"), id="another spec"),
        pytest.param(None, id="no snapshot"),
    ],
)
def test_accepting_refuses_where_the_snapshot_that_is_taken_over_changed(
    store: SnapshotStore, moving: Pending, become: Snapshot | None
) -> None:
    assert moving.moves is not None
    data = dump_snapshot(become).encode() if become else b"x"
    moving.moves.write_bytes(data)

    with pytest.raises(SnapshotError, match="changed after this reply was received"):
        store.accept(moving, current=snapshot().digests, is_gone=gone)
    assert moving.moves.read_bytes() == data
    assert not moving.path.exists()


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(snapshot("옛 답", spec="specs/옛.yaml", seed=1), id="another request"),
        pytest.param(snapshot("옛 답", spec="specs/남.yaml"), id="a place of another case"),
    ],
)
def test_a_forged_note_takes_over_nothing_but_a_snapshot_of_the_same_request(
    store: SnapshotStore, moving: Pending, forged: Snapshot
) -> None:
    assert moving.moves is not None
    data = dump_snapshot(forged).encode()
    moving.moves.write_bytes(data)
    note = Path(f"{moving.file}.json")
    told = json.loads(note.read_text("utf-8")) | {"moves_text": digest_text(data)}
    note.write_text(json.dumps(told), "utf-8")
    (pending,) = store.list_pending()

    with pytest.raises(SnapshotError, match="changed after"):
        store.accept(pending, current=snapshot().digests, is_gone=gone)
    assert moving.moves.exists()


def test_accepting_goes_on_where_the_snapshot_that_is_taken_over_is_gone_already(
    store: SnapshotStore, moving: Pending
) -> None:
    assert moving.moves is not None
    moving.moves.unlink()

    store.accept(moving, current=snapshot().digests, is_gone=stays)

    assert moving.path.exists()


@pytest.mark.parametrize(
    "moves",
    ["../outside/snapshots/x.yaml", "/etc/snapshots/passwd", "promptrun.toml", "snapshots/../x"],
)
def test_a_note_that_takes_over_what_is_no_snapshot_is_unusable(
    store: SnapshotStore, moving: Pending, moves: str
) -> None:
    note = Path(f"{moving.file}.json")
    note.write_text(json.dumps(json.loads(note.read_text("utf-8")) | {"moves": moves}), "utf-8")

    (pending,) = store.list_pending()

    assert pending.problem is not None
    with pytest.raises(SnapshotError):
        store.accept(pending, current=snapshot().digests, is_gone=gone)


@pytest.mark.parametrize(
    "moves",
    [
        pytest.param("snapshots/a\0b.yaml", id="a NUL"),
        pytest.param("snapshots/a\nb.yaml", id="a line break"),
        pytest.param("snapshots/a\x9bb.yaml", id="the beginning of an escape sequence"),
        pytest.param(f"snapshots/{'가' * 1_000}.yaml", id="a path without end"),
    ],
)
def test_a_note_that_names_no_path_is_unusable_and_the_others_are_listed(
    store: SnapshotStore, moving: Pending, moves: str
) -> None:
    note = Path(f"{moving.file}.json")
    note.write_text(json.dumps(json.loads(note.read_text("utf-8")) | {"moves": moves}), "utf-8")
    propose(store, snapshot("새 답", spec="specs/b.yaml"))

    bad, good = store.list_pending()

    assert "names no path that it could move" in str(bad.problem)
    assert good.problem is None


def test_an_artifact_is_read_and_never_changed(store: SnapshotStore, tmp_path: Path) -> None:
    propose(store, snapshot("새 답"))
    artifact = tmp_path / "artifact"
    (store.root / ".promptrun/pending").rename(artifact)
    orphan = artifact / "snapshots/a/gone.yaml.json"
    orphan.write_text("{}")
    before = {path: path.read_bytes() for path in artifact.rglob("*") if path.is_file()}
    foreign = SnapshotStore(store.root, artifact=artifact)

    (pending,) = foreign.list_pending()
    foreign.accept(pending, current=snapshot().digests)

    assert store.read(pending.path, "specs/a.yaml", "default").snapshot == snapshot("새 답")
    assert {path: path.read_bytes() for path in artifact.rglob("*") if path.is_file()} == before
    assert store.list_pending() == []


def test_a_note_that_is_too_large_is_not_read(store: SnapshotStore) -> None:
    pending = propose(store, snapshot())
    Path(f"{pending.file}.json").write_bytes(b" " * (MAX_NOTE_BYTES + 1))

    (listed,) = store.list_pending()

    assert "it is larger than 64 KiB" in str(listed.problem)
