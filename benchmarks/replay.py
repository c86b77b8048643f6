"""Replaying accepted replies, against libyaml's loader over the same files.

``python benchmarks/replay.py [--quick]`` makes 10,000 snapshots (2,000 with ``--quick``) by a run
against a loopback server, and replays them. Processes are measured whole.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from measuring import (
    PROMPTRUN,
    REPLY,
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

if TYPE_CHECKING:
    from collections.abc import Iterator

LOADER = """
import sys, yaml
from pathlib import Path
files = list(Path(sys.argv[1]).glob("*.yaml"))
for file in files:
    yaml.load(file.read_text("utf-8"), yaml.CSafeLoader)
assert len(files) == int(sys.argv[2]), len(files)
"""


def measure(folder: Path) -> Iterator[Result]:
    """The time of all files against the loader's, and that of one case at three sizes."""
    quick = wants_quick()
    sizes = (100, 500, 2_000) if quick else (100, 1_000, 10_000)
    specs = {size: add_spec(folder, f"cases{size}", size) for size in sizes}
    with open_server("--reply", REPLY) as url:
        run_child((*PROMPTRUN, "specs", "-j", "64", "-q"), folder, environ_for(folder, url))

    def ours(size: int) -> Used:
        command = (*PROMPTRUN, specs[size], "--replay", "-q")
        return run_child(command, folder, environ_for(folder))

    def loader() -> Used:
        kept = folder / "snapshots" / f"cases{most}"
        command = (sys.executable, "-c", LOADER, str(kept), str(most))
        return run_child(command, folder, environ_for(folder))

    few, some, most = sizes
    measures = [lambda: ours(few), lambda: ours(some), lambda: ours(most), loader]
    of_few, of_some, of_most, floor = in_turn(3 if quick else 5, *measures)
    ratio = middle(a.wall / b.wall for a, b in zip(of_most, floor, strict=True))
    mine, theirs = (middle(used.wall for used in column) for column in (of_most, floor))
    figures = f"{mine:.2f} s", f"{theirs:.2f} s (yaml.CSafeLoader)"
    yield Result(f"{most:,} snapshots replayed", *figures, ratio, 2.5)
    # Differences, so that start-up falls out.
    first = [(b.cpu - a.cpu) / (some - few) for a, b in zip(of_few, of_some, strict=True)]
    last = [(b.cpu - a.cpu) / (most - some) for a, b in zip(of_some, of_most, strict=True)]
    early, late = middle(first), middle(last)
    what = f"a case from {some:,} to {most:,}"
    floor_of = f"{early * 1e6:.0f} µs from {few} to {some:,}"
    yield Result(what, f"{late * 1e6:.0f} µs of CPU", floor_of, late / early, 1.1)


def main() -> int:
    """Print each figure and whether it keeps its target; 1 where one does not."""
    with TemporaryDirectory() as name:
        return 1 if tell(measure(Path(name))) else 0


if __name__ == "__main__":
    sys.exit(main())
