"""Runs that are killed and go on, and runs that share a project: nothing is lost or paid twice.

``python benchmarks/resume.py [--quick]``. A run of 1,000 cases is killed with -9 at a random moment
and gone on with, twenty times (four times with ``--quick``); then four runs work in one project at
once. What is counted is exact, and no figure of it depends on the machine's speed.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from measuring import (
    PROMPTRUN,
    REPLY,
    ROOT,
    Result,
    add_spec,
    environ_for,
    middle,
    run_child,
    tell,
    wants_quick,
)

sys.path.insert(0, str(ROOT))

from promptrun.runs import RunReader, list_runs
from tests.openai_answers import said_last
from tests.openai_server import Answer, OpenAIServer, Received, fix, text

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES, JOBS, LATENCY = 1_000, 32, 0.03
KILLS, KILLS_IF_QUICK = 20, 4
AT_ONCE, CASES_AT_ONCE = 4, 500
PATIENCE = 120.0
"""Seconds that a run may take to come to the moment at which it is killed."""


class Teller:
    """The `reply` of a server that repeats what was said, and counts how often it was asked so."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, received: Received) -> Answer:
        """The answer to a request: a text that no other case gets."""
        said = said_last(received.json)
        self.asked[said] += 1
        return text(said, delay=LATENCY)


class Round(NamedTuple):
    """What became of a run that was killed once."""

    killed_after: int
    """Requests that had been answered."""
    results: int
    """Cases that have exactly one result and one reply in the record, which is their own."""
    again: int
    """Requests that were paid for again."""


def run_killed(folder: Path, chance: Random) -> Round:
    """Kill a run at a random moment, go on with it, and look into its record."""
    folder.mkdir()
    spec = add_spec(folder, "killed", CASES)
    teller = Teller()
    with OpenAIServer(teller, keep_requests=False) as server:
        environ = environ_for(folder, server.base_url)
        command = (*PROMPTRUN, spec, "-j", str(JOBS), "-q")
        moment = chance.randint(1, CASES - 2 * JOBS)
        with subprocess.Popen(
            command, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as child:
            until = time.monotonic() + PATIENCE
            while server.answered < moment:
                assert child.poll() is None, "the run ended before it was killed"
                assert time.monotonic() < until, "the run does not come on"
                time.sleep(0.001)
            time.sleep(chance.random() * 0.02)
            os.kill(child.pid, signal.SIGKILL)
        killed_after = server.answered
        assert server.wait_idle()
        run_child((*command, "--resume"), folder, environ)
    # All snapshots are there, each is whole, and each is of its own case.
    run_child((*PROMPTRUN, spec, "--replay", "-q"), folder, environ_for(folder))
    results = sum(count_results(path) for path in records_of(folder))
    return Round(killed_after, results, teller.asked.total() - len(teller.asked))


def records_of(folder: Path) -> list[Path]:
    """The files of all runs of a project."""
    return [info.path for info in list_runs(folder)]


def count_results(path: Path) -> int:
    """How many cases of a record have one result, and one reply that is their own."""
    with RunReader(path) as reader:
        names = Counter(case.id for case in reader.cases())
        right = 0
        for name, count in names.items():
            replies = list(reader.replies(name))
            if count == 1 and len(replies) == 1 and replies[0].reply is not None:
                content = replies[0].reply.choices[0].content or ""
                row = name.rpartition("::c")[2]
                right += f" {row}번째 " in content
        assert not stray_replies(path, names)
    return right


def stray_replies(path: Path, names: Counter[str]) -> int:
    """How many replies a record holds beyond one a case."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM replies").fetchone()
    return int(rows) - len(names)


def measure_kills(folder: Path) -> Iterator[Result]:
    """Many killed runs, gone on with."""
    kills = KILLS_IF_QUICK if wants_quick() else KILLS
    chance = Random(9)  # noqa: S311 - the same moments each time
    rounds = [run_killed(folder / f"killed{number}", chance) for number in range(kills)]
    least = min(one.results for one in rounds)
    most = max(one.again for one in rounds)
    what = f"{kills} kills within {CASES:,} cases, -j {JOBS}"
    moments = middle(one.killed_after for one in rounds)
    print(f"{what}: killed after {moments:.0f} replies in the middle", flush=True)
    right = CASES / least if least else float("inf")
    wanted = f"{CASES:,}"
    yield Result("  cases with one result of their own", f"{least:,} at least", wanted, right, 1.0)
    again = f"{most} at most"
    yield Result("  requests paid again", again, f"{JOBS} in flight", most / JOBS, 1.0)


def measure_at_once(folder: Path) -> Iterator[Result]:
    """Runs that share a project, its snapshots and its folder of records."""
    folder.mkdir()
    spec = add_spec(folder, "shared", CASES_AT_ONCE)
    with OpenAIServer(fix(REPLY, delay=LATENCY), keep_requests=False) as server:
        environ = environ_for(folder, server.base_url)
        command = (*PROMPTRUN, spec, "-j", "16", "-q")
        runs = [
            subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.DEVNULL)
            for _ in range(AT_ONCE)
        ]
        codes = [run.wait() for run in runs]
        asked = server.answered
    assert asked == AT_ONCE * CASES_AT_ONCE
    run_child((*PROMPTRUN, spec, "--replay", "-q"), folder, environ_for(folder))
    rows = 0
    for info in list_runs(folder):
        with RunReader(info.path) as reader:
            cases = {case.id for case in reader.cases()}
            rows += sum(len(list(reader.replies(case))) == 1 for case in cases)
    what = f"{AT_ONCE} runs of {CASES_AT_ONCE} cases at once"
    complete = codes.count(0)
    whole = AT_ONCE / complete if complete else float("inf")
    yield Result(f"{what}, complete", f"{complete}", f"{AT_ONCE}", whole, 1.0)
    kept = asked / rows if rows else float("inf")
    yield Result(f"{what}, rows in their records", f"{rows:,}", f"{asked:,}", kept, 1.0)


def measure(folder: Path) -> Iterator[Result]:
    """All results, one after the other."""
    yield from measure_kills(folder)
    yield from measure_at_once(folder / "shared")


def main() -> int:
    """Print each figure and whether it keeps its target; 1 where one does not."""
    with TemporaryDirectory() as name:
        return 1 if tell(measure(Path(name))) else 0


if __name__ == "__main__":
    sys.exit(main())
