"""The edges that users meet: odd streams, odd places, values that no run can mean."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import promptrun
from promptrun.errors import UsageError
from tests.openai_server import OpenAIServer, error, slow_down, text
from tests.promptrun_cli import KEY, Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - {role: user, content: 안녕하세요}
"""
PROGRAM = "from promptrun.cli import main; main()"


@pytest.fixture
def project(asking: Cli) -> Cli:
    asking.write("specs/hello.yaml", SPEC)
    return asking


def shell(project: Cli, script: str) -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} -c '{PROGRAM}'"
    return subprocess.run(
        ["bash", "-c", f'promptrun() {{ {command} "$@"; }}; {script}'],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", ["--help", "list specs", "specs/hello.yaml"])
def test_what_cannot_be_written_is_no_success(project: Cli, arguments: str) -> None:
    ran = shell(project, f"promptrun {arguments} > /dev/full")

    assert ran.returncode == 2
    assert "error: cannot write to stdout: No space left on device" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_is_no_error(project: Cli, closed: str) -> None:
    ran = shell(project, f"promptrun specs/hello.yaml {closed}")

    assert ran.returncode == 0
    assert "Traceback" not in ran.stderr


def test_a_reader_that_goes_away_stops_neither_the_run_nor_its_judgement(project: Cli) -> None:
    cases = "".join(f"  - {{name: case{number}}}\n" for number in range(40))
    project.write("specs/hello.yaml", f"{SPEC}cases:\n{cases}")

    ran = shell(project, "promptrun specs -v | head -1; echo ${PIPESTATUS[0]}")

    assert ran.stdout.splitlines()[-1] == "0"
    assert len(project.files("snapshots")) == 40


def test_a_deleted_folder_is_told(project: Cli, tmp_path: Path) -> None:
    ran = shell(project, "mkdir gone && cd gone && rmdir ../gone && promptrun list .")

    assert ran.returncode == 2
    assert "the current folder does not exist any more" in ran.stderr


def test_json_on_a_terminal_hides_nothing_and_stays_the_same_json(
    project: Cli, server: OpenAIServer
) -> None:
    content = "a\x9bb\u202ec\x1b[2J"
    server.reply = text(content)
    ours, theirs = pty.openpty()

    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "specs/hello.yaml", "--json"],
        cwd=project.folder,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ) as running:
        os.close(theirs)
        running.wait()
        shown = os.read(ours, 100_000).decode()
    os.close(ours)

    assert not {"\x9b", "\u202e", "\x1b"} & set(shown)
    assert json.loads(shown)["reply"]["choices"][0]["message"]["content"] == content


