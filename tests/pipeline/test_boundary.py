"""A mistake of promptrun's own in one case: the others go on, and the process ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from promptrun.pipeline import sets
from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import Cli

ROOT = Path(__file__).parent.parent.parent
SPEC = "model: gpt-4o-mini\nmessages:\n  - {role: user, content: 안녕}\n"


def break_down(*_: object, **__: object) -> None:
    raise ZeroDivisionError("a mistake")


def test_it_is_the_error_of_its_case_alone(
    asking: Cli, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking.write("specs/a.yaml", SPEC)
    asking.write("specs/b.yaml", f"{SPEC}samples: 2\n")
    asking.write("specs/c.yaml", SPEC)
    server.reply = text("안녕하세요?")
    monkeypatch.setattr(sets, "look_at", break_down)

    ran = asking("specs/")

    assert ran.code == 3
    assert "internal error in test_boundary.py:" in ran.err
    assert "ZeroDivisionError: a mistake; please report it" in ran.err
    assert sorted(asking.files("snapshots")) == [
        "snapshots/a/default.yaml",
        "snapshots/c/default.yaml",
    ]


def test_a_screen_that_breaks_down_ends_the_process(asking: Cli, server: OpenAIServer) -> None:
    asking.write("specs/a.yaml", SPEC)
    asking.write("specs/b.yaml", SPEC)
    program = (
        "from promptrun.cli import main, run_screen\n"
        "def show(self, event): raise ZeroDivisionError\n"
        "run_screen.RunScreen.show = show\n"
        "main(['specs/'])\n"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=asking.folder,
        env={"PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "sk-test-0123456789",
             "OPENAI_BASE_URL": server.base_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip

    assert ran.returncode == 1
    assert "ZeroDivisionError" in ran.stderr
