"""The pictures of docs/images/, of real runs on the embedded model.

``pytest tests/browser/test_screenshots.py --write-docs`` takes them anew.
"""

from __future__ import annotations

import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.promptrun_cli import Cli
from tests.test_specs_local import spoil_the_examples

pytestmark = pytest.mark.local

ROOT = Path(__file__).parent.parent.parent
IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 200_000
PROMPTRUN = (sys.executable, "-c", "from promptrun.cli import main; main()")
SPECS = ("animals", "json_people", "greetings", "capitals")


@pytest.fixture
def project(cli: Cli) -> Cli:
    """Specs of the repository after two prompts were made worse, run before and after that."""
    for name in ("specs/data", "snapshots/@local", *(f"specs/{spec}.yaml" for spec in SPECS)):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (cli.folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, cli.folder / name)
    shutil.copy(ROOT / "promptrun.toml", cli.folder)
    assert cli("specs").code == 0
    spoil_the_examples(cli)
    people = cli.read("specs/json_people.yaml")
    cli.write("specs/json_people.yaml", people.replace("and a grandmother", "and a dragon"))
    assert cli("specs", "--report", "html=report.html").code == 1
    return cli


def keep(picture: bytes, name: str, request: pytest.FixtureRequest) -> None:
    """The picture is small, and the one in docs/ has its size; written where that is asked for."""
    path = IMAGES / name
    if request.config.getoption("--write-docs"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture)
    assert len(picture) < MOST_BYTES
    assert path.stat().st_size < MOST_BYTES
    assert size_of(path.read_bytes()) == size_of(picture)


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


@contextmanager
def open_review(project: Cli) -> Iterator[str]:
    """``promptrun review --web`` as a person starts it; the address that it prints."""
    command = (*PROMPTRUN, "review", "--web", "--no-open")
    with subprocess.Popen(command, cwd=project.folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.send_signal(signal.SIGINT)


def open_case(page: Page, name: str) -> None:
    """Open a case of a report, and wait until it is drawn."""
    head = page.locator("#list .row-head").filter(has_text=name)
    head.click()
    expect(page.locator("#list .panel article")).to_be_visible()


def test_the_pictures_of_the_docs_are_what_is_shown(
    project: Cli, browser: Browser, page: Page, request: pytest.FixtureRequest
) -> None:
    address = (project.folder / "report.html").as_uri()
    page.set_viewport_size({"width": 1120, "height": 1240})
    page.goto(address)
    open_case(page, "json_people.yaml::english")
    page.mouse.move(0, 0)
    keep(page.screenshot(), "report.png", request)

    page.set_viewport_size({"width": 360, "height": 720})
    page.emulate_media(color_scheme="dark")
    page.goto("about:blank")
    page.goto(address)
    open_case(page, "json_people.yaml::english")
    page.evaluate("document.querySelector('#list .row:has(.panel)').scrollIntoView()")
    keep(page.screenshot(), "report-dark-phone.png", request)

    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1120, "height": 800})
    with open_review(project) as review:
        page.goto(review)
        page.locator(".item").filter(has_text="english").click()
        expect(page.locator("#title")).to_have_text("specs/json_people.yaml::english")
        keep(page.screenshot(), "review.png", request)
