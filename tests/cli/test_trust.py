from __future__ import annotations

import re

import pytest

from tests.openai_server import OpenAIServer
from tests.promptrun_cli import Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - {role: user, content: 안녕하세요}
"""


@pytest.fixture
def project(cli: Cli, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("MY_API_KEY", "sk-mine-0123456789")
    cli.write(
        "promptrun.toml",
        f'provider = "mine"\n[providers.mine]\nbase_url = "{server.base_url}"\n'
        'api_key_env = "MY_API_KEY"\n',
    )
    cli.write("specs/hello.yaml", SPEC)
    return cli


def test_a_server_of_the_project_gets_no_key_before_it_is_trusted(
    project: Cli, server: OpenAIServer
) -> None:
    ran = project("specs/hello.yaml")

    assert ran.code == 2
    assert "is not trusted yet" in ran.err
    assert "`MY_API_KEY`" in ran.err
    assert not server.requests


def test_a_trusted_server_gets_its_own_key(project: Cli, server: OpenAIServer) -> None:
    assert project("trust", "--yes").code == 0

    assert project("specs/hello.yaml").code == 0
    assert server.requests[0].headers["authorization"] == "Bearer sk-mine-0123456789"
    assert project.files("snapshots") == ["snapshots/@mine/hello/default.yaml"]


def test_off_a_terminal_nothing_is_granted_without_yes(project: Cli) -> None:
    ran = project("trust")

    assert ran.code == 1
    assert "promptrun trust --yes" in ran.err
    assert project("specs/hello.yaml").code == 2


def test_what_is_asked_for_is_shown(project: Cli, server: OpenAIServer) -> None:
    ran = project("trust")

    assert f"`{server.host}`" in ran.err
    assert "`MY_API_KEY`" in ran.err


def test_a_changed_table_has_to_be_trusted_again(project: Cli, server: OpenAIServer) -> None:
    project("trust", "--yes")
    text = project.read("promptrun.toml")
    project.write("promptrun.toml", text.replace("MY_API_KEY", "HOME"))

    assert project("specs/hello.yaml").code == 2
    assert not server.requests


def test_trust_can_be_taken_back(project: Cli, server: OpenAIServer) -> None:
    project("trust", "--yes")

    assert "revoked" in project("trust", "--revoke").err
    assert project("specs/hello.yaml").code == 2
    assert not server.requests


def test_trust_is_taken_back_even_when_nothing_is_asked_for_any_more(project: Cli) -> None:
    project("trust", "--yes")
    text = project.read("promptrun.toml")
    project.write("promptrun.toml", "")
    project("trust", "--revoke")
    project.write("promptrun.toml", text)

    assert project("specs/hello.yaml").code == 2


def test_a_ci_job_trusts_by_the_digest(project: Cli, server: OpenAIServer) -> None:
    granted = project("trust", "--yes")
    digest = re.search(r"PROMPTRUN_TRUST=(\w+)", granted.err)
    assert digest is not None
    project("trust", "--revoke")

    ran = project("specs/hello.yaml", PROMPTRUN_TRUST=digest[1], CI="1")

    assert ran.code == 1
    assert len(server.requests) == 1


def test_a_project_that_asks_for_nothing_needs_no_trust(cli: Cli) -> None:
    cli.write("promptrun.toml", 'provider = "local"\n')

    assert cli("trust").err == "this project's settings ask for nothing that needs trust\n"