def test_a_place_that_no_snapshot_can_have_is_known_before_anything_is_sent(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("specs/zz/@mine.yaml", SPEC)

    for command in (["specs"], ["check", "specs"], ["specs", "--replay"]):
        ran = project(*command)
        assert ran.code == 2
        assert "--> specs/zz/@mine.yaml:1:1" in ran.err
    assert not server.requests


def test_a_regression_stays_one_where_its_reply_cannot_be_kept(
    project: Cli, server: OpenAIServer
) -> None:
    server.script.extend([text("하나"), text("둘")])
    project("specs/hello.yaml")
    shutil.rmtree(project.folder / ".promptrun")
    project.write(".promptrun", "a file where a folder has to be")

    ran = project("specs/hello.yaml", "--no-record")

    assert ran.code == 1
    assert "changed (reply)  " in ran.err
    assert "nothing could be kept" in ran.err


def test_a_first_reply_that_cannot_be_written_is_shown_and_is_an_error(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = text("하나")
    project.write("snapshots", "a file where a folder has to be")

    ran = project("specs/hello.yaml")

    assert (ran.code, ran.out) == (3, "하나\n")


@pytest.mark.parametrize(
    "spec",
    [
        f"{SPEC}cases:\n  - name: a-{KEY}\n",
        f"{SPEC}cases:\n  - name: a\nmatrix:\n  vars.t: [{KEY}]\n",
    ],
    ids=["in a name", "in a matrix"],
)
def test_a_key_in_the_name_of_a_case_is_neither_shown_nor_written(project: Cli, spec: str) -> None:
    project.write("specs/hello.yaml", spec)

    shown = [project(*words) for words in (["specs"], ["specs", "--json"], ["list", "specs"])]

    assert not any(KEY in ran.out + ran.err for ran in shown)
    assert shown[0].code == 3
    assert not any(KEY in name for name in project.files("snapshots"))


def test_a_key_in_a_line_of_a_spec_is_not_shown_with_its_error(project: Cli) -> None:
    project.write("specs/hello.yaml", f"{SPEC}unknown_{KEY}: {KEY}\n")

    ran = project("check", "specs", "--provider", f"x{KEY}")

    assert ran.code == 2
    assert KEY not in ran.err


def test_a_key_that_a_server_repeats_is_not_listed_as_a_model(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIServer(models=[f"model-{KEY}", "gpt-4o"]) as server:
        ran = project("models", OPENAI_BASE_URL=server.base_url)

    assert ran.code == 0
    assert "gpt-4o" in ran.out
    assert KEY not in ran.out


def test_the_next_command_works_where_it_is_read(project: Cli, server: OpenAIServer) -> None:
    server.script.extend([text("하나"), text("둘")])
    folder = project.folder / "specs"
    project("hello.yaml", cwd=folder)

    ran = project("hello.yaml", cwd=folder)

    assert "promptrun accept hello.yaml::default takes what changed" in ran.err
    assert project("accept", "hello.yaml::default", cwd=folder).code == 0
    assert "둘" in project.read("snapshots/hello/default.yaml")


def test_a_name_cannot_forge_a_verdict(project: Cli) -> None:
    project.write("specs/x\npassed  y.yaml", SPEC)

    ran = project("specs", "-v")

    assert r"specs/x\npassed  y.yaml::default" in ran.err
    assert "\npassed  y.yaml" not in ran.err


def test_a_wait_is_told(project: Cli, server: OpenAIServer) -> None:
    server.script.append(slow_down(retry_after_ms="20"))

    ran = project("specs/hello.yaml")

    assert ran.code == 0
    assert "2 attempts" in ran.err


@pytest.mark.parametrize(
    "options",
    [
        ("--timeout", "nan"),
        ("--timeout", "inf"),
        ("--model", ""),
        ("--seed", str(2**63)),
        ("-k", "(" * 3000),
        ("-j", "0"),
    ],
    ids=lambda options: " ".join(options)[:20],
)
def test_a_value_that_no_run_can_mean_is_refused(
    project: Cli, server: OpenAIServer, options: tuple[str, ...]
) -> None:
    ran = project("specs/hello.yaml", *options)

    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert not server.requests


@pytest.mark.parametrize("chosen", [{"update": "zzz"}, {"jobs": 0}, {"timeout": -1.0}], ids=str)
def test_the_api_refuses_it_too(
    project: Cli, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, object]
) -> None:
    monkeypatch.chdir(project.folder)

    with pytest.raises(UsageError):
        promptrun.run("specs", **chosen)  # type: ignore[arg-type]


def test_the_api_takes_one_target_as_it_is(project: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)

    assert [str(one.verdict) for one in promptrun.run("specs")] == ["new"]
    assert [str(one.verdict) for one in promptrun.run(Path("specs"))] == ["passed"]


def test_a_misspelled_variable_is_told(project: Cli) -> None:
    project.write(
        "specs/hello.yaml", SPEC.replace("안녕하세요", '"{{ person }}"') + "vars: {person: 존}\n"
    )

    assert "no spec mentions the variable `persn`" in project("specs", "--var", "persn=철수").err
    assert "no spec mentions" not in project("specs", "--var", "person=철수").err
    assert "`persn`" in project("check", "specs", "--var", "persn=철수").err


def test_check_finds_the_mistakes_of_every_spec_and_every_row(project: Cli) -> None:
    project.write("specs/a.yaml", SPEC.replace("안녕하세요", '"{{ nobody }}"'))
    project.write("specs/b.yaml", f"{SPEC}temprature: 0\n")
    project.write("specs/c.yaml", f"{SPEC}provider: opnai\n")
    project.write("specs/d.yaml", f"{SPEC}cases: {{file: rows.csv}}\n")
    project.write("specs/rows.csv", "name,x\na,1\nb\n")

    ran = project("check", "specs")

    assert ran.code == 2
    for place in ("specs/a.yaml:3:", "specs/b.yaml:4:1", "specs/c.yaml:4:11", "specs/rows.csv:3:1"):
        assert f"--> {place}" in ran.err


def test_a_check_that_looks_at_nothing_is_no_success(project: Cli) -> None:
    assert project("check", "specs", "-k", "nosuch") == (4, "", "no case was selected\n")


def test_accepting_a_case_that_does_not_exist_is_refused(project: Cli) -> None:
    ran = project("accept", "specs/hello.yaml::defualt")

    assert ran.code == 2
    assert "did you mean `specs/hello.yaml::default`?" in ran.err


def test_accepting_is_not_proposed_for_a_broken_expectation(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = text("안녕하", finish_reason="length")

    ran = project("specs/hello.yaml")

    assert ran.code == 1
    assert "accept" not in ran.err


def test_accepting_is_not_proposed_for_what_was_not_judged(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("specs/hello.yaml", f"{SPEC}expect: [judge: 존댓말이다]\n")
    server.reply = lambda received: (
        error(400, "no judges today")
        if "You judge" in str(received.json["messages"][0]["content"])
        else text("네.")
    )

    ran = project("specs/hello.yaml")

    assert ran.code == 3
    assert project.files(".promptrun/pending")
    assert "promptrun accept" not in ran.err
