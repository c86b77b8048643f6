"""The list of recorded runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from msgspec import structs

from promptrun.models import Verdict
from promptrun.reports.history import PastRun, write_history
from promptrun.reports.width import display_width
from promptrun.runs import RunWriter
from tests.promptrun_cli import Cli
from tests.runs.examples import META, ended, failed, keep, said

ROOT = Path(__file__).parents[2]

KILLED = """
import os, signal, sys
from pathlib import Path
from threading import Thread
from tests.runs.examples import ended, keep, said, start
writer = start(Path(sys.argv[1]), "killed")
keep(writer, said(prompt_tokens=5), ended())
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def _in_seoul(cli: Cli) -> Iterator[None]:
    """A project, on a machine whose clock is nine hours ahead of UTC."""
    cli.write("promptrun.toml", "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Seoul")
        time.tzset()
        yield
    time.tzset()


def write(cli: Cli, run_id: str, *selection: str, **fields: Any) -> RunWriter:
    """A run of two cases, that goes on."""
    meta = structs.replace(META, targets=selection, selection=selection, **fields)
    writer = RunWriter(cli.folder, run_id, meta)
    keep(writer, said(prompt_tokens=1000, completion_tokens=70, cost=0.0123), ended("a"))
    keep(writer, failed(), ended("b", verdict=Verdict.FAILED))
    return writer


def ids(cli: Cli, *arguments: str, cwd: Path | None = None) -> list[str]:
    ran = cli("history", *arguments, "--json", cwd=cwd)
    assert ran.code == 0
    return [json.loads(line)["id"] for line in ran.out.splitlines()]


def test_runs_stand_in_a_table_newest_first(cli: Cli) -> None:
    write(cli, "first", "specs/이야기.yaml::옛날", "specs/b.yaml").close("finished", 1)
    RunWriter(cli.folder, "second", structs.replace(META, targets=("specs",))).close("stopped", 3)

    ran = cli("history")

    assert (ran.code, ran.err) == (0, "")
    head, second, first = (line.split("  ") for line in ran.out.splitlines())
    assert [cell.strip() for cell in head if cell] == [
        "run", "began", "took", "state", "cases", "requests", "tokens", "cost", "targets",
    ]  # fmt: skip
    cells = [cell.strip() for cell in first if cell.strip()]
    assert cells[3:] == [
        "finished",
        "2: 1 failed, 1 passed",
        "2",
        "1,000 + 70",
        "$0.0123",
        "specs/이야기.yaml::옛날 specs/b.yaml",
    ]
    assert [cell.strip() for cell in second if cell.strip()][3:] == [
        "stopped", "–", "0", "–", "–", "specs",
    ]  # fmt: skip


def test_times_are_those_of_here(cli: Cli) -> None:
    write(cli, "now", "specs").close("finished", 0)

    began = time.strftime("%Y-%m-%d %H", time.gmtime(time.time() + 9 * 3600))
    assert f"now  {began}" in cli("history").out


def test_a_run_without_an_end_is_running_or_was_killed(cli: Cli) -> None:
    command = [sys.executable, "-c", KILLED, str(cli.folder)]
    subprocess.run(command, cwd=ROOT, check=False)
    writer = write(cli, "live", "specs")
    lines = cli("history", "--json").out.splitlines()
    writer.close("interrupted", 130)

    told = {one["id"]: one for one in map(json.loads, lines)}
    assert (told["live"]["state"], told["killed"]["state"]) == ("running", "killed")
    assert told["live"]["seconds"] >= 0
    assert told["killed"]["seconds"] is None
    assert (told["killed"]["requests"], told["killed"]["prompt_tokens"]) == (1, 5)
    assert told["killed"]["verdicts"] == {"passed": 1}
    assert "interrupted" in cli("history").out


def test_a_run_is_one_versioned_object_a_line(cli: Cli) -> None:
    write(cli, "first", "specs/이야기.yaml").close("finished", 1)

    ran = cli("history", "--json")

    assert (ran.code, ran.err, ran.out.count("\n")) == (0, "", 1)
    assert "specs/이야기.yaml" in ran.out
    told = json.loads(ran.out)
    assert (told.pop("began") < told.pop("ended"), told.pop("seconds") >= 0) == (True, True)
    assert told == {
        "promptrun": 1,
        "id": "first",
        "root": str(cli.folder),
        "state": "finished",
        "exit_code": 1,
        "targets": ["specs/이야기.yaml"],
        "selection": ["specs/이야기.yaml"],
        "providers": ["openai", "local"],
        "overrides": META.overrides,
        "settings": {"jobs": 4, "timeout": 60.0},
        "update": "none",
        "versions": {"promptrun": "0.3.0", "openai": "3.54.0", "python": "3.11.7"},
        "commit": "119e480",
        "verdicts": {"failed": 1, "passed": 1},
        "requests": 2,
        "failures": 1,
        "attempts": 4,
        "prompt_tokens": 1000,
        "completion_tokens": 70,
        "cost": 0.0123,
        "problem": None,
    }


