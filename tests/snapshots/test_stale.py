"""The snapshots on the disk by their headers, and those of cases that have a new name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from promptrun.models import Case
from promptrun.pipeline.options import Options
from promptrun.pipeline.projects import Project, load_one, load_project
from promptrun.pipeline.prune import Orphans
from promptrun.render import render_request
from promptrun.snapshots import SnapshotStore, digest_request, snapshot_path, stale
from promptrun.snapshots.dump import dump_snapshot
from promptrun.snapshots.stale import Kept, Stray, find_kept, index_kept
from promptrun.spec import expand
from tests.snapshots.deep import nested_folders
from tests.snapshots.examples import STORY, snapshot

if TYPE_CHECKING:
    from promptrun.models import Snapshot
    from promptrun.snapshots.values import Orphan

SPEC = f"""\
model: gpt-4o-mini
messages:
  - {{role: user, content: {STORY}}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "promptrun.toml").touch()
    return tmp_path


def keep(root: Path, new: Snapshot, provider: str = "openai") -> Path:
    path = snapshot_path(root, root / new.spec, new.case, provider)
    SnapshotStore(root).write(path, new)
    return path


def found(root: Path) -> list[Kept | Stray]:
    return list(find_kept(root))


def test_a_snapshot_is_found_by_its_header(root: Path) -> None:
    one = snapshot(spec="specs/인사.yaml", case="정중")
    path = keep(root, one)

    assert found(root) == [
        Kept(path=path, spec="specs/인사.yaml", case="정중", digests=one.digests)
    ]


def reordered(text: str) -> str:
    head, _, reply = text.partition("reply:")
    return f"reply:{reply}{head}"


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="with CRLF"),
        pytest.param(reordered, id="with its keys in another order"),
        pytest.param(lambda text: f"\ufeff{text}", id="with a byte order mark"),
        pytest.param(lambda text: f"#{'가' * stale.HEAD}\n{text}", id="behind a long comment"),
    ],
)
def test_a_header_is_read_however_it_is_written(root: Path, written: object) -> None:
    one = snapshot()
    path = keep(root, one)
    assert callable(written)
    path.write_bytes(written(dump_snapshot(one)).encode())

    assert found(root) == [
        Kept(path=path, spec="specs/a.yaml", case="default", digests=one.digests)
    ]


def test_no_more_than_the_header_of_a_large_snapshot_is_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = snapshot("가" * 1_000_000)
    keep(root, one)
    monkeypatch.setattr(stale, "read_regular", lambda path: pytest.fail(f"read {path}"))

    assert [type(each) for each in found(root)] == [Kept]


def test_hidden_files_other_projects_and_packages_are_left_out(root: Path) -> None:
    text = dump_snapshot(snapshot())
    for name in (
        ".promptrun/pending/snapshots/a/default.yaml",
        ".git/snapshots/a/default.yaml",
        "snapshots/a/.default.yaml",
        "web/node_modules/x/snapshots/a/default.yaml",
        "inner/snapshots/a/default.yaml",
        "other/snapshots/a/default.yaml",
        "notes/a/default.yaml",
    ):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text, "utf-8")
    (root / "inner/promptrun.toml").touch()
    (root / "other/pyproject.toml").write_text("[tool.promptrun]\n")

    assert found(root) == []


def test_folders_nested_beyond_any_recursion_are_walked(root: Path) -> None:
    keep(root, snapshot())
    with nested_folders(root, 1500):
        assert [type(each) for each in found(root)] == [Kept]


def test_a_pipe_among_the_snapshots_is_never_opened(root: Path) -> None:
    (root / "snapshots").mkdir()
    os.mkfifo(root / "snapshots/a.yaml")

    (stray,) = found(root)

    assert isinstance(stray, Stray)
    assert stray.reason == "it is no regular file"


def test_snapshots_are_indexed_by_the_request_that_they_answer(root: Path) -> None:
    one, same, other = snapshot(), snapshot(case="같은"), snapshot(case="다른", temperature=1)
    for each in (one, same, other):
        keep(root, each)

    index = index_kept(root, root)

    assert {kept.case for kept in index[one.digests]} == {"default", "같은"}
    assert [kept.case for kept in index[other.digests]] == ["다른"]


class Renamed:
    """A project in which cases have no snapshot yet."""

    def __init__(self, root: Path) -> None:
        self.root = root
        options = Options(targets=(), cwd=root, environ={})
        self.project: Project = load_project(root, options)
        self.orphans = Orphans()

    def find(self, spec: str, case: str = "default", provider: str = "openai") -> Orphan | None:
        """The orphan that a case of a spec is given."""
        planned = load_one(self.root / spec, self.project)
        cases = {one.name: one for one in expand(planned.spec, None)}
        wanted = cases[case]
        assert isinstance(wanted, Case)
        digests = digest_request(render_request(wanted).body)
        return self.orphans.orphan_for(self.project, wanted, provider, digests)


@pytest.fixture
def renamed(root: Path) -> Renamed:
    (root / "specs").mkdir()
    return Renamed(root)


def write_spec(renamed: Renamed, name: str, *cases: str, more: str = "") -> None:
    entries = f"cases: [{', '.join(f'{{name: {case}}}' for case in cases)}]\n" if cases else ""
    (renamed.root / name).write_text(f"{SPEC}{entries}{more}", "utf-8")


