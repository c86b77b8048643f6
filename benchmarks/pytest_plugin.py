"""What the plugin adds to a pytest run that has no spec, in whole processes measured in turn.

A run of one empty test is held against the same run with ``-p no:promptrun``. Run it with
``python benchmarks/pytest_plugin.py``; bytecode is compiled by a first round that does not count.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

ROUNDS = 31
TARGET = 10.0
"""Milliseconds."""

PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def measure(folder: Path, *arguments: str) -> float:
    """Milliseconds of one whole process, which has to succeed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    # An installed plugin is compiled once, whatever this shell says of bytecode.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    begun = perf_counter()
    subprocess.run((*PYTEST, *arguments), cwd=folder, env=environ, check=True, capture_output=True)
    return (perf_counter() - begun) * 1000


def main() -> int:
    """Print what the plugin costs and whether that keeps the target; 1 where it does not."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        (folder / "data.yaml").write_text("a: [b\n")
        measure(folder, "--promptrun-replay")  # fails where there is no plugin to measure
        measure(folder, "-p", "no:promptrun")
        pairs: list[tuple[float, float]] = []
        for number in range(ROUNDS):
            # In turn, and each of them first as often, so that a machine that drifts slows both.
            if number % 2:
                without = measure(folder, "-p", "no:promptrun")
                pairs.append((measure(folder), without))
            else:
                pairs.append((measure(folder), measure(folder, "-p", "no:promptrun")))
    added = median(with_it - without for with_it, without in pairs)
    floor = median(without for _, without in pairs)
    verdict = "ok" if added <= TARGET else "TOO SLOW"
    print(
        f"pytest with the plugin: {added:.1f} ms more than {floor:.0f} ms "
        f"(target {TARGET:.0f} ms) {verdict}"
    )
    return 0 if added <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
