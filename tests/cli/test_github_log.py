"""What is written in a job on GitHub: no text from outside is a command to its machine."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptrun.cli.github_log import CommandGuard, is_github_log, write_command
from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import Cli
from tests.terminal import in_pipes

ON_GITHUB = {"GITHUB_ACTIONS": "true", "CI": "true"}
SPEC = "model: gpt-4o-mini\nmessages: [{role: user, content: hi}]\n"

HOSTILE = [
    "::error::x",
    " \t\u3000::add-mask::x",
    "\ufeff::error::x",
    "fine\r::stop-commands::x\r\n::set-output name=a::b",
    "in the middle ##[error]x",
    "###[group]x ####[",
    "::::error::x",
    "\n\n::error::x\n::\n:: ::",
    "  ##[add-mask]한국어",
]
HARMLESS = [
    "specs/a.yaml::default",
    "a ::error::",
    "# [x] ## [",
    ": : :",
    "[::1]:8000",
    "# 제목\n:",
]


def commands_in(log: str) -> list[str]:
    """What the machine would obey, as its documentation and its source tell it."""
    return [
        line
        for line in re.split(r"\r\n|\r|\n", log)
        if line.replace("\ufeff", "").lstrip().startswith("::") or "##[" in line
    ]


@pytest.fixture
def on_github(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ON_GITHUB.items():
        monkeypatch.setenv(name, value)


def parts_of(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


@pytest.mark.parametrize("size", [1, 2, 3, 1000], ids=lambda size: f"{size} at a time")
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_is_a_command_however_it_is_cut(hostile: str, size: int) -> None:
    assert commands_in(hostile)
    guard = CommandGuard()

    log = "".join(guard.defuse(part) for part in parts_of(hostile, size))

    assert not commands_in(log)
    assert log.replace(r"\u003a", ":").replace(r"\u005b", "[") == hostile


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("harmless", HARMLESS)
def test_what_is_no_command_stays_as_it_is(harmless: str, size: int) -> None:
    guard = CommandGuard()
    assert "".join(guard.defuse(part) for part in parts_of(harmless, size)) == harmless


def test_json_keeps_its_meaning() -> None:
    value = {"said": "##[error]x \\##[ ::", "::": ["###["]}
    for indent in (None, 2):
        log = CommandGuard().defuse(json.dumps(value, indent=indent))
        assert not commands_in(log)
        assert json.loads(log) == value


@pytest.mark.parametrize("begin", ["\n", " ", "\r ", "#", ":"])
def test_a_huge_text_is_looked_through_soon(begin: str) -> None:
    start = time.perf_counter()
    CommandGuard().defuse(begin * 500_000)
    assert time.perf_counter() - start < 10  # well below a second where nothing else runs


def test_a_command_of_our_own_cannot_be_ended_by_its_text() -> None:
    assert write_command("group", "100 %0A\r\n::x") == "::group::100 %250A%0D%0A::x\n"


def test_a_file_is_no_log(tmp_path: Path) -> None:
    with (tmp_path / "replies.txt").open("w") as file:
        assert not is_github_log(file, ON_GITHUB)
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "w") as pipe:
        assert is_github_log(pipe, ON_GITHUB)
        assert not is_github_log(pipe, {"GITHUB_ACTIONS": "false"})
        assert not is_github_log(pipe, {"CI": "true"})
    os.close(ours)


def test_a_reply_that_goes_to_a_file_is_what_came_back(asking: Cli, server: OpenAIServer) -> None:
    asking.write("specs/a.yaml", SPEC)
    server.reply = text("::error::x\n##[group]y")

    # The streams of the tests are files.
    assert asking("specs/a.yaml").out == "::error::x\n##[group]y\n"


@pytest.mark.parametrize("option", ["--json", "--raw", "-v", "-q"])
def test_nothing_of_a_run_is_a_command_but_its_groups(
    asking: Cli,
    server: OpenAIServer,
    monkeypatch: pytest.MonkeyPatch,
    on_github: None,
    option: str,
) -> None:
    asking.write("specs/a.yaml", f"{SPEC}expect: [contains: '::##[group]']\n")
    server.reply = text("::error::x\n##[group]y\r::stop-commands::z")

    with monkeypatch.context() as patch, in_pipes(patch) as seen:
        asking("specs/a.yaml", option)

    assert commands_in(seen["stdout"]) == []
    assert [line.split("  ")[0] for line in commands_in(seen["stderr"])] == [
        "::group::failed",
        "::endgroup::",
    ]


@pytest.mark.parametrize("command", ["check", "show"])
def test_nothing_of_another_command_is_one_for_github(
    asking: Cli, monkeypatch: pytest.MonkeyPatch, on_github: None, command: str
) -> None:
    asking.write("specs/a.yaml", SPEC.replace("hi", '"::error::x\\n ##[error]y"'))
    asking.write("specs/b.yaml", f"{SPEC}'##[error]z': 1\n")

    with monkeypatch.context() as patch, in_pipes(patch) as seen:
        asking(command, "specs/b.yaml" if command == "check" else "specs/a.yaml")

    log = seen["stdout"] + seen["stderr"]
    assert r"##\u005berror]" in log
    assert commands_in(log) == []


def test_elsewhere_in_ci_there_are_no_groups(
    asking: Cli, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking.write("specs/a.yaml", SPEC)
    server.reply = text("::error::x")

    with monkeypatch.context() as patch, in_pipes(patch) as seen:
        asking("specs/a.yaml", CI="true")

    assert seen["stdout"] == "::error::x\n"
    assert "group" not in seen["stderr"]