def test_a_renamed_spec_finds_the_snapshot_that_it_had(renamed: Renamed) -> None:
    path = keep(renamed.root, snapshot("옛 답", spec="specs/옛.yaml"))
    write_spec(renamed, "specs/새.yaml")

    orphan = renamed.find("specs/새.yaml")

    assert orphan is not None
    assert (orphan.path, orphan.id) == (path, "specs/옛.yaml::default")
    assert orphan.accepted.snapshot == snapshot("옛 답", spec="specs/옛.yaml")


def test_a_renamed_case_finds_the_snapshot_that_it_had(renamed: Renamed) -> None:
    keep(renamed.root, snapshot(case="옛", spec="specs/a.yaml"))
    write_spec(renamed, "specs/a.yaml", "새")

    orphan = renamed.find("specs/a.yaml", "새")

    assert orphan is not None
    assert orphan.id == "specs/a.yaml::옛"


@pytest.mark.parametrize(
    "why",
    [
        "the old case exists",
        "the old spec does not load",
        "another request",
        "another provider",
        "its body is broken",
    ],
)
def test_a_snapshot_is_no_orphan_where(renamed: Renamed, why: str) -> None:
    old = snapshot(spec="specs/옛.yaml")
    if why == "another request":
        old = snapshot(spec="specs/옛.yaml", temperature=1)
    path = keep(renamed.root, old, "local" if why == "another provider" else "openai")
    write_spec(renamed, "specs/새.yaml")
    if why == "the old case exists":
        write_spec(renamed, "specs/옛.yaml")
    if why == "the old spec does not load":
        write_spec(renamed, "specs/옛.yaml", more="temprature: 1\n")
    if why == "its body is broken":
        path.write_text(f"{path.read_text('utf-8')}<<<<<<< HEAD\n", "utf-8")

    assert renamed.find("specs/새.yaml") is None


def test_each_provider_has_orphans_of_its_own(renamed: Renamed) -> None:
    keep(renamed.root, snapshot("나", spec="specs/옛.yaml"))
    path = keep(renamed.root, snapshot("가", spec="specs/옛.yaml"), "local")
    write_spec(renamed, "specs/새.yaml")

    orphan = renamed.find("specs/새.yaml", provider="local")

    assert orphan is not None
    assert orphan.path == path


def test_of_several_orphans_the_one_of_the_same_case_name_is_meant(renamed: Renamed) -> None:
    for case in ("정중", "반말"):
        keep(renamed.root, snapshot(case=case, spec="specs/옛.yaml"))
    write_spec(renamed, "specs/새.yaml", "반말", "정중")

    given = [renamed.find("specs/새.yaml", case) for case in ("반말", "정중")]

    assert [orphan.id if orphan else None for orphan in given] == [
        "specs/옛.yaml::반말",
        "specs/옛.yaml::정중",
    ]


def test_where_several_orphans_may_be_meant_none_is(renamed: Renamed) -> None:
    for case in ("하나", "둘"):
        keep(renamed.root, snapshot(case=case, spec="specs/옛.yaml"))
    write_spec(renamed, "specs/새.yaml")

    assert renamed.find("specs/새.yaml") is None


def test_an_orphan_is_given_to_the_first_case_that_asks_and_to_no_other(
    renamed: Renamed,
) -> None:
    keep(renamed.root, snapshot(spec="specs/옛.yaml"))
    write_spec(renamed, "specs/하나.yaml")
    write_spec(renamed, "specs/둘.yaml")

    first = renamed.find("specs/하나.yaml")

    assert first is not None
    assert renamed.find("specs/둘.yaml") is None
    assert renamed.find("specs/하나.yaml") == first


def test_the_snapshots_are_read_once_however_many_cases_ask(
    renamed: Renamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_spec(renamed, "specs/새.yaml", "하나", "둘", "셋")
    keep(renamed.root, snapshot(spec="specs/옛.yaml", temperature=1))
    assert renamed.find("specs/새.yaml", "하나") is None

    monkeypatch.setattr(stale, "read_head", lambda *told: pytest.fail(f"read again: {told}"))
    for case in ("둘", "셋"):
        assert renamed.find("specs/새.yaml", case) is None


def test_accepting_what_takes_over_an_orphan_moves_the_snapshot(renamed: Renamed) -> None:
    old = keep(renamed.root, snapshot("옛 답", spec="specs/b/옛.yaml"))
    write_spec(renamed, "specs/새.yaml")
    orphan = renamed.find("specs/새.yaml")
    store = renamed.project.store
    new = structs.replace(snapshot("새 답"), spec="specs/새.yaml")
    path = snapshot_path(renamed.root, renamed.root / new.spec, new.case, "openai")
    store.propose(path, new, run="r", replaces=None, moves=orphan)
    (pending,) = store.list_pending()

    assert store.replaced(pending).snapshot == snapshot("옛 답", spec="specs/b/옛.yaml")
    store.accept(pending, current=new.digests, is_gone=lambda *_: True)

    assert path.read_text("utf-8") == dump_snapshot(new)
    assert not old.exists()
    assert not old.parents[1].exists()
    assert store.list_pending() == []
