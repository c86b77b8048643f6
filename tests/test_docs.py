"""`docs/commands.md` is the help of every command; ``pytest tests/test_docs.py --write-docs``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from promptrun.cli.group import COMMANDS
from tests.promptrun_cli import Cli

DOCS = Path(__file__).parent.parent / "docs"
INTRODUCTION = """\
# Commands

What `promptrun --help` and the help of each command say.
"""


def test_the_page_of_commands_is_their_help(cli: Cli, request: pytest.FixtureRequest) -> None:
    parts = [INTRODUCTION]
    for words in ([], *([command] for command in COMMANDS)):
        title = " ".join(["promptrun", *words])
        parts.append(f"## {title}\n\n```\n{cli(*words, '--help').out.rstrip()}\n```\n")
    text = "\n".join(parts)
    page = DOCS / "commands.md"
    if request.config.getoption("--write-docs"):
        page.write_text(text, "utf-8", newline="\n")

    assert page.read_text("utf-8") == text


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_link_between_the_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (DOCS / target).exists(), target
