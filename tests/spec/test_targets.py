"""What the command line names becomes a list of specs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from promptrun.errors import UsageError
from promptrun.spec import Target, find_specs
from tests.snapshots.deep import nested_folders

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve()
    for name in (
        *(
            "promptrun.toml",
            "specs/b.yaml",
            "specs/a.yml",
            "specs/inner/c.yaml",
            "specs/_part.yaml",
        ),
        *("specs/.hidden.yaml", "specs/notes.md", "specs/snapshots/a/x.yaml", "specs/_old/d.yaml"),
        *("specs/.cache/e.yaml", "empty/readme.md"),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(root: Path, *targets: str) -> list[str]:
    specs = find_specs(targets, cwd=root)
    assert {target.root for target in specs} <= {root}
    return [
        target.path.relative_to(root).as_posix() + (f"::{target.case}" if target.case else "")
        for target in specs
    ]


def test_a_folder_is_scanned_in_order(root: Path) -> None:
    assert found(root, "specs") == ["specs/a.yml", "specs/b.yaml", "specs/inner/c.yaml"]


def test_a_file_is_taken_whatever_its_name_begins_with(root: Path) -> None:
    assert found(root, "specs/_part.yaml", "specs/.hidden.yaml", "specs/_old") == [
        "specs/_part.yaml",
        "specs/.hidden.yaml",
        "specs/_old/d.yaml",
    ]


def test_a_case_is_everything_behind_the_first_colons(root: Path) -> None:
    assert find_specs(["specs/b.yaml::a::b,x=1"], cwd=root) == [
        Target(root / "specs/b.yaml", root, "a::b,x=1")
    ]


def test_a_file_whose_own_name_holds_colons_is_found(root: Path) -> None:
    (root / "specs" / "x::y.yaml").touch()
    assert found(root, "specs/x::y.yaml") == ["specs/x::y.yaml"]


def test_a_case_of_a_file_whose_own_name_holds_colons_is_found(root: Path) -> None:
    (root / "specs" / "x::y.yaml").touch()
    assert found(root, "specs/x::y.yaml::a::b") == ["specs/x::y.yaml::a::b"]


def test_what_is_named_twice_counts_once(root: Path) -> None:
    assert found(root, "specs/b.yaml", "./specs/b.yaml", "specs/b.yaml::x") == ["specs/b.yaml"]
    assert found(root, "specs/b.yaml::x", "specs/b.yaml::y", "specs/b.yaml::x") == [
        "specs/b.yaml::x",
        "specs/b.yaml::y",
    ]
    assert found(root, "specs/inner/c.yaml", "specs")[0] == "specs/inner/c.yaml"
    assert len(found(root, "specs/inner/c.yaml", "specs")) == 3


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("specs/bb.yaml", "no file or folder `specs/bb.yaml`", "did you mean `specs/b.yaml`?"),
        ("spec", "no file or folder `spec`", "did you mean `specs`?"),
        ("specs/bb.yaml::x", "no file or folder `specs/bb.yaml`", "did you mean `specs/b.yaml`?"),
        ("nowhere/at/all", "no file or folder `nowhere/at/all`", None),
        ("", "no file or folder ``", None),
        ("a\0b", "no file or folder `a\0b`", None),
        ("x" * 5_000, f"no file or folder `{'x' * 5_000}`", None),
        ("specs/b.yaml::", "`specs/b.yaml::` names no case", "write `specs/b.yaml::NAME`"),
        ("specs::x", "`specs` is a folder: only a spec has cases", "name its file"),
        ("specs/notes.md", "`specs/notes.md` is no spec", "a spec's name ends with `.yaml`"),
    ],
)
def test_a_target_that_is_no_spec_is_told(
    root: Path, target: str, message: str, hint: str | None
) -> None:
    with pytest.raises(UsageError) as caught:
        find_specs([target], cwd=root)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_folder_without_a_spec_is_told(root: Path) -> None:
    with pytest.raises(UsageError, match="no spec in the folder `empty`"):
        find_specs(["empty"], cwd=root)


def test_a_loop_of_links_ends_and_no_link_leads_out(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.yaml").touch()
    (root / "specs" / "loop").symlink_to(root / "specs")
    (root / "specs" / "out").symlink_to(outside)
    (root / "specs" / "out.yaml").symlink_to(outside / "secret.yaml")
    (root / "specs" / "twice.yaml").symlink_to(root / "specs" / "b.yaml")
    (root / "specs" / "broken.yaml").symlink_to(root / "nothing.yaml")
    (root / "specs" / "itself.yaml").symlink_to("itself.yaml")
    assert found(root, "specs") == ["specs/a.yml", "specs/b.yaml", "specs/inner/c.yaml"]


@pytest.mark.parametrize("name", ["out.yaml", "env.yaml", "out.yaml::default"])
def test_a_spec_that_links_out_or_to_a_hidden_file_is_refused(
    root: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "promptrun.toml").touch()
    (outside / "secret.yaml").touch()
    (root / ".env").touch()
    (root / "specs" / "out.yaml").symlink_to(outside / "secret.yaml")
    (root / "specs" / "env.yaml").symlink_to("../.env")
    shown = f"`specs/{name.partition('::')[0]}`"
    message = f"{shown} is a link that leads out of the project or to a hidden file"
    with pytest.raises(UsageError) as caught:
        find_specs([f"specs/{name}"], cwd=root)
    assert caught.value.message == message
    assert "specs/env.yaml" not in found(root, "specs")


def test_a_project_is_reached_through_a_linked_folder(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "promptrun.toml").touch()
    (elsewhere / "project").symlink_to(root)
    (root / "specs" / "twice.yaml").symlink_to("b.yaml")
    wanted = [Target(root / "specs" / "b.yaml", root)]
    assert find_specs(["project/specs/b.yaml"], cwd=elsewhere) == wanted
    assert find_specs(["project/specs/twice.yaml"], cwd=elsewhere) == wanted
    assert find_specs(["specs/b.yaml"], cwd=elsewhere / "project") == wanted
    assert len(find_specs(["project/specs"], cwd=elsewhere)) == 3


@pytest.mark.parametrize("leads_to", ["nothing.yaml", "broken.yaml"], ids=["nothing", "itself"])
@pytest.mark.parametrize("case", ["", "::x"])
def test_a_link_to_nothing_is_told(root: Path, leads_to: str, case: str) -> None:
    (root / "specs" / "broken.yaml").symlink_to(leads_to)
    with pytest.raises(UsageError, match=r"^`specs/broken\.yaml` is a link to nothing \("):
        find_specs([f"specs/broken.yaml{case}"], cwd=root)


def test_each_spec_has_the_root_nearest_above_it(root: Path) -> None:
    inner = root / "specs" / "inner"
    (inner / "promptrun.toml").touch()
    roots = {target.path.name: target.root for target in find_specs(["specs"], cwd=root)}
    assert roots == {"a.yml": root, "b.yaml": root, "c.yaml": inner}


@pytest.mark.parametrize("depth", [1500, 2100], ids=["beyond recursion", "beyond a path's length"])
def test_folders_nested_beyond_any_recursion_are_scanned(root: Path, depth: int) -> None:
    with nested_folders(root / "specs", depth):
        assert found(root, "specs") == ["specs/a.yml", "specs/b.yaml", "specs/inner/c.yaml"]
