"""What README says is run as it stands there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
READMES = [ROOT / "README.md", ROOT / "README.ko.md"]


def commands(readme: Path) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", readme.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def test_the_two_readmes_say_the_same_commands() -> None:
    assert commands(READMES[0]) == commands(READMES[1])


def test_ci_finds_both_commands_in_the_readme() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()

    assert any(line.endswith("promptrun specs/json_people.yaml") for line in lines)
    assert any(line.endswith("pytest") for line in lines)


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_every_link_of_a_readme_leads_somewhere(readme: Path) -> None:
    text = readme.read_text("utf-8")
    targets = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", text)

    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_the_extras_that_the_readme_names_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = set(re.findall(r"'\.\[(\w+)\]'", (ROOT / "README.md").read_text("utf-8")))

    assert named == {"local", "dev"}
    assert named <= project["optional-dependencies"].keys()
