"""What a start may import: slow packages load only where they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SLOW = {
    "aiohttp",
    "anyio",
    "asyncio",
    "dataclasses",
    "deepdiff",
    "httpx",
    "httpx2",
    "jsonpath_rfc9535",
    "jsonschema",
    "openai",
    "platformdirs",
    "pygal",
    "pydantic",
    "numpy",
    "genai_prices",
    "rapidfuzz",
    "regex",
    "sqlite3",
    "ssl",
    "starlette",
    "uvicorn",
    "xllamacpp",
}

PROGRAM = """
import sys
from promptrun.cli import main
try:
    main(sys.argv[1:])
finally:
    print("\\n".join(sorted(sys.modules)), file=open({report!r}, "w"))
"""


def imported_by(tmp_path: Path, *arguments: str, cwd: Path = ROOT) -> tuple[int, set[str]]:
    report = tmp_path / "modules.txt"
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(report=str(report)), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, set(report.read_text().split())


def test_help_imports_click_and_nothing_slow(tmp_path: Path) -> None:
    code, modules = imported_by(tmp_path, "--help")

    assert code == 0
    assert "click" in modules
    assert not modules & (SLOW | {"yaml", "jinja2", "msgspec", "tomllib"})


def test_a_replay_that_passes_imports_nothing_slow(tmp_path: Path) -> None:
    code, modules = imported_by(tmp_path, "specs/json_people.yaml", "--replay")

    assert code == 0
    assert "promptrun.snapshots.store" in modules
    assert not modules & SLOW


def test_a_run_that_has_nothing_to_send_imports_nothing_slow(tmp_path: Path) -> None:
    code, modules = imported_by(tmp_path, "specs/json_people.yaml", "--changed")

    assert code == 0
    assert "promptrun.pipeline.dialogues" in modules
    assert not modules & SLOW


@pytest.mark.parametrize("command", ["check", "list", "show", "prune", "review"])
def test_what_sends_nothing_imports_nothing_slow(tmp_path: Path, command: str) -> None:
    code, modules = imported_by(tmp_path, command, "specs/json_people.yaml")

    assert code == 0
    assert not modules & SLOW


def test_a_look_at_the_history_imports_only_what_reads_records(tmp_path: Path) -> None:
    code, modules = imported_by(tmp_path, "history")

    assert code == 0
    assert not modules & SLOW - {"sqlite3"}


def test_importing_promptrun_imports_none_of_its_parts() -> None:
    program = "import sys, promptrun; print([m for m in sys.modules if m.startswith('promptrun')])"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert ran.stdout.strip() == "['promptrun']"
