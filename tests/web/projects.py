"""Projects with replies that wait, made by real runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import promptrun
from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import KEY

GREETING = """\
model: gpt-4o-mini
messages:
  - {role: user, content: "{{ who }}님께 인사해 주세요."}
cases:
  - {name: 정중, vars: {who: 가}}
  - {name: 반말, vars: {who: 나}}
  - {name: 사투리, vars: {who: 다}}
"""
ALIKE = """\
model: gpt-4o-mini
messages:
  - {role: user, content: "Greet {{ who }}."}
cases: [{name: one, vars: {who: Ann}}, {name: two, vars: {who: Bob}}]
"""


def write_project(folder: Path) -> None:
    (folder / "specs").mkdir(parents=True)
    (folder / "promptrun.toml").touch()
    (folder / "specs" / "alike.yaml").write_text(ALIKE, "utf-8")
    (folder / "specs" / "인사.yaml").write_text(GREETING, "utf-8")


def answers(server: OpenAIServer, **replies: str) -> None:
    """From now on, a reply for each case that has this text in its request."""

    def answer(request: object) -> object:
        told = str(getattr(request, "json", ""))
        return text(next((reply for who, reply in replies.items() if who in told), "안녕"))

    server.reply = answer  # type: ignore[assignment]  # any of the answers that it takes


def run_twice(folder: Path, between: Callable[[OpenAIServer], None]) -> None:
    """Accept what the specs of a project get, then let what they get after `between` wait."""
    with OpenAIServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.delenv("CI", raising=False)
        patch.setenv("OPENAI_API_KEY", KEY)
        patch.setenv("OPENAI_BASE_URL", server.base_url)
        answers(server)
        promptrun.run(folder / "specs")
        between(server)
        promptrun.run(folder / "specs", update="none")


def make_waiting(folder: Path) -> None:
    """Two cases of a spec that changed alike, and three of another, each to another reply."""
    write_project(folder)
    run_twice(
        folder,
        lambda server: answers(server, Ann="hey", Bob="hey", 가님="하나", 나님="둘", 다님="셋"),
    )