def test_a_project_without_runs_says_so(cli: Cli) -> None:
    assert cli("history") == (0, "", "no run is recorded\n")
    assert cli("history", "--json") == (0, "", "no run is recorded\n")
    assert cli("history", "specs") == (0, "", "no run is recorded over what was named\n")
    assert cli.files() == ["promptrun.toml"]


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("specs/가.yaml", ["all", "가", "가::옛날", "folder"]),
        ("specs/가.yaml::옛날", ["all", "가", "가::옛날", "folder"]),
        ("specs/가.yaml::다른", ["all", "가", "folder"]),
        ("specs", ["all", "나", "가", "가::옛날", "folder"]),
        ("./specs/../specs/나.yaml", ["all", "나", "folder"]),
        (".", ["all", "나", "가", "가::옛날", "folder"]),
        ("specs/가", ["all", "folder"]),
        ("elsewhere", ["all"]),
    ],
)
def test_a_path_limits_the_list_to_runs_that_took_it(
    cli: Cli, target: str, found: list[str]
) -> None:
    for place, selection in enumerate(
        ["specs", "specs/가.yaml::옛날", "specs/가.yaml", "specs/나.yaml", "."]
    ):
        write(cli, f"run-{place}", selection).close("finished")
    names = dict(
        zip(
            ("run-0", "run-1", "run-2", "run-3", "run-4"),
            ("folder", "가::옛날", "가", "나", "all"),
            strict=True,
        )
    )

    assert [names[one] for one in ids(cli, target)] == found


def test_a_path_is_that_of_the_folder_where_it_is_typed(cli: Cli) -> None:
    write(cli, "a", "specs/a.yaml").close("finished")
    write(cli, "b", "specs/b.yaml").close("finished")
    inner = cli.folder / "specs"
    inner.mkdir()

    assert ids(cli, "a.yaml", cwd=inner) == ["a"]
    assert ids(cli, str(inner / "b.yaml")) == ["b"]
    assert ids(cli, "a.yaml", "b.yaml", cwd=inner) == ["b", "a"]
    assert ids(cli, cwd=inner) == ["b", "a"]


def test_only_the_newest_are_listed_and_the_rest_is_counted(cli: Cli) -> None:
    for number in range(5):
        write(cli, f"run-{number}", "specs").close("finished")

    ran = cli("history", "-n", "2")

    assert [line.split()[0] for line in ran.out.splitlines()] == ["run", "run-4", "run-3"]
    assert ran.err == "3 older runs; `-n 5` lists all\n"
    assert cli("history", "-n", "0").code == 2


def test_a_record_that_cannot_be_read_is_listed_as_such(cli: Cli) -> None:
    write(cli, "good", "specs").close("finished")
    (cli.folder / ".promptrun/runs/bad.sqlite").write_bytes(b"x" * 4096)

    ran = cli("history", "-n", "1")
    told = [json.loads(line) for line in cli("history", "--json").out.splitlines()]

    assert ran.code == 0
    assert ran.out.splitlines()[-1].split()[:5] == ["bad", "–", "–", "unreadable", "–"]
    why = "the record `.promptrun/runs/bad.sqlite` cannot be read: it is no SQLite database"
    assert f"warning: {why}\nhint: " in ran.err
    assert [(one["id"], one["state"], one["problem"]) for one in told] == [
        ("good", "finished", None),
        ("bad", "unreadable", why),
    ]


def test_of_many_targets_the_first_are_named(cli: Cli) -> None:
    meta = structs.replace(META, targets=tuple(f"specs/a.yaml::{at}" for at in range(20)))
    RunWriter(cli.folder, "run-1", meta).close("finished", 0)

    shown = cli("history").out

    assert "specs/a.yaml::0 specs/a.yaml::1 specs/a.yaml::2 and 17 more" in shown
    assert "::3" not in shown


