"""Each folder here is a screen: `screen.yaml` says what is run, ``VIEW.txt`` what is seen of it.

A view is a number of columns (a terminal without colour), ``colour`` (80 columns), ``pipe`` (a
program reads stdout and stderr) or ``github`` (so it is in a job on GitHub). ``↩`` stands where the
terminal had to break a row, ``⟨red⟩`` for a colour, ``␍`` for a carriage return. Digits of times,
of the ids of runs and of ports are 0. ``PROMPTRUN_WRITE_GOLDEN=1 pytest tests/cli/screens`` writes
the views anew.

In `screen.yaml`, `files` make the project and `answers` the server: the reply to a request that
holds a text, several to one after the other, fields of `Answer`, or a `status` and a `message`.
What is run `before` is run in the same way, unseen. `keys` are struck as they are asked for.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import convert

from promptrun.reports.width import display_width
from tests.openai_server import Answer, OpenAIServer, Received, error, text
from tests.promptrun_cli import Cli
from tests.terminal import Sheet, Window, in_pipes

FOLDER = Path(__file__).parent
SCREENS = sorted(path.parent.name for path in FOLDER.glob("*/screen.yaml"))
WRITES = bool(os.environ.get("PROMPTRUN_WRITE_GOLDEN"))
"""Read at once, since no test has a setting of promptrun's."""
VOLATILE = re.compile(
    r"\d+\.\d+(?= s)|\d{8}T\d{6}-[0-9a-f]{4}|\d{4}-\d\d-\d\d \d\d:\d\d|(?<=127\.0\.0\.1:)\d+"
)


def read_screen(name: str) -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load((FOLDER / name / "screen.yaml").read_text("utf-8"))
    return told


VIEWS = [
    pytest.param(name, str(view), id=f"{name} in {view}")
    for name in SCREENS
    for view in read_screen(name)["views"]
]


WIDTHS = [
    pytest.param(name, view, id=f"{name} in {view} columns")
    for name in SCREENS
    for view in map(str, read_screen(name)["views"])
    # Whose error stands under its line of the spec is as wide as that line.
    if view.isdecimal() and not read_screen(name)["run"].startswith("check")
]
ERASE = "\r\x1b[K"
COPIED = ("specs/", "snapshots/", "hint: promptrun ")


def answering(told: Mapping[str, Any]) -> Callable[[Received], Answer]:
    """What a server says to a request, by the texts that it holds; else ``안녕하세요.``."""
    lists = {words: iter(said) for words, said in told.items() if isinstance(said, list)}

    def answer(received: Received) -> Answer:
        asked = str(received.json)
        words = next((one for one in told if one in asked), None)
        said: Any = "안녕하세요."
        if words is not None:
            said = next(lists[words]) if words in lists else told[words]
        if isinstance(said, str):
            return text(said)
        if "status" in said:
            return error(**said)
        return convert(said, Answer)

    return answer


def prepare(told: Mapping[str, Any], cli: Cli, server: OpenAIServer) -> None:
    """Make the project as it is when the screen is shown."""
    for name, content in told["files"].items():
        cli.write(name, content)
    for step in told.get("before", ()):
        for name, content in step.get("files", {}).items():
            cli.write(name, content)
        server.reply = answering(step.get("answers", {}))
        cli(*shlex.split(step["run"]))
    server.reply = answering(told.get("answers", {}))


def look(told: Mapping[str, Any], view: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> str:
    """The screen as a text, with the exit code below it."""
    arguments = shlex.split(told["run"])
    environ = {name: str(value) for name, value in told.get("environ", {}).items()}
    if view in {"pipe", "github"}:
        if view == "github":
            environ |= {"CI": "true", "GITHUB_ACTIONS": "true"}
        with surrounded(monkeypatch, environ) as patch, in_pipes(patch) as seen:
            ran = cli(*arguments)
        out, err = (seen[name].replace("\r", "␍") for name in ("stdout", "stderr"))
        return _mask(f"--- stdout\n{out}--- stderr\n{err}--- exit {ran.code}\n")
    columns = int(view) if view.isdecimal() else 80
    environ |= {"TERM": "xterm"} | ({"NO_COLOR": "1"} if view.isdecimal() else {})
    window = Window(columns)
    keys = told.get("keys", ())
    with surrounded(monkeypatch, environ) as patch, window.standing(patch, keys):
        ran = cli(*arguments)
    assert not ran.out + ran.err
    sheet = Sheet(columns)
    sheet.take(_mask(window.seen))
    return f"{sheet}--- exit {ran.code}\n"


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """Load what sends requests before any run: a time of more digits would move a column."""
    import_module("openai")


@contextmanager
def surrounded(
    monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str]
) -> Iterator[pytest.MonkeyPatch]:
    """For a while, have these variables in the environment."""
    with monkeypatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        yield patch


def _mask(seen: str) -> str:
    seen = re.sub(r"\d+(\.\d+)(?= s)", r"0\1", seen)
    return VOLATILE.sub(lambda match: re.sub(r"[0-9a-f]", "0", match.group()), seen)


@pytest.mark.parametrize(("name", "view"), VIEWS)
def test_a_screen_is_as_it_was_read(
    name: str, view: str, asking: Cli, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = read_screen(name)
    prepare(told, asking, server)

    seen = look(told, view, asking, monkeypatch)

    expected = FOLDER / name / f"{view}.txt"
    if WRITES:
        expected.write_text(seen, "utf-8", newline="\n")
    assert seen == expected.read_text("utf-8")


@pytest.mark.parametrize(("name", "view"), WIDTHS)
def test_a_terminal_breaks_nothing_but_replies_and_what_is_copied(name: str, view: str) -> None:
    replies = str(read_screen(name).get("answers"))
    rows = (FOLDER / name / f"{view}.txt").read_text("utf-8").split("\n")

    assert all(display_width(row.removesuffix("↩")) <= int(view) for row in rows)
    for line in "\n".join(rows).replace("↩\n", "↩").split("\n"):
        whole = line.replace("↩", "")
        assert "↩" not in line or whole in replies or any(one in whole for one in COPIED)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_progress_of_a_run_keeps_to_one_row(
    columns: int, asking: Cli, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = read_screen("every_verdict")
    prepare({"files": told["files"]}, asking, server)
    server.reply = Answer(content="Hello", delay=0.3)

    window = Window(columns)
    with monkeypatch.context() as patch, window.standing(patch, ()):
        asking("specs", "-j", "2")

    drawn = [part.partition("\r")[0].partition("\n")[0] for part in window.seen.split(ERASE)]
    lines = [line for line in drawn if " done" in line]
    assert len(lines) >= 3
    assert any("in flight" in line for line in lines)
    assert all(display_width(line) < columns for line in lines)


def test_a_screen_has_a_file_for_each_of_its_views_and_no_other() -> None:
    for name in SCREENS:
        views = {f"{view}.txt" for view in read_screen(name)["views"]}
        assert {path.name for path in (FOLDER / name).iterdir()} == views | {"screen.yaml"}
