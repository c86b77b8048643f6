"""`promptrun review --web` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.promptrun_cli import Cli
from tests.web.visitor import PATIENCE, Visitor

PROGRAM = "from promptrun.cli import main; main()"
ENDLESS_REPORT = """
import time
from promptrun.web.runs import Runs
def write(*_):
    print("writing", flush=True)
    while True:
        time.sleep(0.01)
Runs.write_report = write
"""
ROOT = Path(__file__).parents[2]


@contextmanager
def started(
    project: Cli, *arguments: str, program: str = PROGRAM, **environ: str
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", program, "review", "--web", *arguments],
        cwd=project.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def enter(process: subprocess.Popen[str]) -> Visitor:
    assert process.stdout is not None
    visitor = Visitor(process.stdout.readline().strip())
    visitor.enter()
    return visitor


def test_ctrl_c_ends_the_review_whose_report_takes_for_ever(waiting: Cli) -> None:
    def ask(visitor: Visitor) -> None:
        with suppress(OSError, HTTPException):
            visitor.get("/runs/x")

    program = f"{ENDLESS_REPORT}\n{PROGRAM}"
    with started(waiting, "--no-open", program=program) as process:
        visitor = enter(process)
        asking = threading.Thread(target=ask, args=(visitor,))
        asking.start()
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        asking.join(PATIENCE)

    assert process.returncode == 0


def test_ctrl_c_ends_the_review_and_says_what_was_done(waiting: Cli) -> None:
    with started(waiting, "--no-open") as process:
        visitor = enter(process)
        item = visitor.items()[0]
        visitor.settle("accept", item.key, item.shown)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert out == ""
    assert err == "Ctrl-C ends the review\n2 accepted, 0 rejected, 3 still wait\n"


def test_the_page_can_end_the_review_as_well(waiting: Cli) -> None:
    with started(waiting, "--no-open") as process:
        visitor = enter(process)
        visitor.end()
        _, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert err.endswith("0 accepted, 0 rejected, 5 still wait\n")


def test_a_refused_change_is_seen_in_the_exit_code(waiting: Cli) -> None:
    with started(waiting, "--no-open") as process:
        visitor = enter(process)
        text = waiting.read("specs/alike.yaml")
        waiting.write("specs/alike.yaml", text.replace("Greet", "Welcome"))
        item = visitor.items()[0]
        visitor.settle("accept", item.key, item.shown)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)

    assert process.returncode == 1


def test_the_browser_is_opened_at_the_address(waiting: Cli, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {seen}.part && mv {seen}.part {seen}\n')
    browser.chmod(0o755)

    with started(waiting, BROWSER=f"{browser} %s") as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        Visitor(address).enter()
        for _ in range(300):
            if seen.exists():
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)

    assert seen.read_text() == address


def test_it_is_served_on_the_loopback_interface_alone(waiting: Cli) -> None:
    with started(waiting, "--no-open") as process:
        visitor = enter(process)
        listening = Path("/proc/net/tcp").read_text("ascii").splitlines()
        mine = [line for line in listening if f":{visitor.port:04X} " in line and " 0A " in line]

    address = socket.inet_aton(visitor.name)[::-1].hex().upper()
    assert [line.split()[1] for line in mine] == [f"{address}:{visitor.port:04X}"]
    assert visitor.name.startswith("127.")


def test_a_port_can_be_chosen_and_a_taken_one_is_told(waiting: Cli) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = waiting("review", "--web", "--no-open", "--port", str(port))
    with started(waiting, "--no-open", "--port", str(port)) as process:
        visitor = enter(process)

    assert ran.code == 2
    assert ran.err == (
        f"error: cannot serve on port `{port}`: Address already in use\n"
        "hint: leave out `--port` for one that is free\n"
    )
    # A tunnel leads to the usual address.
    assert visitor.host == f"127.0.0.1:{port}"


@pytest.mark.parametrize(("option", "value"), [("--port", ["8000"]), ("--no-open", [])])
def test_what_is_for_the_browser_needs_it(waiting: Cli, option: str, value: list[str]) -> None:
    ran = waiting("review", option, *value)

    assert ran.code == 2
    assert ran.err == f"error: `{option}` is for a review in the browser\nhint: add `--web`\n"


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_without_the_extra_it_says_how_to_get_it(waiting: Cli, package: str) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; {PROGRAM}"
    ran = subprocess.run(
        [sys.executable, "-c", program, "review", "--web"],
        cwd=waiting.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 2
    assert re.fullmatch(
        f"error: `--web` needs the package `{package}`, which is not installed\n"
        r"hint: pip install 'promptrun\[web\]'\n",
        ran.stderr,
    )


def test_a_target_that_is_not_there_is_told_before_anything_is_served(waiting: Cli) -> None:
    ran = waiting("review", "--web", "specs/nothing.yaml")

    assert (ran.code, ran.out) == (2, "")
    assert "no file `specs/nothing.yaml`" in ran.err
