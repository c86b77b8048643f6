from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from tests.openai_server import Answer, OpenAIServer, text
from tests.promptrun_cli import KEY, Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - {role: user, content: 안녕하세요 저는 존입니다.}
stream: true
stream_options: {include_usage: true}
"""
PROGRAM = "from promptrun.cli import main; main()"


@pytest.fixture
def project(asking: Cli) -> Cli:
    asking.write("specs/stream.yaml", SPEC)
    return asking


def test_the_first_piece_is_read_before_the_last_was_sent(
    project: Cli, server: OpenAIServer
) -> None:
    release = threading.Event()
    server.reply = text("안녕하세요, 존님!", piece=3, hold_after=3, release=release)

    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "specs/stream.yaml"],
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as running:
        assert running.stdout is not None
        first = os.read(running.stdout.fileno(), 100).decode()
        was_held = not release.is_set()
        release.set()
        rest = running.stdout.read().decode()

    assert was_held
    assert "안녕하세요, 존님!\n".startswith(first)
    assert first + rest == "안녕하세요, 존님!\n"


def test_on_a_terminal_each_piece_is_shown_as_it_arrives_with_controls_escaped(
    project: Cli, server: OpenAIServer
) -> None:
    release = threading.Event()
    server.reply = text("안녕\x1b[2J하세요, 존님!", piece=3, hold_after=3, release=release)
    ours, theirs = pty.openpty()

    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "specs/stream.yaml"],
        cwd=project.folder,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ) as running:
        os.close(theirs)
        first = os.read(ours, 1000)
        was_held = not release.is_set()
        release.set()
        shown = first + read_all(ours)
        running.wait()

    assert was_held
    assert shown.decode().replace("\r\n", "\n") == "안녕\\x1b[2J하세요, 존님!\n"


def read_all(descriptor: int) -> bytes:
    """What is left to read; a terminal whose other side is closed ends with an error."""
    data = b""
    with suppress(OSError):
        while piece := os.read(descriptor, 1000):
            data += piece
    os.close(descriptor)
    return data


def test_a_streamed_reply_is_kept_like_a_whole_one(project: Cli, server: OpenAIServer) -> None:
    server.reply = text("안녕하세요, 존님!")
    project("specs/stream.yaml")

    ran = project("specs/stream.yaml", "--no-stream")

    assert ran.code == 0
    assert ran.err.startswith("passed  ")
    assert server.requests[0].json["stream"] is True
    assert server.requests[1].json["stream"] is False


def test_a_streamed_reply_has_its_usage_where_the_spec_asks_for_it(
    project: Cli, server: OpenAIServer
) -> None:
    import json

    reply = json.loads(project("specs/stream.yaml", "--raw").out)

    assert reply["object"] == "chat.completion"
    assert reply["usage"]["total_tokens"] > 0


def test_control_characters_of_pieces_do_not_reach_a_pipe_changed(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = text("a\x1b[31mb")

    assert project("specs/stream.yaml").out == "a\x1b[31mb\n"


def test_a_key_in_a_stream_is_never_shown_nor_kept(project: Cli, server: OpenAIServer) -> None:
    server.reply = text(f"your key is {KEY}, is it not?", piece=4)

    ran = project("specs/stream.yaml")

    assert ran.out == "your key is ***, is it not?\n"
    assert KEY not in "".join(project.read(name) for name in project.files())


def test_a_stream_that_breaks_off_is_never_accepted(project: Cli, server: OpenAIServer) -> None:
    server.reply = Answer(content="안녕하세요, 존님!", cut="mid event")

    ran = project("specs/stream.yaml")

    assert ran.code == 3
    assert project.files("snapshots") == []


def test_several_streamed_choices_are_all_shown_once(project: Cli, server: OpenAIServer) -> None:
    project.write("specs/stream.yaml", f"{SPEC}n: 2\n")
    server.reply = Answer(contents=("하나", "둘"))

    assert project("specs/stream.yaml").out == "하나\n--- choice 2 (stop)\n둘\n"


def test_a_stream_that_fails_leaves_the_verdict_on_a_line_of_its_own(
    project: Cli, server: OpenAIServer
) -> None:
    server.script.append(text("안녕하세요, 존님!", cut="mid event"))
    server.reply = text("다시", chunk_delay=0.0)

    ran = project("specs/stream.yaml")

    assert ran.out.endswith("\n다시\n")
    assert "the stream broke; asking again" in ran.err


def test_a_quiet_run_shows_no_piece_of_a_reply_that_needs_no_reading(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = text("안녕하세요, 존님!")

    assert project("specs/stream.yaml", "-q") == (0, "", "")

    server.reply = text("반갑습니다!")
    ran = project("specs/stream.yaml", "-q")
    assert (ran.code, ran.out) == (1, "반갑습니다!\n")
