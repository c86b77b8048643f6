"""The example specs on the embedded model, against the replies that are committed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.promptrun_cli import Cli

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.local


@pytest.fixture
def project(cli: Cli) -> Cli:
    """The specs of the repository with their snapshots, in a folder of their own."""
    for name in ("specs", "snapshots"):
        shutil.copytree(ROOT / name, cli.folder / name)
    shutil.copy(ROOT / "promptrun.toml", cli.folder)
    return cli


def test_every_text_spec_passes_and_every_image_is_skipped(project: Cli) -> None:
    before = project.files()

    ran = project("specs", "--json")

    results = {one["id"]: one for one in map(json.loads, ran.out.splitlines())}
    assert ran.code == 0, ran.err
    assert {one["provider"] for one in results.values()} == {"local"}
    skipped = {name for name, one in results.items() if one["verdict"] == "skipped"}
    assert skipped == {"specs/vision_file.yaml::default", "specs/vision_url.yaml::default"}
    assert all("holds an image" in results[name]["reason"] for name in skipped)
    rest = {one["verdict"] for name, one in results.items() if name not in skipped}
    assert rest == {"passed"}
    assert project.files() == before


def test_every_reply_is_replayed_without_the_model(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTRUN_LOCAL_MODEL", "there-is-none.gguf")

    ran = project("specs", "--replay")

    assert ran.code == 0
    assert re.search(r"2 skipped, \d+ passed", ran.err)


def test_a_reply_depends_neither_on_its_neighbours_nor_on_how_it_is_asked_for(
    project: Cli,
) -> None:
    target = "specs/history.yaml", "specs/json_people.yaml", "specs/stream.yaml"

    def replies(*options: str) -> dict[str, list[str]]:
        ran = project(*target, "--json", "--update", "none", *options)
        return {
            one["id"]: [choice["message"]["content"] for choice in one["reply"]["choices"]]
            for one in map(json.loads, ran.out.splitlines())
        }

    alone = replies("-j", "1")

    assert len(alone) == 4
    assert replies("-j", "16") == alone
    assert replies("--no-stream") == alone


def spoil_the_examples(project: Cli) -> None:
    """Make the prompt of the sampled spec worse, as README tells it."""
    text = project.read("specs/animals.yaml")
    first = text.index("  - role: user\n    content: A fox")
    spoiled = text[:first] + text[text.index("  - role: user\n    content: The cat") :]
    good = """content: '{"animals": ["cat", "mouse"]}'"""
    assert good in spoiled
    project.write(
        "specs/animals.yaml", spoiled.replace(good, "content: There is a cat in it, and a mouse.")
    )


def test_a_worse_prompt_is_caught_by_its_samples(project: Cli) -> None:
    spoil_the_examples(project)

    ran = project("specs/animals.yaml", "--json")

    result = json.loads(ran.out)
    assert ran.code == 1
    assert result["causes"] == ["prompt", "reply"]
    assert result["statistics"]["replies"]["p"] < 0.01
    assert len(result["samples"]) == 10


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_readme_shows_how_a_worse_prompt_is_told(name: str, project: Cli) -> None:
    block = re.search(
        r"^```\n\$ promptrun (specs/animals.yaml) > replies.txt\n((?:.+\n)+)```",
        (ROOT / name).read_text("utf-8"),
        re.MULTILINE,
    )
    assert block is not None
    spoil_the_examples(project)

    ran = project(block[1])

    def steady(text: str) -> list[str]:
        """The lines that are the same in every run: what the replies say of it varies."""
        assert "(prompt, reply)" in text
        _, _, moved = text.partition("  the request moved\n")
        told, differ, _ = moved.partition(": they differ (p ")
        assert differ
        return told.splitlines()

    assert steady(ran.err) == steady(block[2])


def test_the_readme_shows_what_really_happens(project: Cli) -> None:
    block = re.search(
        r"^```\n\$ promptrun (.+)\n(.+\n)((?:.+\n)+)```",
        (ROOT / "README.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert block is not None
    text = project.read("specs/json_people.yaml")
    project.write(
        "specs/json_people.yaml",
        text.replace("grandfather and a grandmother", "grandfather and a dragon"),
    )

    ran = project(block[1])

    def timeless(text: str) -> str:
        return re.sub(r"\d+\.\d\d s", "TIME", text)

    assert ran.code == 1
    assert ran.out == block[2]
    assert timeless(ran.err) == timeless(block[3])
