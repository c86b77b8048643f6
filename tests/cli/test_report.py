"""Reports of a run: written with it, or later from its record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptrun.reports.report import FORMATS
from tests.openai_answers import Answer
from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import Cli

SPEC = "model: gpt-4o-mini\nmessages: [{role: user, content: 안녕}]\n"
EACH = [f"{name}=out/{name}.txt" for name in FORMATS]


@pytest.fixture
def project(asking: Cli) -> Cli:
    asking.write("specs/hello.yaml", SPEC)
    return asking


def written(cli: Cli) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in (cli.folder / "out").iterdir()}


def test_every_format_is_written_with_the_run_and_alike_later(project: Cli) -> None:
    ran = project("specs", *[word for one in EACH for word in ("--report", one)])

    assert ran.code == 0
    first = written(project)
    assert set(first) == set(FORMATS)
    assert all(first.values())
    assert [line for line in ran.err.splitlines() if line.startswith("wrote out/")] == [
        f"wrote out/{name}.txt" for name in FORMATS
    ]
    assert project("report", "last", *EACH).code == 0
    assert written(project) == first


def test_a_replay_is_reported_without_a_key(project: Cli) -> None:
    project("specs")

    ran = project("specs", "--replay", "--report", "jsonl=-", OPENAI_API_KEY="")

    assert ran.code == 0
    lines = [json.loads(line) for line in ran.out.splitlines() if line.startswith("{")]
    (case,) = [one for one in lines if one.get("case") == "default"]
    assert (case["verdict"], case["replayed"]) == ("passed", True)


def test_a_report_of_a_changed_reply_keeps_the_exit_code(
    project: Cli, server: OpenAIServer
) -> None:
    project("specs")
    server.reply = text("다른 말")

    ran = project("specs", "--report", "markdown=summary.md")

    assert ran.code == 1
    assert "다른 말" in project.read("summary.md")


def test_an_existing_file_is_replaced_whole_and_a_link_is_not_followed(project: Cli) -> None:
    project("specs")
    project.write("precious.txt", "precious")
    (project.folder / "report.jsonl").symlink_to("precious.txt")

    assert project("report", "last", "jsonl=report.jsonl").code == 0

    assert project.read("precious.txt") == "precious"
    assert "안녕" in project.read("report.jsonl") or "hello" in project.read("report.jsonl")
    assert [path.name for path in project.folder.iterdir() if path.name.endswith(".tmp")] == []


def test_a_report_that_breaks_off_leaves_the_old_file(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    project("specs")
    project.write("report.jsonl", "old")

    def write(report: object, out: object) -> None:
        out.write("half")  # type: ignore[attr-defined]  # a stand-in for a disk that is full
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("promptrun.cli.report_files.find_format", lambda _: write)
    ran = project("report", "last", "jsonl=report.jsonl")

    assert (ran.code, ran.err) == (
        2,
        "error: cannot write `report.jsonl`: No space left on device\n",
    )
    assert project.read("report.jsonl") == "old"


def test_a_report_that_breaks_off_keeps_no_other_one_from_being_written(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    project("specs")

    def find(name: str) -> object:
        def write(report: object, out: object) -> None:
            del report
            if name == "html":
                raise OSError(28, "No space left on device")
            out.write(name)  # type: ignore[attr-defined]  # any file

        return write

    monkeypatch.setattr("promptrun.cli.report_files.find_format", find)
    ran = project("report", "last", "json=a", "html=b", "html=c", "jsonl=d")

    assert (ran.code, ran.err) == (
        2,
        "wrote a\nwrote d\nerror: cannot write `b`: No space left on device\n",
    )
    assert (project.read("a"), project.read("d")) == ("json", "jsonl")
    assert not (project.folder / "b").exists()


@pytest.mark.parametrize(
    "content",
    [
        '[{"type":["x"]}]',
        f'[{{"type":"image_url","image_url":{{"url":{{"bytes":{"9" * 4300}}}}}}}]',
    ],
    ids=["a kind that is a list", "a size without end"],
)
def test_one_odd_reply_of_a_server_keeps_no_report_from_being_written(
    project: Cli, server: OpenAIServer, content: str
) -> None:
    message = f'{{"role":["assistant"],"content":{content}}}'
    choice = f'{{"index":{"9" * 4300},"finish_reason":"stop","message":{message}}}'
    server.reply = Answer(body=f'{{"choices":[{choice}]}}'.encode())
    project("specs")

    ran = project("report", "last", *EACH)

    assert (ran.code, ran.err.count("wrote ")) == (0, len(FORMATS)), ran.err


def test_a_resumed_run_is_reported_as_one(project: Cli, server: OpenAIServer) -> None:
    project.write(
        "specs/two.yaml",
        "model: gpt-4o-mini\nmessages: [{role: user, content: '{{ x }}'}]\n"
        "cases: [{name: a, vars: {x: a}}, {name: b, vars: {x: b}}]\n",
    )
    assert project("specs/two.yaml", "-j", "1", "--max-requests", "1").code == 3
    server.requests.clear()

    ran = project("specs/two.yaml", "--resume", "--report", "jsonl=all.jsonl")

    assert ran.code == 0
    assert len(server.requests) == 1
    cases = [json.loads(line).get("case") for line in project.read("all.jsonl").splitlines()]
    assert sorted(one for one in cases if one) == ["a", "b"]


def test_a_stopped_run_is_reported_with_what_it_did(project: Cli) -> None:
    project.write(
        "specs/two.yaml",
        "model: gpt-4o-mini\nmessages: [{role: user, content: '{{ x }}'}]\n"
        "cases: [{name: a, vars: {x: a}}, {name: b, vars: {x: b}}]\n",
    )

    ran = project("specs/two.yaml", "-j", "1", "--max-requests", "1", "--report", "json=all.json")

    assert ran.code == 3
    report = json.loads(project.read("all.json"))
    assert report["run"]["state"] == "stopped"
    assert [one["case"] for one in report["cases"]] == ["a"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("html", "error: cannot read `html`\nhint: write it as FORMAT=PATH: html=report.html\n"),
        ("htm=x", "error: there is no report `htm`\nhint: did you mean `html`?\n"),
        ("json=specs", "error: `specs` is a folder\nhint: name a file in it\n"),
        (
            "json=specs/hello.yaml/x",
            "error: cannot write `specs/hello.yaml/x`: `hello.yaml` is no folder\n",
        ),
        ("json=" + "a" * 300, f"error: cannot write `{'a' * 300}`: File name too long\n"),
    ],
    ids=["no path", "a misspelled format", "a folder", "a file below a file", "too long a name"],
)
def test_a_report_that_cannot_be_is_refused_before_anything_is_sent(
    project: Cli, server: OpenAIServer, wanted: str, message: str
) -> None:
    ran = project("specs", "--report", wanted)

    assert (ran.code, ran.err) == (2, message)
    assert not server.requests


def test_a_run_of_no_case_leaves_neither_a_report_nor_a_record(project: Cli) -> None:
    ran = project("specs", "-k", "nothing", "--replay", "--report", "json=x.json")

    assert ran.code == 4
    assert ran.err.endswith("no case has a result, so there is no report\n")
    assert not (project.folder / "x.json").exists()
    assert not (project.folder / ".promptrun/runs").exists()


def test_a_report_that_goes_to_stdout_stands_there_alone(project: Cli) -> None:
    ran = project("specs/hello.yaml", "--report", "json=-")

    assert ran.code == 0
    assert json.loads(ran.out)["cases"][0]["case"] == "default"
    assert ran.err.startswith("new  specs/hello.yaml::default")
    both = project("specs/hello.yaml", "--json", "--report", "json=-")
    assert (both.code, both.err) == (
        2,
        (
            "error: `--json` and a report that goes to `-` would both write to stdout\n"
            "hint: give the report a file\n"
        ),
    )


def test_a_replay_that_is_reported_is_never_the_run_to_go_by(
    project: Cli, server: OpenAIServer
) -> None:
    project("specs")
    project("specs", "--replay", "--report", "json=x.json")
    server.requests.clear()

    assert project("specs", "--again", "last").code == 0
    assert project("specs", "--resume").code == 0
    assert project("share", "specs", "--from", "last", "-o", "one.md").code == 0
    assert not server.requests
    assert json.loads(project("report", "last", "json=-").out)["run"]["settings"]["replay"] is True


@pytest.mark.parametrize("again", ["x", "./x", "specs/../x"])
def test_two_reports_never_share_a_file(project: Cli, again: str) -> None:
    ran = project("specs", "--report", "json=x", "--report", f"jsonl={again}")

    assert (ran.code, ran.err) == (2, f"error: two reports cannot both be written to `{again}`\n")


def test_a_run_without_a_record_cannot_be_reported(project: Cli, server: OpenAIServer) -> None:
    ran = project("specs", "--no-record", "--report", "json=x")
    assert ran.code == 2
    assert "`--no-record` keeps none" in ran.err

    project.write("promptrun.toml", "[runs]\nrecord = false\n")
    ran = project("specs", "--report", "json=x")
    assert ran.code == 2
    assert "this project keeps none" in ran.err
    assert not server.requests


def test_a_report_goes_to_a_folder_that_is_made_for_it(project: Cli) -> None:
    project("specs")

    assert project("report", "last", "junit=new/deep/junit.xml").code == 0

    assert Path(project.folder / "new/deep/junit.xml").is_file()
