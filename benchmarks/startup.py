"""Start-up, as ratios of whole processes measured in turn in one run.

``promptrun --help`` is held against ``python -c "import click"``, and a replay of one spec against
``python -c "import click, yaml, jinja2"``. Run it with ``python benchmarks/startup.py``; bytecode
is compiled by a first round that does not count.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 11
REPLAYED = "specs/json_people.yaml"

PROMPTRUN = (sys.executable, "-c", "from promptrun.cli import main; main()")
PAIRS = {
    "promptrun --help": (
        (*PROMPTRUN, "--help"),
        (sys.executable, "-c", "import click"),
        2.0,
    ),
    f"promptrun {REPLAYED} --replay": (
        (*PROMPTRUN, REPLAYED, "--replay"),
        (sys.executable, "-c", "import click, yaml, jinja2"),
        2.0,
    ),
}


def measure(command: tuple[str, ...]) -> float:
    """Seconds of one whole process, which has to succeed."""
    begun = perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return perf_counter() - begun


def main() -> int:
    """Print each pair and whether it keeps its target; 1 where one does not."""
    failed = 0
    for name, (command, floor, target) in PAIRS.items():
        measure(command)
        measure(floor)
        # In turn, so that a machine whose speed drifts slows both.
        pairs = [(measure(command), measure(floor)) for _ in range(ROUNDS)]
        ratio = median(ours / theirs for ours, theirs in pairs)
        ours, theirs = (median(column) * 1000 for column in zip(*pairs, strict=True))
        verdict = "ok" if ratio <= target else "TOO SLOW"
        failed += ratio > target
        print(
            f"{name}: {ours:.0f} ms, floor {theirs:.0f} ms, "
            f"ratio {ratio:.2f} (target {target:.1f}) {verdict}"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