def test_a_target_cannot_steer_the_terminal(cli: Cli) -> None:
    write(cli, "run", "specs/\x1b[2J\u202ename.yaml\n").close("finished")

    ran = cli("history")

    assert r"specs/\x1b[2J\u202ename.yaml\n" in ran.out
    assert "\x1b" not in ran.out


def test_a_folder_that_leads_out_of_the_project_is_an_error(cli: Cli, tmp_path: Path) -> None:
    (cli.folder / ".promptrun").symlink_to(os.path.realpath("/"))

    ran = cli("history")

    assert ran.code == 2
    assert "is a link that leads out of the project" in ran.err


def figures(cli: Cli, *arguments: str) -> list[dict[str, Any] | None]:
    lines = cli("history", *arguments, "--json").out.splitlines()
    return [json.loads(line)["figures"] for line in lines]


def test_a_named_spec_has_its_own_figures_in_each_run(cli: Cli) -> None:
    other = structs.replace(ended("a"), spec="specs/b.yaml")
    for number, passed in enumerate([Verdict.PASSED, Verdict.FAILED]):
        writer = RunWriter(cli.folder, f"run-{number}", structs.replace(META, selection=("specs",)))
        keep(writer, said(case="specs/이야기.yaml::옛날", prompt_tokens=10), ended(verdict=passed))
        keep(writer, said(case=other.id, prompt_tokens=1000, cost=5.0), other)
        writer.close("finished")

    assert figures(cli, "specs/이야기.yaml") == [
        {
            "verdicts": {"failed": 1},
            "passed": 0.0,
            "median": 0.84,
            "p95": 0.84,
            "requests": 1,
            "prompt_tokens": 10,
            "completion_tokens": None,
            "cost": None,
        },
        {
            "verdicts": {"passed": 1},
            "passed": 1.0,
            "median": 0.84,
            "p95": 0.84,
            "requests": 1,
            "prompt_tokens": 10,
            "completion_tokens": None,
            "cost": None,
        },
    ]
    whole = figures(cli, "specs")[0]
    assert whole is not None
    assert whole["prompt_tokens"] == 1010
    assert "figures" not in json.loads(cli("history", "--json").out.splitlines()[0])


def test_figures_and_plots_follow_the_table(cli: Cli) -> None:
    for number in range(3):
        write(cli, f"run-{number}", "specs/이야기.yaml").close("finished")

    ran = cli("history", "specs/이야기.yaml")

    assert (ran.code, ran.err) == (0, "")
    table, trend, plots = ran.out.split("\n\n")
    assert [line.split()[0] for line in table.splitlines()] == ["run", "run-2", "run-1", "run-0"]
    assert trend.splitlines() == [
        "of specs/이야기.yaml",
        "run    cases                  passed  median     p95      tokens     cost",
        "run-2  2: 1 failed, 1 passed    50 %  0.84 s  0.84 s  1,000 + 70  $0.0123",
        "run-1  2: 1 failed, 1 passed    50 %  0.84 s  0.84 s  1,000 + 70  $0.0123",
        "run-0  2: 1 failed, 1 passed    50 %  0.84 s  0.84 s  1,000 + 70  $0.0123",
    ]
    assert plots.splitlines() == [
        "3 runs: first → last (least to most)",
        "passed  ▄▄▄  50 % → 50 % (50 % to 50 %)",
        "median  ▄▄▄  0.84 s → 0.84 s (0.84 s to 0.84 s)",
        "p95     ▄▄▄  0.84 s → 0.84 s (0.84 s to 0.84 s)",
        "tokens  ▄▄▄  1,070 → 1,070 (1,070 to 1,070)",
        "cost    ▄▄▄  $0.0123 → $0.0123 ($0.0123 to $0.0123)",
    ]


def test_a_stream_that_knows_ascii_alone_gets_plots_of_ascii(cli: Cli) -> None:
    for number in range(2):
        write(cli, f"run-{number}", "specs/이야기.yaml").close("finished")

    program = "from promptrun.cli import main; main()"
    command = [sys.executable, "-c", program, "history", "specs/이야기.yaml"]
    ran = subprocess.run(
        command,
        cwd=cli.folder,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )

    plots = ran.stdout.decode().rpartition("\n\n")[2]
    assert "passed  ==  50 % -> 50 % (50 % to 50 %)" in plots
    assert plots.isascii()


def test_the_figures_of_the_newest_runs_alone_are_read(cli: Cli) -> None:
    for number in range(5):
        write(cli, f"run-{number}", "specs/이야기.yaml").close("finished")

    assert len(figures(cli, "specs/이야기.yaml", "-n", "2")) == 2


