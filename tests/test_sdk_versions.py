from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("sdk_versions.py")


@pytest.mark.skipif(
    os.environ.get("CI", "0").lower() in {"", "0", "false"},
    reason="makes two environments: runs in CI, or by `python tests/sdk_versions.py`",
)
def test_the_protocol_holds_on_the_oldest_and_the_middle_openai(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, check=False)

    with capsys.disabled():
        print(f"\n{ran.stdout}{ran.stderr}", end="")  # noqa: T201 - CI shows which versions ran
    failed = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "E  "))]
    assert (failed, ran.returncode) == ([], 0)
    assert "openai 1.40.6" in ran.stdout
    assert "openai 2." in ran.stdout
    assert version("openai").startswith("3."), "the newest is what all other tests run on"
