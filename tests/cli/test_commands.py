from __future__ import annotations

import pytest

from promptrun import __version__
from promptrun.cli.group import COMMANDS
from tests.openai_server import OpenAIServer
from tests.promptrun_cli import Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - {role: user, content: "{{ who }}"}
vars: {who: 존}
cases:
  - {name: 정중, tags: [smoke]}
  - {name: 반말}
"""


@pytest.fixture
def project(asking: Cli) -> Cli:
    asking.write("specs/hello.yaml", SPEC)
    return asking


def test_without_arguments_there_is_help(cli: Cli) -> None:
    ran = cli()

    assert ran.code == 0
    assert "Usage: promptrun" in ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_shows_an_example(cli: Cli, command: str) -> None:
    ran = cli(command, "--help")

    assert ran.code == 0
    assert ran.err == ""
    assert f"Usage: promptrun {command}" in ran.out
    assert "  Examples:\n    promptrun " in ran.out


def test_help_lists_every_command(cli: Cli) -> None:
    text = cli("--help").out

    assert all(f"\n  {command} " in text for command in COMMANDS)


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version").out == f"promptrun {__version__}\n"


def test_check_counts_what_it_looked_at(project: Cli, server: OpenAIServer) -> None:
    ran = project("check", "specs")

    assert (ran.code, ran.err) == (0, "2 cases in 1 spec are in order\n")
    assert not server.requests


def test_check_needs_no_key(project: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")

    assert project("check", "specs").code == 0


def test_check_shows_warnings_of_other_servers_and_still_passes(project: Cli) -> None:
    project.write("specs/hello.yaml", f"{SPEC}temperature: 3\n")

    assert project("check", "specs", "--provider", "openai").code == 2
    ran = project("check", "specs", "--provider", "local")
    assert ran.code == 0
    assert ran.err.startswith("warning: ")


def test_list_tells_what_is_kept_of_each_case(project: Cli, server: OpenAIServer) -> None:
    project("specs/hello.yaml::정중")

    ran = project("list", "specs")

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "specs/hello.yaml::정중\topenai\taccepted",
        "specs/hello.yaml::반말\topenai\tnone",
    ]


def test_list_takes_the_tags_of_a_case_for_keywords(project: Cli) -> None:
    assert project("list", "specs", "-k", "smoke").out.count("\n") == 1
    assert project("list", "specs", "-k", "nothing") == (4, "", "no case was selected\n")


def test_models_are_those_of_the_server(project: Cli, server: OpenAIServer) -> None:
    ran = project("models")

    assert ran.code == 0
    assert "gpt-4o-mini" in ran.out.splitlines()


def test_models_of_a_server_that_is_not_there_are_an_error(project: Cli) -> None:
    ran = project("models", OPENAI_BASE_URL="http://127.0.0.1:9/v1")

    assert ran.code == 3
    assert ran.err.startswith("error: ")


def test_init_writes_a_project_that_is_in_order(cli: Cli) -> None:
    assert cli("init", "mine").code == 0
    assert cli.files() == ["mine/promptrun.toml", "mine/specs/hello.yaml"]
    assert cli("check", "mine").code == 0


def test_init_never_overwrites(cli: Cli) -> None:
    cli.write("promptrun.toml", "jobs = 2\n")

    ran = cli("init")

    assert ran.code == 0
    assert "kept   promptrun.toml" in ran.err
    assert cli.read("promptrun.toml") == "jobs = 2\n"


def test_init_on_a_disk_that_refuses_says_so(cli: Cli) -> None:
    cli.write("specs", "a file where a folder has to be")

    ran = cli("init")

    assert ran.code == 2
    assert "cannot make the folder `specs`" in ran.err
