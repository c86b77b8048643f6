"""`docs/commands.md` is the help of every command; ``pytest tests/test_docs.py --write-docs``."""

from __future__ import annotations

import re
from inspect import signature
from pathlib import Path

import pytest

import promptrun
from promptrun.cli.group import COMMANDS
from promptrun.expect import Evidence, judge
from promptrun.files.source import Source
from promptrun.files.yaml import parse_yaml
from promptrun.models import Expectation
from promptrun.reports.text import write_outcome
from tests.expect.judging import snapshot
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


@pytest.mark.parametrize("name", signature(promptrun.run).parameters)
def test_the_page_of_the_api_names_every_parameter_of_a_run(name: str) -> None:
    rows = re.findall(r"(?m)^\| (`.+?) \|", (DOCS / "python.md").read_text("utf-8"))
    assert name in re.findall(r"`(\w+)`", " ".join(rows))


def test_the_page_of_expectations_shows_what_is_printed() -> None:
    page = (DOCS / "expectations.md").read_text("utf-8")
    [printed] = re.findall(r"(?s)```\n(broken: .+?)\n```", page)
    [rule] = re.findall(r"(?m)^  - json: (.+)$", page)
    argument = parse_yaml(Source("rule.yaml", rule))
    reply = snapshot({"content": '{"people": ["Grandfather", "grandmother"]}'})

    [outcome] = judge([Expectation(kind="json", argument=argument)], Evidence(snapshot=reply))

    assert write_outcome(outcome) == printed


def test_the_judge_of_the_page_is_a_spec(cli: Cli) -> None:
    page = (DOCS / "expectations.md").read_text("utf-8")
    [text] = re.findall(r"(?s)```yaml\n# specs/judges/_polite.yaml\n(.+?)```", page)
    cli.write("specs/judges/_polite.yaml", text)

    ran = cli("check", "specs/judges/_polite.yaml")

    assert ran.code == 0, ran.err
    assert "warning" not in ran.err
