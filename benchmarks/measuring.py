"""What the benchmarks of the engine share: projects, a server, children and what they used.

A figure means something only beside a floor that was measured in turn with it, so each result is a
ratio of medians, and the machine's own speed falls out of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
BARE = ROOT / "benchmarks" / "bare.py"
SERVER = ROOT / "tests" / "openai_server.py"

PROMPTRUN = (sys.executable, "-c", "from promptrun.cli import main; main()")

REPLY = "할머니와 할아버지가 시골에서 살았습니다. "
CHUNKS = 50

SPEC = """\
model: gpt-4o-mini
messages:
  - role: system
    content: "다음 글을 {{ language }}로, 한 문장으로 요약해 주세요."
  - role: user
    content: "{{ story }}"
parameters: {temperature: 0, max_tokens: 100}
cases: {file: NAME.csv}
"""


class Used(NamedTuple):
    """What one child process took."""

    wall: float
    """Seconds, from before it was started until it had ended."""
    cpu: float
    """Seconds, of the user and the system."""
    peak: float
    """MiB that it held at most."""
    code: int
    began: float
    """`time.monotonic()` just before; so is `ended`, just after."""
    ended: float


class Result(NamedTuple):
    """One line of a benchmark."""

    what: str
    figure: str
    floor: str
    ratio: float
    target: float
    """What the ratio may be at most."""


def tell(results: Iterable[Result]) -> int:
    """Print each result as soon as it is there; how many of them miss their target."""
    missed = 0
    for one in results:
        ok = one.ratio <= one.target
        missed += not ok
        print(
            f"{one.what}: {one.figure}, floor {one.floor}, ratio {one.ratio:.2f} "
            f"(target {one.target:.2f}) {'ok' if ok else 'MISSED'}",
            flush=True,
        )
    return missed


def wants_quick() -> bool:
    """Whether ``--quick`` was typed: fewer rounds, and fewer cases where that changes no ratio."""
    return "--quick" in sys.argv[1:]


def add_spec(folder: Path, name: str, rows: int, *, streamed: bool = False) -> str:
    """A spec with so many cases in the project `folder`, made where it is missing; its path."""
    specs = folder / "specs"
    specs.mkdir(parents=True, exist_ok=True)
    (folder / "promptrun.toml").write_text("", "utf-8")
    text = SPEC.replace("NAME", name) + ("stream: true\n" if streamed else "")
    (specs / f"{name}.yaml").write_text(text, "utf-8")
    with (specs / f"{name}.csv").open("w", encoding="utf-8") as file:
        file.write("name,language,story\n")
        for row in range(rows):
            file.write(f"c{row},한국어,옛날 옛적에 {row}번째 마을에 할머니가 살았습니다\n")
    return f"specs/{name}.yaml"


def environ_for(folder: Path, url: str = "") -> dict[str, str]:
    """The environment of a run in `folder` that asks the server at `url`, and nothing else."""
    dropped = ("CI", "OPENAI_", "PROMPTRUN_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {
        "OPENAI_API_KEY": "sk-benchmark-0123456789",
        "OPENAI_BASE_URL": url,
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PYTHONPATH": str(ROOT),
    }


def run_child(
    command: Iterable[str],
    folder: Path,
    environ: dict[str, str],
    *,
    codes: tuple[int, ...] = (0,),
    started: Callable[[int], None] | None = None,
) -> Used:
    """Run a process to its end, which has to be one of `codes`; `started` gets its id."""
    command = tuple(command)
    with TemporaryFile() as said:
        began = time.monotonic()
        child = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        if started is not None:
            started(child.pid)
        _, status, usage = os.wait4(child.pid, 0)
        ended = time.monotonic()
        child.returncode = code = os.waitstatus_to_exitcode(status)
        if code not in codes:
            said.seek(0)
            text = said.read()[-4_000:].decode("utf-8", "replace")
            sys.exit(f"{' '.join(command)}\nended with {code}:\n{text}")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    cpu = usage.ru_utime + usage.ru_stime
    return Used(ended - began, cpu, usage.ru_maxrss / scale, code, began, ended)


@contextmanager
def open_server(*options: str) -> Iterator[str]:
    """The loopback server of the tests as a process of its own; its address."""
    command = (sys.executable, str(SERVER), *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def in_turn(rounds: int, *measures: Callable[[], Used]) -> list[list[Used]]:
    """Each measure so often, in turn, so that a machine whose speed drifts slows them all.

    A first round that does not count compiles bytecode and fills the caches of the disk.
    """
    for measure in measures:
        measure()
    return [list(column) for column in zip(*_rounds(rounds, measures), strict=True)]


def _rounds(rounds: int, measures: tuple[Callable[[], Used], ...]) -> Iterator[list[Used]]:
    for number in range(rounds):
        order = measures if number % 2 else measures[::-1]
        used = [measure() for measure in order]
        yield used if number % 2 else used[::-1]


def middle(of: Iterable[float]) -> float:
    """The median."""
    return median(list(of))


def cpu_of(process: int) -> float:
    """Seconds of CPU that a running process has used (Linux; a clock tick is 10 ms)."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
