"""The engine against a loopback server: how close it comes to what the openai package alone takes.

``python benchmarks/engine.py [--quick]``. Processes are measured whole, start-up included, unless a
line says otherwise; docs/performance.md tells what is measured.
"""

from __future__ import annotations

import shutil
import sys
import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring import (
    BARE,
    CHUNKS,
    PROMPTRUN,
    REPLY,
    ROOT,
    Result,
    Used,
    add_spec,
    environ_for,
    in_turn,
    middle,
    open_server,
    run_child,
    tell,
    wants_quick,
)

sys.path.insert(0, str(ROOT))

from typing import TYPE_CHECKING

from promptrun.runs import list_runs
from tests.openai_server import OpenAIServer, fix

if TYPE_CHECKING:
    from collections.abc import Iterator

LATE_CASES, LATE_JOBS, LATENCY = 1_000, 50, 0.2
JOBS = 64
LEAST_RATE = 400.0
"""Requests a second."""


def measure_latency(folder: Path, rounds: int) -> Iterator[Result]:
    """A server that thinks for 200 ms: how much of the time is not its own."""
    spec = add_spec(folder, "late", LATE_CASES)
    inside: list[float] = []
    inside_bare: list[float] = []

    def ours() -> Used:
        for kept in ("snapshots", ".promptrun"):
            shutil.rmtree(folder / kept, ignore_errors=True)
        with OpenAIServer(fix(REPLY, delay=LATENCY)) as server:
            command = (*PROMPTRUN, spec, "-j", str(LATE_JOBS), "-q")
            used = run_child(command, folder, environ_for(folder, server.base_url))
            assert len(server.requests) == LATE_CASES
            (info,) = list_runs(folder)
            assert info.ended is not None
            ended = datetime.fromisoformat(info.ended).timestamp() - time.time() + time.monotonic()
            inside.append(ended - server.requests[0].at)
        return used

    def bare() -> Used:
        with OpenAIServer(fix(REPLY, delay=LATENCY)) as server:
            command = (sys.executable, str(BARE), server.base_url, str(LATE_CASES), str(LATE_JOBS))
            used = run_child(command, folder, environ_for(folder))
            first, *_, last = server.requests
            inside_bare.append(last.at + LATENCY - first.at)
        return used

    runs, bare_runs = in_turn(rounds, ours, bare)
    ideal = LATE_CASES / LATE_JOBS * LATENCY
    what = f"{LATE_CASES:,} cases, {LATENCY * 1000:.0f} ms server, -j {LATE_JOBS}"
    for name, seconds, target in (
        ("from the first request until the record is closed", middle(inside[1:]), 1.10),
        ("the whole process", middle(used.wall for used in runs), 1.30),
    ):
        figures = f"{seconds:.2f} s", f"{ideal:.2f} s (the ideal)"
        yield Result(f"{what}, {name}", *figures, seconds / ideal, target)
    alone, whole = middle(inside_bare[1:]), middle(used.wall for used in bare_runs)
    print(f"  a bare loop: {alone:.2f} s until the last reply, {whole:.2f} s in all", flush=True)


def measure_cpu(folder: Path, name: str, count: int, rounds: int) -> Iterator[Result]:
    """A server without latency: CPU and rate against a bare loop over the openai package."""
    streamed = name == "streamed"
    few = count // 5
    specs = {
        rows: add_spec(folder, f"{name}{rows}", rows, streamed=streamed) for rows in (count, few)
    }
    options = ("--reply", REPLY[:8] if streamed else REPLY)
    chunks = ("--chunks", str(CHUNKS)) if streamed else ()
    with open_server(*options, *chunks) as url:
        environ = environ_for(folder, url)

        def ours(rows: int) -> Used:
            # What is sent with a seed writes no snapshot; the run is recorded.
            command = (*PROMPTRUN, specs[rows], "--seed", "1", "-j", str(JOBS), "-q")
            return run_child(command, folder, environ, codes=(1,))

        def bare(rows: int) -> Used:
            command = (sys.executable, str(BARE), url, str(rows), str(JOBS))
            return run_child((*command, *(["--stream"] if streamed else [])), folder, environ)

        measures = [lambda: ours(count), lambda: bare(count), lambda: ours(few), lambda: bare(few)]
        us, floor, us_few, floor_few = in_turn(rounds, *measures)
    what = f"{count:,} cases, no latency, -j {JOBS}"
    if streamed:
        what = f"{count:,} streamed replies of {CHUNKS} chunks, -j {JOBS}"
    ratio = middle(a.cpu / b.cpu for a, b in zip(us, floor, strict=True))
    mine, theirs = (middle(used.cpu for used in column) for column in (us, floor))
    figures = f"{mine:.2f} s of CPU", f"{theirs:.2f} s (a bare loop)"
    yield Result(what, *figures, ratio, 1.5)
    more, more_bare = (
        middle((a.cpu - b.cpu) / (count - few) * 1e3 for a, b in zip(*pair, strict=True))
        for pair in ((us, us_few), (floor, floor_few))
    )
    print(f"  start-up left out: {more:.2f} ms a case, bare {more_bare:.2f} ms", flush=True)
    if not streamed:
        rate = count / middle(used.wall for used in us)
        wanted = f"{LEAST_RATE:.0f} requests/s"
        yield Result(f"{what}, rate", f"{rate:.0f} requests/s", wanted, LEAST_RATE / rate, 1.0)


def measure(folder: Path) -> Iterator[Result]:
    """All results, one after the other."""
    quick = wants_quick()
    yield from measure_latency(folder, 1 if quick else 3)
    yield from measure_cpu(folder, "whole", 2_000 if quick else 5_000, 1 if quick else 5)
    yield from measure_cpu(folder, "streamed", 400 if quick else 1_000, 1 if quick else 5)


def main() -> int:
    """Print each figure and whether it keeps its target; 1 where one does not."""
    with TemporaryDirectory() as name:
        return 1 if tell(measure(Path(name))) else 0


if __name__ == "__main__":
    sys.exit(main())
