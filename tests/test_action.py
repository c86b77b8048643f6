"""The GitHub action and its workflow: valid, and their scripts run as far as that goes here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
# YAML 1.1 reads the key `on` as a truth value.
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/prompts.yml").read_text("utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
SCRIPTS = {step["name"]: step for step in STEPS if "run" in step}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("vendor.github-actions", "action.yml"),
        ("vendor.github-workflows", ".github/workflows/prompts.yml"),
    ],
)
def test_github_would_take_it(schema: str, path: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, path]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("step", SCRIPTS.values(), ids=list(SCRIPTS))
def test_no_input_becomes_the_text_of_a_script(step: dict[str, Any]) -> None:
    assert "${{" not in step["run"]


def test_a_pull_request_gets_no_key_and_may_write_nothing() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    replay = WORKFLOW["jobs"]["replay"]
    assert "secrets." not in yaml.safe_dump(replay)
    assert "pull_request" in WORKFLOW[True]
    assert "pull_request_target" not in WORKFLOW[True]
    (step,) = [one for one in replay["steps"] if one["uses"] == "./"]
    assert step["with"]["mode"] == "replay"


def test_the_workflow_names_inputs_that_the_action_has() -> None:
    for job in WORKFLOW["jobs"].values():
        for step in job["steps"]:
            if step["uses"] == "./":
                assert set(step["with"]) <= set(ACTION["inputs"])


class Runner:
    """What GitHub gives a step: inputs, folders and files to write to."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "checkout"
        self.temp = folder / "temp"
        self.summary = folder / "summary.md"
        self.output = folder / "output"
        self.project.mkdir()
        for name in ("specs", "snapshots"):
            shutil.copytree(ROOT / name, self.project / name)
        shutil.copy(ROOT / "promptrun.toml", self.project)
        # What the step before would have installed.
        programs = self.temp / "promptrun/bin"
        programs.mkdir(parents=True)
        (programs / "promptrun").symlink_to(Path(sys.executable).with_name("promptrun"))

    def report(self, name: str) -> str:
        """The text of a report that was written."""
        return (self.project / "promptrun-reports" / name).read_text("utf-8")

    def __call__(self, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the step of that name."""
        step = SCRIPTS[name]
        given = {key: one.get("default", "") for key, one in ACTION["inputs"].items()} | inputs
        values = {
            variable: re.sub(
                r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given[found[1]], str(value)
            )
            for variable, value in step["env"].items()
        }
        self.summary.touch()
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.temp),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.output),
            "RUNNER_TEMP": str(self.temp),
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.project,
            env=environ | values,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_a_pull_request_that_changes_nothing_passes(runner: Runner) -> None:
    done = runner("Run the prompts")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "::error" not in done.stdout
    assert "passed" in runner.summary.read_text("utf-8")
    assert "html=promptrun-reports/report.html" in runner.output.read_text("utf-8")
    assert "<!doctype html>" in runner.report("report.html")[:100].lower()
    ET.fromstring(runner.report("junit.xml"))  # noqa: S314 - we wrote it ourselves


def test_a_prompt_that_moved_fails_with_its_line_its_summary_and_its_reports(
    runner: Runner,
) -> None:
    spec = runner.project / "specs/hello.yaml"
    spec.write_text(spec.read_text("utf-8").replace("You are", "Well, you are", 1), "utf-8")

    done = runner("Run the prompts")

    assert done.returncode == 1, done.stdout + done.stderr
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("::error ")]
    assert "file=specs/hello.yaml,line=" in line
    assert "hello.yaml" in runner.summary.read_text("utf-8")
    (failure,) = ET.fromstring(runner.report("junit.xml")).iter("failure")  # noqa: S314
    assert failure.get("type") == "changed"
    assert "Well, you" in runner.report("report.html")


def test_words_of_an_input_stay_words(runner: Runner) -> None:
    done = runner("Run the prompts", paths="specs/hello.yaml $(touch pwned)", args="; touch pwned")

    assert done.returncode == 2
    assert not (runner.project / "pwned").exists()


def test_no_file_of_the_checkout_is_taken_for_python(runner: Runner) -> None:
    (runner.project / "venv.py").write_text("open('pwned', 'w')", "utf-8")
    script = SCRIPTS["Install promptrun"]["run"].splitlines()[0]
    assert "-m venv" in script

    subprocess.run(
        ["bash", "-c", script.replace("venv ", "venv --without-pip ")],
        cwd=runner.project,
        env={"PATH": os.environ["PATH"], "RUNNER_TEMP": str(runner.temp / "other")},
        check=True,
    )

    assert not (runner.project / "pwned").exists()


def test_what_a_commit_says_is_waiting_is_not_uploaded(runner: Runner) -> None:
    planted = runner.project / ".promptrun/pending/snapshots/planted.yaml"
    planted.parent.mkdir(parents=True)
    planted.write_text("planted", "utf-8")

    runner("Run the prompts")

    assert not planted.exists()


def test_an_unknown_mode_is_refused(runner: Runner) -> None:
    done = runner("Run the prompts", mode="everything")

    assert done.returncode == 2
    assert done.stdout == "::error::mode must be replay, changed or live\n"
