"""A dataset's length against the memory of a run and the time of a case.

``python benchmarks/memory.py [--quick]`` runs 1,000 and 100,000 rows of CSV (20,000 with
``--quick``) against a loopback server, and takes some minutes. What a process held at most is
counted by the system; its CPU is counted from its first request on, so that start-up is left out.
Linux only.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from measuring import (
    PROMPTRUN,
    REPLY,
    ROOT,
    Result,
    Used,
    add_spec,
    cpu_of,
    environ_for,
    middle,
    run_child,
    tell,
    wants_quick,
)

sys.path.insert(0, str(ROOT))

from tests.openai_server import Fixed, OpenAIServer, Received, fix

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY, MANY_IF_QUICK = 1_000, 100_000, 20_000
MOST = 250.0
"""MiB."""


class Meter:
    """The `reply` of a server that notes what its client has used when it asks for the first time.

    It counts the requests, too: a run that left one out would be cheap for no good reason.
    """

    def __init__(self) -> None:
        self.process = 0
        self.asked = 0
        self.cpu_before = 0.0
        self._answer = fix(REPLY)

    def start(self, process: int) -> None:
        """Watch a process that begins."""
        self.process, self.asked = process, 0

    def __call__(self, _: Received) -> Fixed:
        """The answer to a request."""
        if not self.asked:
            self.cpu_before = cpu_of(self.process)
        self.asked += 1
        return self._answer


def measure(folder: Path) -> Iterator[Result]:
    """Memory, and the time of a case, of many cases against few."""
    quick = wants_quick()
    many = MANY_IF_QUICK if quick else MANY
    specs = {rows: add_spec(folder, f"rows{rows}", rows) for rows in (FEW, many)}
    meter = Meter()

    with OpenAIServer(meter, keep_requests=False) as server:
        environ = environ_for(folder, server.base_url)

        def run(rows: int) -> tuple[Used, float]:
            command = (*PROMPTRUN, specs[rows], "--seed", "1", "-j", "64", "-q")
            used = run_child(command, folder, environ, codes=(1,), started=meter.start)
            assert meter.asked == rows
            return used, (used.cpu - meter.cpu_before) / rows

        run(FEW)
        # The short runs lie on both sides of the long one, should the machine's speed drift.
        short = [run(FEW) for _ in range(2 if quick else 5)]
        long, per_case = run(many)
        short += [run(FEW) for _ in range(2 if quick else 5)]
    few = middle(used.peak for used, _ in short)
    per_few = middle(each for _, each in short)
    what = f"peak memory at {many:,} cases"
    yield Result(what, f"{long.peak:.0f} MiB", f"{few:.0f} MiB at 1,000", long.peak / few, 1.2)
    yield Result(what, f"{long.peak:.0f} MiB", f"{MOST:.0f} MiB", long.peak / MOST, 1.0)
    figures = f"{per_case * 1e6:.0f} µs of CPU", f"{per_few * 1e6:.0f} µs at 1,000"
    yield Result(f"a case of {many:,}", *figures, per_case / per_few, 1.05)


def main() -> int:
    """Print each figure and whether it keeps its target; 1 where one does not."""
    with TemporaryDirectory() as name:
        return 1 if tell(measure(Path(name))) else 0


if __name__ == "__main__":
    sys.exit(main())
