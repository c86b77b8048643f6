"""Run the tests of the protocol on the oldest and on the middle openai that we support.

The newest is what all other tests run on.

``python tests/sdk_versions.py [FOLDER]``: one environment a version is made below FOLDER (by
default in the system's temporary folder) and kept, so that the next run starts at once. The
project's own dependencies are installed there, and pytest. Exits with 1 where any test fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The oldest has no extra `aiohttp`: there the tests run on httpx.
VERSIONS = {
    "1.40.6": "openai==1.40.6",
    "2": "openai[aiohttp]>=2,<3",
}
TESTS = ("tests/providers", "tests/execute", "tests/test_specs.py")
NOT_HERE = ("tests/providers/test_local.py", "tests/providers/test_weights.py")


def needs() -> tuple[str, ...]:
    """What the project depends on besides openai, and what runs the tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    others = [one for one in project["dependencies"] if not one.startswith("openai")]
    # One of the example specs is sampled.
    samples = project["optional-dependencies"]["samples"]
    return (*others, *samples, "pytest>=9", "hypothesis>=6.120")


def prepare(folder: Path, requirement: str) -> Path:
    """The interpreter of an environment that holds `requirement`; made where it is missing."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # Written last, so that an installation that broke off is not taken for a whole one.
    mark = folder / "installed"
    packages = (requirement, *needs())
    wanted = "\n".join((*packages, sys.version))
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return python
    uv = shutil.which("uv")
    if uv:
        run(uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder))
        run(uv, "pip", "install", "-q", "--python", str(python), *packages)
    else:
        venv.create(folder, clear=True, symlinks=os.name != "nt")
        # The pip of this interpreter installs into the other: a pip of its own takes seconds.
        pip = (sys.executable, "-m", "pip", "--python", str(python))
        run(*pip, "install", "-q", "--no-compile", *packages)
    mark.write_text(wanted, encoding="utf-8")
    return python


def run(*command: str) -> None:
    """Run a command; what it says is shown only where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def run_tests(python: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests under `python`, from this checkout."""
    ignored = [f"--ignore={name}" for name in NOT_HERE]
    options = ["-q", "-p", "no:cacheprovider", *ignored]
    command = [str(python), "-m", "pytest", *options, *TESTS]
    # Options for the tests around this program, such as coverage, mean nothing there.
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def versions_in(python: Path) -> str:
    """What an environment really holds: ``aiohttp 3.14.5, httpx2 2.16.2, openai 3.54.0``."""
    program = (
        "from importlib.metadata import distributions as d;"
        "print(', '.join(sorted(f'{x.name} {x.version}' for x in d()"
        " if x.name in ('openai', 'httpx', 'httpx2', 'aiohttp', 'httpx-aiohttp'))))"
    )
    done = subprocess.run([str(python), "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def say(line: str) -> None:
    """One line for whoever runs this."""
    print(line, flush=True)  # noqa: T201 - this is a program


def main() -> None:
    """Make the environments, test in them, say what came of it."""
    default = Path(tempfile.gettempdir()) / "promptrun-sdk-versions"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with ThreadPoolExecutor(len(VERSIONS)) as pool:
        folders = (folder / name for name in VERSIONS)
        pythons = list(pool.map(prepare, folders, VERSIONS.values()))
    say(f"environments ready after {time.monotonic() - started:.1f} s")
    failed = False
    for python in pythons:
        began = time.monotonic()
        done = run_tests(python)
        failed = failed or done.returncode != 0
        last = done.stdout.strip().rpartition("\n")[2]
        say(f"{versions_in(python)}: {last} ({time.monotonic() - began:.1f} s)")
        if done.returncode:
            say(done.stdout + done.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