def test_a_record_that_cannot_be_read_has_no_figures(cli: Cli) -> None:
    write(cli, "good", ".").close("finished")
    (cli.folder / ".promptrun/runs/bad.sqlite").write_bytes(b"x" * 4096)

    found = figures(cli, ".")

    assert found[0] is not None
    assert found[1] is None
    assert cli("history", ".").code == 0


def test_the_figures_can_be_a_page(cli: Cli) -> None:
    for number in range(2):
        write(cli, f"run-{number}", "specs/이야기.yaml").close("finished")

    ran = cli("history", "specs/이야기.yaml", "--html", "out/trend.html")

    assert (ran.code, ran.err) == (0, "wrote out/trend.html\n")
    page = cli.read("out/trend.html")
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<svg") == 5
    assert str(cli.folder) not in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--html", "a.html"], "`--html` draws the figures of a PATH", id="no path"),
        pytest.param(["specs/이야기.yaml", "--html", "."], "is a directory", id="a folder"),
        pytest.param(["specs/이야기.yaml", "--html", "-"], "`--html` takes a file", id="stdout"),
        pytest.param(
            ["specs/이야기.yaml", "--html", "promptrun.toml/a.html"],
            "cannot write `promptrun.toml/a.html`",
            id="below a file",
        ),
    ],
)
def test_a_page_that_cannot_be_written_is_an_error(
    cli: Cli, arguments: list[str], message: str
) -> None:
    write(cli, "run", "specs/이야기.yaml").close("finished")

    ran = cli("history", *arguments)

    assert ran.code == 2
    assert message in ran.err


def test_a_page_never_takes_the_place_of_a_pipe(cli: Cli) -> None:
    write(cli, "run", "specs/이야기.yaml").close("finished")
    pipe = cli.folder / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = Thread(target=lambda: read.append(pipe.read_text("utf-8")), daemon=True)
    reader.start()

    ran = cli("history", "specs/이야기.yaml", "--html", "pipe")

    reader.join(10)
    assert ran.code == 0
    assert pipe.is_fifo()
    assert read[0].startswith("<!DOCTYPE html>")


PAST = (
    PastRun(
        id="20261122T232510-3f2a",
        root="/p",
        state="finished",
        began="2026-11-22T14:25:10.000+00:00",
        seconds=4000.4,
        targets=("specs/이야기.yaml::할머니와 할아버지", "specs/summary.yaml"),
        verdicts={Verdict.PASSED: 1200, Verdict.CHANGED: 3, Verdict.ERROR: 40},
        requests=1243,
        prompt_tokens=1_234_567,
        completion_tokens=89_012,
        cost=12.5,
    ),
    PastRun(id="short", root="/p", state="killed", began="gestern", targets=("한글",)),
    PastRun(id="bad", root="/p", state="unreadable", problem="it is damaged"),
)


@pytest.mark.parametrize("width", range(40, 201))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = list(write_history(PAST, width))

    assert max(map(display_width, lines)) <= width
    assert {"20261122T232510-3f2a", "short", "bad"} <= {line.split()[0] for line in lines}
    assert "1 h 6 min" in "\n".join(lines)


@pytest.mark.parametrize("width", [200, None])
def test_the_columns_of_a_table_are_aligned_whatever_the_letters(width: int | None) -> None:
    moved = structs.replace(PAST[1], id="한글-아이디", targets=("x",))
    head, *lines = write_history([*PAST, moved], width)

    start = head.index("state")
    for line, state in zip(lines, ("finished", "killed", "unreadable", "killed"), strict=True):
        before = line[: line.index(state)]
        assert display_width(before) == start


def test_on_a_narrow_terminal_a_run_takes_several_lines() -> None:
    assert list(write_history(PAST, 40)) == [
        "20261122T232510-3f2a  finished",
        "  2026-11-22 23:25, took 1 h 6 min",
        "  1,243: 3 changed, 40 error,",
        "  1,200 passed",
        "  1,243 requests,",
        "  1,234,567 + 89,012 tokens, $12.50",
        "  specs/이야기.yaml::할머니와 할아버지 …",
        "short  killed",
        "  gestern",
        "  한글",
        "bad  unreadable",
    ]


def test_on_a_pipe_nothing_is_cut() -> None:
    table = "\n".join(write_history(PAST, None))

    assert "specs/이야기.yaml::할머니와 할아버지 specs/summary.yaml" in table
    assert "…" not in table
