"""`promptrun prune`: what is left of specs and cases that are gone."""

from __future__ import annotations

import pytest

from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - {role: user, content: "{{ who }}님께 인사해 주세요."}
vars: {who: 존}
"""
CASES = f"{SPEC}cases: [{{name: 정중}}, {{name: 반말, vars: {{who: 지수}}}}]\n"
OTHER = f"{SPEC}cases: [{{name: 정중}}, {{name: 예사말, vars: {{who: 철수}}}}]\n"
"""With another case in the place of the second, which asks something else."""
RENAMED = CASES.replace("반말", "예사말")


@pytest.fixture
def project(asking: Cli) -> Cli:
    """Two specs whose replies are accepted; nothing is stale."""
    asking.write("specs/인사.yaml", CASES)
    asking.write("specs/b/작별.yaml", SPEC)
    asking("specs")
    assert len(asking.files("snapshots")) == 3
    return asking


def remove(project: Cli, name: str) -> None:
    (project.folder / name).unlink()


def test_a_project_without_stale_snapshots_is_told_so(project: Cli, server: OpenAIServer) -> None:
    server.requests.clear()

    assert project("prune", "--check") == (0, "", "no snapshot is stale\n")
    assert not server.requests


def test_a_case_that_is_gone_is_listed_and_nothing_is_deleted(project: Cli) -> None:
    project.write("specs/인사.yaml", OTHER)
    before = project.files()

    ran = project("prune")

    assert ran.code == 0
    assert ran.out == (
        "snapshots/인사/반말.yaml\tspecs/인사.yaml::반말\tthe spec has no such case\n"
    )
    assert "1 file is stale" in ran.err
    assert "`promptrun prune --yes` deletes what is listed" in ran.err
    assert project.files() == before


def test_a_check_ends_with_1_and_deletes_nothing(project: Cli) -> None:
    remove(project, "specs/b/작별.yaml")
    before = project.files()

    ran = project("prune", "--check")

    assert ran.code == 1
    assert "\tthe spec is gone\n" in ran.out
    assert ran.err.startswith("error: 1 file is stale")
    assert project.files() == before


def test_yes_deletes_what_is_stale_and_the_folders_left_empty(project: Cli) -> None:
    remove(project, "specs/b/작별.yaml")
    project.write("specs/인사.yaml", OTHER)

    ran = project("prune", "--yes")

    assert ran.code == 0
    assert "deleted  snapshots/b/작별/default.yaml  specs/b/작별.yaml::default" in ran.err
    assert "2 files deleted" in ran.err
    assert project.files("snapshots") == ["snapshots/인사/정중.yaml"]
    assert not (project.folder / "snapshots/b").exists()


def test_a_snapshots_folder_left_empty_is_removed_and_no_folder_above_it(asking: Cli) -> None:
    asking.write("prompts/하나.yaml", SPEC)
    asking("prompts")
    remove(asking, "prompts/하나.yaml")

    asking("prune", "--yes")

    assert (asking.folder / "prompts").is_dir()
    assert not (asking.folder / "prompts/snapshots").exists()


def test_every_provider_and_every_snapshots_folder_is_looked_at(asking: Cli) -> None:
    asking.write("prompts/하나.yaml", SPEC)
    asking.write("apps/둘/specs/a.yaml", SPEC)
    asking("prompts", "apps")
    for name in asking.files():
        if "/snapshots/" in name:
            # As a run with `--provider` would have kept it.
            copy = name.replace("/snapshots/", "/snapshots/@local/")
            asking.write(copy, asking.read(name))
    remove(asking, "prompts/하나.yaml")
    remove(asking, "apps/둘/specs/a.yaml")

    ran = asking("prune")

    assert sorted(line.partition("\t")[0] for line in ran.out.splitlines()) == [
        "apps/둘/snapshots/@local/a/default.yaml",
        "apps/둘/snapshots/a/default.yaml",
        "prompts/snapshots/@local/하나/default.yaml",
        "prompts/snapshots/하나/default.yaml",
    ]


def test_a_path_limits_it_to_what_lies_below(project: Cli) -> None:
    remove(project, "specs/b/작별.yaml")
    project.write("specs/인사.yaml", OTHER)

    assert "작별" not in project("prune", "specs/인사.yaml").out
    assert "1 file deleted" in project("prune", "specs/b", "--yes").err
    assert "snapshots/인사/반말.yaml" in project.files()


def test_the_command_that_deletes_names_the_same_paths(project: Cli) -> None:
    remove(project, "specs/b/작별.yaml")

    assert "`promptrun prune specs/b --yes`" in project("prune", "specs/b").err


def test_a_path_that_nothing_is_of_is_an_error(project: Cli) -> None:
    ran = project("prune", "specs/없음.yaml")

    assert ran.code == 2
    assert "no file `specs/없음.yaml`, and no snapshot is of it" in ran.err


def test_yes_and_check_together_are_an_error(project: Cli) -> None:
    assert project("prune", "--yes", "--check").code == 2


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        pytest.param(f"{SPEC}temprature: 1\n", "unknown key `temprature`", id="does not load"),
        pytest.param(f"{SPEC}cases: {{file: 없음.csv}}\n", "no file", id="has no data file"),
        pytest.param(f"{SPEC}cases: {{file: 줄.csv}}\n", "columns: 3 in the row", id="bad row"),
        pytest.param(f"{SPEC}cases: {{file: 빈.csv}}\n", "has no rows", id="no rows"),
    ],
)
def test_a_spec_whose_cases_cannot_be_told_keeps_all_its_snapshots(
    project: Cli, spec: str, why: str
) -> None:
    project.write("specs/줄.csv", "name,who\n하나,존\n둘,지수,더\n")
    project.write("specs/빈.csv", "name,who\n")
    project.write("specs/인사.yaml", spec)
    before = project.files()

    ran = project("prune", "--yes")

    assert ran.code == 0
    assert ran.err.startswith("kept  specs/인사.yaml: keeps its 2 files: ")
    assert why in ran.err
    assert project.files() == before


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("snapshots/인사/남.yaml", "{a: 1}\n", "this is no snapshot"),
        ("snapshots/인사/깨짐.yaml", "promptrun_snapshot: [\n", "cannot be read"),
        ("snapshots/인사/새.yaml", "promptrun_snapshot: 99\n", "snapshot format 99"),
    ],
)
def test_a_file_that_is_no_snapshot_is_told_and_stays(
    project: Cli, name: str, content: str, why: str
) -> None:
    project.write(name, content)
    remove(project, "specs/인사.yaml")

    ran = project("prune", "--yes")

    assert f"kept  {name}: " in ran.err
    assert why in ran.err
    assert project.files("snapshots/인사") == [name]


def test_a_snapshot_in_a_place_of_another_is_told_and_stays(project: Cli) -> None:
    moved = "snapshots/옮김/정중.yaml"
    project.write(moved, project.read("snapshots/인사/정중.yaml"))
    remove(project, "specs/인사.yaml")

    ran = project("prune", "--yes")

    assert f"kept  {moved}: its header names `specs/인사.yaml::정중`" in ran.err
    assert moved in project.files()


@pytest.mark.parametrize("break_it", ["conflict", "edited request", "cut short"])
def test_what_does_not_read_as_a_snapshot_to_its_end_stays(project: Cli, break_it: str) -> None:
    name = "snapshots/b/작별/default.yaml"
    whole = project.read(name)
    broken = {
        "conflict": f"{whole}<<<<<<< HEAD\n",
        "edited request": whole.replace("인사해", "절해", 1),
        "cut short": whole.partition("  choices:")[0],
    }
    project.write(name, broken[break_it])
    remove(project, "specs/b/작별.yaml")

    ran = project("prune", "--yes")

    assert f"kept  {name}: " in ran.err
    assert name in project.files()


def test_what_is_no_yaml_belongs_to_another_tool(project: Cli) -> None:
    for name in ("그림.png", "__snapshots__.py", "default.yml"):
        project.write(f"docs/snapshots/{name}", "")

    assert project("prune", "--yes").err == "no snapshot is stale\n"
    assert len(project.files("docs")) == 3


def test_a_folder_of_other_files_floods_no_screen(project: Cli) -> None:
    for number in range(50):
        project.write(f"docs/snapshots/{number}.yaml", "a: 1\n")

    ran = project("prune")

    assert ran.err.count("kept  docs/snapshots/") == 20
    assert "kept  30 more" in ran.err


def test_the_snapshots_of_a_project_in_the_project_are_its_own(project: Cli) -> None:
    project.write("inner/promptrun.toml", "")
    project.write("inner/specs/a.yaml", SPEC)
    project("inner/specs")
    assert "inner/snapshots/a/default.yaml" in project.files()

    assert project("prune", "--yes").err == "no snapshot is stale\n"
    assert "inner/snapshots/a/default.yaml" in project.files()


def test_links_are_neither_followed_nor_deleted(project: Cli) -> None:
    outside = project.folder.parent / "outside"
    outside.mkdir()
    kept = outside / "default.yaml"
    kept.write_text(project.read("snapshots/b/작별/default.yaml"), "utf-8")
    remove(project, "specs/b/작별.yaml")
    remove(project, "snapshots/b/작별/default.yaml")
    (project.folder / "snapshots/b/작별/default.yaml").symlink_to(kept)
    (project.folder / "snapshots/linked").symlink_to(outside)

    ran = project("prune", "--yes")

    assert "kept  snapshots/b/작별/default.yaml: it is a symbolic link" in ran.err
    assert kept.exists()
    assert (project.folder / "snapshots/b/작별/default.yaml").is_symlink()


def test_replies_that_wait_for_a_case_that_is_gone_are_stale_too(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = text("다른 답")
    project("specs/b")
    remove(project, "specs/b/작별.yaml")

    assert ".promptrun/pending/snapshots/b/작별/default.yaml\tspecs/b/작별.yaml" in (
        project("prune").out
    )
    project("prune", "--yes")
    assert project.files(".promptrun/pending") == []
    assert project("prune", "--check").code == 0


def test_a_run_of_a_part_deletes_nothing(project: Cli) -> None:
    project.write("specs/인사.yaml", OTHER)
    before = set(project.files("snapshots"))

    project("specs/인사.yaml", "--update", "all")

    assert before <= set(project.files("snapshots"))


@pytest.mark.parametrize("command", ["--yes", "--check"])
def test_a_snapshot_by_which_a_renamed_case_is_judged_is_spared(
    project: Cli, server: OpenAIServer, command: str
) -> None:
    project.write("specs/인사.yaml", RENAMED)
    server.requests.clear()

    ran = project("prune", command)

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "kept  snapshots/인사/반말.yaml: `specs/인사.yaml::예사말` would take it over: "
        "run it and accept\nno snapshot is stale\n"
    )
    assert "snapshots/인사/반말.yaml" in project.files()
    assert not server.requests


def test_a_rename_that_was_accepted_leaves_nothing_stale(project: Cli) -> None:
    (project.folder / "specs/인사.yaml").rename(project.folder / "specs/새.yaml")
    project.write("specs/깨짐.yaml", f"{CASES}temprature: 1\n")

    assert project("prune").err.count("would take it over") == 2
    project("specs/새.yaml")
    project("accept")

    assert project("prune").err == "no snapshot is stale\n"
    assert len(project.files("snapshots")) == 3


def test_the_snapshot_of_another_provider_is_spared_for_it(project: Cli) -> None:
    name = "snapshots/@local/인사/반말.yaml"
    project.write(name, project.read("snapshots/인사/반말.yaml"))
    project.write("specs/인사.yaml", RENAMED)
    project("specs/인사.yaml")
    project("accept")

    ran = project("prune", "--yes")

    assert ran.err.startswith(f"kept  {name}: `specs/인사.yaml::예사말` would take it over")
    assert name in project.files()


def test_what_a_case_with_a_snapshot_of_its_own_once_had_is_stale(project: Cli) -> None:
    old = project.read("snapshots/인사/반말.yaml")
    project.write("snapshots/인사/예사말.yaml", old.replace("case: 반말", "case: 예사말"))
    project.write("specs/인사.yaml", RENAMED)

    assert project("prune").out.startswith("snapshots/인사/반말.yaml\t")
