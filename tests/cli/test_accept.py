"""`promptrun accept` and `reject`: by cause, and from the artifact of a CI job."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from promptrun.snapshots import pending
from promptrun.snapshots.disk import digest_text
from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import Cli
from tests.snapshots.deep import nested_folders

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = """\
model: {model}
messages:
  - {{role: user, content: "{say}"}}
temperature: {temperature}
"""
WAITING = ".promptrun/pending/snapshots"


def write_spec(
    project: Cli, name: str, say: str = "안녕", model: str = "gpt-4o-mini", temperature: int = 0
) -> None:
    project.write(f"specs/{name}.yaml", SPEC.format(model=model, say=say, temperature=temperature))


def accepted(project: Cli, name: str) -> str:
    """What the snapshot of a spec says."""
    found = re.search(
        r"\nreply:[^\0]*?content: (.*)", project.read(f"snapshots/{name}/default.yaml")
    )
    return found.group(1) if found else ""


@pytest.fixture
def project(asking: Cli, server: OpenAIServer) -> Cli:
    """Four replies that wait, each led by another cause, and one that is the first of its case."""
    server.reply = text("옛 답")
    for name in ("글", "값", "모델", "답"):
        write_spec(asking, name)
    asking("specs")
    write_spec(asking, "글", say="반가워", model="gpt-4o")
    write_spec(asking, "값", temperature=1)
    write_spec(asking, "모델", model="gpt-4o")
    write_spec(asking, "첫", say="첫 인사")
    server.reply = text("새 답")
    asking("specs", "--update", "none")
    server.requests.clear()
    return asking


def in_order(word: str, name: str) -> list[str]:
    """What is told of the five, of which `name` is settled."""
    return [
        f"{word if each == name else 'waits'}  specs/{each}.yaml::default  "
        f"snapshots/{each}/default.yaml"
        for each in ("값", "글", "답", "모델", "첫")
    ]


@pytest.mark.parametrize(
    ("cause", "name"), [("prompt", "글"), ("settings", "값"), ("model", "모델"), ("reply", "답")]
)
def test_only_changes_that_the_cause_leads_are_accepted(
    project: Cli, cause: str, name: str
) -> None:
    ran = project("accept", "--cause", cause)

    assert ran.code == 0
    assert ran.err.splitlines() == [
        *in_order("accepted", name),
        "4 wait still: the cause is another",
    ]
    assert accepted(project, name) == "새 답"
    assert len(project.files(".promptrun/pending")) == 8


def test_only_changes_that_the_cause_leads_are_rejected(project: Cli) -> None:
    ran = project("reject", "specs", "--cause", "model")

    assert ran.err.splitlines() == [
        *in_order("rejected", "모델"),
        "4 wait still: the cause is another",
    ]
    assert accepted(project, "모델") == "옛 답"


def test_a_cause_that_leads_no_change_accepts_nothing(project: Cli) -> None:
    ran = project("accept", "specs/첫.yaml", "--cause", "reply")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "waits  specs/첫.yaml::default  snapshots/첫/default.yaml\n"
        "1 waits still: the cause is another\n"
    )
    assert "snapshots/첫/default.yaml" not in project.files()


def test_what_waits_still_is_named_up_to_20(project: Cli, server: OpenAIServer) -> None:
    names = ", ".join(f"{{name: 사례{number}}}" for number in range(30))
    project.write(
        "specs/많.yaml", f"{SPEC.format(model='m', say='x', temperature=0)}cases: [{names}]"
    )
    project("specs/많.yaml", "--update", "none")

    ran = project("accept", "specs/많.yaml", "--cause", "reply")

    assert ran.err.count("waits  specs/많.yaml::") == 20
    assert ran.err.endswith("30 wait still: the cause is another\n")


def test_a_cause_that_there_is_not_is_an_error(project: Cli) -> None:
    assert project("accept", "--cause", "weather").code == 2


@pytest.fixture
def artifact(project: Cli) -> Path:
    """`.promptrun` as a CI job uploaded it; in the checkout nothing waits."""
    folder = project.folder.parent / "내려받음"
    folder.mkdir()
    (project.folder / ".promptrun").rename(folder / ".promptrun")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "below",
    [
        pytest.param("", id="the folder that holds it"),
        pytest.param(".promptrun", id="the hidden folder"),
        pytest.param(".promptrun/pending", id="the pending folder"),
    ],
)
def test_an_artifact_is_accepted_and_left_as_it_is(
    project: Cli, artifact: Path, server: OpenAIServer, below: str
) -> None:
    before = contents(artifact)

    ran = project("accept", "--from", str(artifact / below))

    assert ran.code == 0
    assert ran.err.count("accepted  ") == 5
    assert {accepted(project, name) for name in ("글", "값", "모델", "답", "첫")} == {"새 답"}
    assert contents(artifact) == before
    assert project.files(".promptrun") == []
    assert not server.requests


def test_an_artifact_of_the_hidden_folder_s_contents_is_found(project: Cli, artifact: Path) -> None:
    (artifact / ".promptrun").rename(artifact / "promptrun-artifact")

    assert project("accept", "--from", str(artifact / "promptrun-artifact")).code == 0
    assert accepted(project, "답") == "새 답"


def test_targets_and_causes_select_from_an_artifact(project: Cli, artifact: Path) -> None:
    ran = project("accept", "specs/답.yaml", "--from", str(artifact))
    assert ran.err.splitlines() == [
        "accepted  specs/답.yaml::default  snapshots/답/default.yaml",
    ]

    ran = project("accept", "--cause", "settings", "--from", str(artifact))
    assert "accepted  specs/값.yaml::default" in ran.err
    assert ran.err.count("accepted") == 1
    assert "left  specs/글.yaml::default  snapshots/글/default.yaml\n" in ran.err
    assert ran.err.endswith("4 were left there: the cause is another\n")
    assert "wait" not in ran.err


def test_a_folder_is_named_from_where_the_command_is_typed(project: Cli, artifact: Path) -> None:
    ran = project(
        "accept", "--from", "../내려받음", "../specs/답.yaml", cwd=project.folder / "specs"
    )
    assert ran.code == 2

    ran = project("accept", "--from", "../../내려받음", "답.yaml", cwd=project.folder / "specs")
    assert ran.code == 0


def test_what_waits_here_for_the_same_case_is_settled_too(project: Cli) -> None:
    shutil.copytree(project.folder / ".promptrun", project.folder.parent / "copy/.promptrun")

    project("accept", "specs/답.yaml", "--from", "../copy")

    assert not [name for name in project.files(".promptrun/pending") if "/답/" in name]
    assert len(project.files(".promptrun/pending")) == 8


def test_a_folder_in_which_nothing_waits_is_no_error(project: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty/.promptrun").mkdir(parents=True)
    # Else its own snapshots would be taken for replies that wait.
    (tmp_path / "empty/snapshots").mkdir()
    shutil.copytree(project.folder / "snapshots", tmp_path / "empty/snapshots/x")

    assert project("accept", "--from", str(tmp_path / "empty")) == (0, "", "nothing is pending\n")


def test_what_an_artifact_said_before_is_accepted_already(project: Cli, artifact: Path) -> None:
    project("accept", "--from", str(artifact), "specs/답.yaml")

    ran = project("accept", "--from", str(artifact))

    assert ran.code == 0
    assert "accepted already  specs/답.yaml::default  snapshots/답/default.yaml\n" in ran.err
    assert ran.err.count("accepted  ") == 4


def test_a_folder_of_other_files_is_one_error(project: Cli) -> None:
    ran = project("accept", "--from", "snapshots")

    assert ran.code == 2
    assert ran.err.count("error: ") == 1
    assert "snapshots` holds no replies that wait: none of its files has a note" in ran.err


def test_a_folder_that_is_not_there_is_an_error(project: Cli) -> None:
    ran = project("accept", "--from", "없음")

    assert ran.code == 2
    assert "no folder `" in ran.err


def test_a_request_that_moved_since_the_job_is_refused(project: Cli, artifact: Path) -> None:
    write_spec(project, "답", say="다른 말")

    ran = project("accept", "specs/답.yaml", "--from", str(artifact))

    assert ran.code == 1
    assert "the request of `specs/답.yaml::default` changed" in ran.err
    assert accepted(project, "답") == "옛 답"


def test_a_snapshot_that_moved_since_the_job_is_refused(
    project: Cli, artifact: Path, server: OpenAIServer
) -> None:
    server.reply = text("inzwischen")
    project("specs/답.yaml", "--update", "all")

    ran = project("accept", "specs/답.yaml", "--from", str(artifact))

    assert ran.code == 1
    assert "the snapshot of `specs/답.yaml::default` changed" in ran.err
    assert accepted(project, "답") == "inzwischen"


def edit_note(file: Path, **changes: Any) -> None:
    note = Path(f"{file}.json")
    note.write_text(json.dumps(json.loads(note.read_text("utf-8")) | changes), "utf-8")


def rewrite(file: Path, old: str, new: str) -> None:
    """Change a reply that waits, and its note with it."""
    data = file.read_text("utf-8").replace(old, new).encode()
    file.write_bytes(data)
    edit_note(file, text=digest_text(data))


def name_another_spec(file: Path) -> None:
    rewrite(file, "spec: specs/답.yaml", "spec: specs/글.yaml")


def name_a_spec_outside(file: Path) -> None:
    rewrite(file, "spec: specs/답.yaml", "spec: ../답.yaml")


def name_an_absolute_spec(file: Path) -> None:
    rewrite(file, "spec: specs/답.yaml", "spec: /etc/passwd")


def edit_the_request(file: Path) -> None:
    rewrite(file, "content: 안녕", "content: 위조")


def be_a_link(file: Path) -> None:
    target = file.with_name("target")
    file.rename(target)
    file.symlink_to(target)


def have_a_linked_note(file: Path) -> None:
    note = Path(f"{file}.json")
    target = note.with_name("target")
    note.rename(target)
    note.symlink_to(target)


def be_a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def have_a_huge_note(file: Path) -> None:
    edit_note(file, run="x" * 100_000)


def be_huge(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(51 * 2**20)


def lie_elsewhere(file: Path) -> None:
    elsewhere = file.parents[2] / "promptrun.yaml"
    Path(f"{file}.json").rename(f"{elsewhere}.json")
    file.rename(elsewhere)


def take_over_the_settings(file: Path) -> None:
    edit_note(file, moves="promptrun.toml", moves_text="0" * 64)


def take_over_a_file_outside(file: Path) -> None:
    edit_note(file, moves="../outside/snapshots/x.yaml", moves_text="0" * 64)


def take_over_a_living_case(file: Path) -> None:
    root = file.parents[5] / "project"
    other = root / "snapshots/값/default.yaml"
    edit_note(file, moves="snapshots/값/default.yaml", moves_text=digest_text(other.read_bytes()))


@pytest.mark.parametrize(
    "attack",
    [
        name_another_spec,
        name_a_spec_outside,
        name_an_absolute_spec,
        edit_the_request,
        be_a_link,
        have_a_linked_note,
        be_a_pipe,
        have_a_huge_note,
        be_huge,
        lie_elsewhere,
        take_over_the_settings,
        take_over_a_file_outside,
        take_over_a_living_case,
    ],
)
def test_nothing_in_an_artifact_is_believed_unchecked(
    project: Cli, artifact: Path, attack: Callable[[Path], None]
) -> None:
    attack(artifact / WAITING / "답/default.yaml")
    before = {name: project.read(name) for name in project.files()}

    ran = project("accept", "--from", str(artifact))

    assert ran.code == 1
    assert ran.err.count("error: ") == 1
    assert ran.err.count("accepted  ") == 4
    assert accepted(project, "답") == "옛 답"
    others = {name: was for name, was in before.items() if not name.startswith("snapshots/")}
    assert {name: project.read(name) for name in others} == others
    assert set(project.files()) == {*before, "snapshots/첫/default.yaml"}


@pytest.mark.parametrize("name", [".promptrun", ".promptrun/pending"])
def test_a_linked_folder_of_an_artifact_is_not_followed(
    project: Cli, artifact: Path, name: str
) -> None:
    target = artifact.parent / "elsewhere"
    (artifact / name).rename(target)
    (artifact / name).symlink_to(target)

    ran = project("accept", "--from", str(artifact))

    assert ran.code == 2
    assert "is a link, and is not followed" in ran.err


def test_a_folder_linked_inside_an_artifact_is_not_followed(project: Cli, artifact: Path) -> None:
    target = artifact.parent / "elsewhere"
    (artifact / WAITING / "답").rename(target)
    (artifact / WAITING / "답").symlink_to(target)

    ran = project("accept", "specs/답.yaml", "--from", str(artifact))

    assert accepted(project, "답") == "옛 답"
    assert "nothing is pending" in ran.err


@pytest.mark.parametrize(
    ("bound", "limit"), [("MAX_ARTIFACT_FILES", 4), ("MAX_ARTIFACT_BYTES", 99)]
)
def test_a_folder_that_is_too_large_is_refused_as_a_whole(
    project: Cli, artifact: Path, monkeypatch: pytest.MonkeyPatch, bound: str, limit: int
) -> None:
    monkeypatch.setattr(pending, bound, limit)

    ran = project("accept", "--from", str(artifact))

    assert ran.code == 2
    assert "is too large" in ran.err
    assert accepted(project, "답") == "옛 답"


def test_a_folder_nested_beyond_any_recursion_is_read(project: Cli, artifact: Path) -> None:
    with nested_folders(artifact / ".promptrun/pending", 1500):
        assert project("accept", "--from", str(artifact)).code == 0


BREAKS = ": it breaks an expectation (contains): the case will go on failing"
RULED = (
    f"{SPEC.format(model='gpt-4o-mini', say='안녕', temperature=0)}expect: [{{contains: 할머니}}]\n"
)


@pytest.fixture
def broken(project: Cli, server: OpenAIServer) -> Cli:
    """A reply that waits, since it breaks a rule."""
    project("reject")
    project.write("specs/답.yaml", RULED)
    server.reply = text("새 답")
    assert project("specs/답.yaml").code == 1
    server.requests.clear()
    return project


def test_a_reply_that_breaks_an_expectation_is_accepted_and_that_is_said(
    broken: Cli, server: OpenAIServer
) -> None:
    ran = broken("accept")

    assert ran.code == 0
    assert ran.err == f"accepted  specs/답.yaml::default  snapshots/답/default.yaml{BREAKS}\n"
    assert accepted(broken, "답") == "새 답"
    assert broken("specs/답.yaml", "--replay").code == 1
    assert not server.requests


def test_a_broken_expectation_is_said_of_an_artifact_too(broken: Cli) -> None:
    artifact = broken.folder.parent / "artifact"
    (broken.folder / ".promptrun").rename(artifact)

    assert BREAKS in broken("accept", "--from", str(artifact)).err


def test_a_reply_is_judged_by_the_rules_of_today(broken: Cli) -> None:
    broken.write("specs/답.yaml", RULED.replace("할머니", "새"))

    assert broken("accept").err == ("accepted  specs/답.yaml::default  snapshots/답/default.yaml\n")


def test_what_cannot_be_judged_without_asking_is_said(broken: Cli) -> None:
    broken.write("specs/답.yaml", RULED.replace("contains: 할머니", "judge: 존댓말이다"))

    assert broken("accept").err == (
        "accepted  specs/답.yaml::default  snapshots/답/default.yaml: not judged (judge)\n"
    )


@pytest.mark.parametrize("trusted", [False, True])
def test_a_check_in_python_runs_only_where_it_is_trusted(broken: Cli, trusted: bool) -> None:
    broken.write("specs/답.yaml", RULED.replace("contains: 할머니", "python: checks.py:is_polite"))
    broken.write(
        "specs/checks.py",
        "from pathlib import Path\n\n\ndef is_polite(text):\n"
        "    Path('ran').touch()\n    return False\n",
    )
    broken.write("promptrun.toml", "allow_python = true\n")
    if trusted:
        broken("trust", "--yes")

    ran = broken("accept")

    assert ran.code == 0
    assert ("breaks an expectation (python)" in ran.err) is trusted
    assert ("not judged (python)" in ran.err) is not trusted
    assert ("ran" in broken.files()) is trusted


def test_judging_keeps_no_reply_from_being_accepted(
    broken: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("promptrun.pipeline.settle.judge", fail)

    ran = broken("accept")

    assert ran.code == 0
    assert "not judged (expect)" in ran.err
    assert accepted(broken, "답") == "새 답"
