"""A spec or a case under a new name keeps its accepted reply."""

from __future__ import annotations

import pytest

from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - role: user
    content: "{{ who }}에게 인사해 주세요."
cases:
  - name: 할머니
    vars: {who: 할머니}
  - name: 손자
    vars: {who: 손자}
"""


@pytest.fixture
def asked(asking: Cli, server: OpenAIServer) -> OpenAIServer:
    """A project whose spec was renamed after its replies were accepted."""
    asking.write("specs/greet.yaml", SPEC)
    server.reply = text("안녕하세요?")
    assert asking("specs/").code == 0
    (asking.folder / "specs/greet.yaml").rename(asking.folder / "specs/인사.yaml")
    server.requests.clear()
    return server


def test_a_renamed_spec_is_judged_by_its_old_snapshots_and_accepting_moves_them(
    cli: Cli, asked: OpenAIServer
) -> None:
    ran = cli("specs/", "-v")

    assert ran.code == 0
    assert ran.err.count("passed   specs/인사.yaml::") == 2
    assert "judged by the snapshot of `specs/greet.yaml::손자`, which is gone" in ran.err
    assert {name.split("/")[1] for name in cli.files("snapshots")} == {"greet"}
    before = sorted(cli.read(name) for name in cli.files("snapshots"))

    assert cli("accept").code == 0

    assert {name.split("/")[1] for name in cli.files("snapshots")} == {"인사"}
    after = sorted(cli.read(name) for name in cli.files("snapshots"))
    assert after == [text.replace("specs/greet.yaml", "specs/인사.yaml") for text in before]
    assert cli("specs/", "--replay").code == 0


def test_another_reply_after_a_rename_is_changed(cli: Cli, asked: OpenAIServer) -> None:
    asked.reply = text("안녕!")

    ran = cli("specs/")

    assert ran.code == 1
    assert "changed (reply)  specs/인사.yaml::손자" in ran.err


def test_a_change_that_is_written_takes_the_old_snapshot_away(
    cli: Cli, asked: OpenAIServer
) -> None:
    asked.reply = text("안녕!")

    assert cli("specs/", "--update", "all").code == 0
    assert {name.split("/")[1] for name in cli.files("snapshots")} == {"인사"}


def test_a_replay_finds_the_old_snapshot_and_writes_nothing(cli: Cli, asked: OpenAIServer) -> None:
    before = cli.files()

    ran = cli("specs/", "--replay")

    assert ran.code == 0
    assert cli.files() == before
    assert not asked.requests


def test_a_case_with_another_request_is_new(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/인사.yaml", SPEC.replace("인사해", "작별해"))

    ran = cli("specs/", "-v")

    assert ran.err.count("new      specs/인사.yaml::") == 2
    assert len(cli.files("snapshots")) == 4
    assert cli("prune", "--check").code == 1


def test_a_copy_of_a_case_takes_nothing_from_the_one_that_is_there(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    cli.write("specs/greet.yaml", SPEC)
    server.reply = text("안녕하세요?")
    cli("specs/")
    cli.write("specs/copy.yaml", SPEC)

    ran = cli("specs/", "-v")

    assert ran.err.count("new      specs/copy.yaml::") == 2
