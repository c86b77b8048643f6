"""A real Chromium: a page of its own for each test, which fails where that page complains."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    WebError,
    sync_playwright,
)

from tests.browser.axe import Missing, find_axe, find_violations
from tests.browser.chromium import find_chromium, start_chromium
from tests.promptrun_cli import Cli, Ran

# Read now: while a test runs, neither is set.
IN_CI = os.environ.get("CI", "0").lower() not in {"", "0", "false"}
CHROMIUM = find_chromium()

PATIENCE = 15_000
"""Milliseconds that a page may take to do what is waited for, on a machine that is busy."""


def do_without(reason: str) -> NoReturn:
    """Skip what needs a part of the machine that is missing; in CI, where it has to be, fail."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


# Not of the whole session: Playwright keeps an event loop of its own running in this thread, and
# tests elsewhere start theirs.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of this folder; one for each worker of pytest-xdist."""
    if CHROMIUM is None:
        do_without("no Chromium: install it, or name it by PROMPTRUN_CHROMIUM")
    with sync_playwright() as playwright, start_chromium(playwright, CHROMIUM) as started:
        yield started


@pytest.fixture
def complaints() -> list[str]:
    """What the pages complained of so far; a test that provokes something clears it."""
    return []


@pytest.fixture
def context(browser: Browser, complaints: list[str]) -> Iterator[BrowserContext]:
    """A browser without a past, in which a test opens as many pages as it likes.

    The test fails where one of them writes an error to its console (as one does whose policy was
    broken), leaves an exception uncaught, shows a dialog, or asks another host for anything.
    """
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE)
    for event, watch in watches(complaints).items():
        context.on(event, watch)
    yield context
    context.close()
    assert complaints == []


def watches(complaints: list[str]) -> dict[Any, Callable[[Any], None]]:
    """What listens to each event of a browser that is worth a complaint."""

    def hear(told: ConsoleMessage) -> None:
        # A test's own server may end a moment before the page that asks it for news.
        ended = told.text.endswith("net::ERR_CONNECTION_REFUSED")
        if told.type == "error" and not (ended and not leaves(told.location["url"])):
            complaints.append(f"console: {told.text}")

    def follow(asked: Request) -> None:
        if leaves(asked.url):
            complaints.append(f"request: {asked.url:.200}")

    def close(dialog: Dialog) -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def catch(raised: WebError) -> None:
        complaints.append(f"uncaught: {raised.error}")

    return {"console": hear, "request": follow, "dialog": close, "weberror": catch}


def leaves(url: str) -> bool:
    """Whether a request goes anywhere but to this machine's files or its own servers."""
    parts = urlsplit(url)
    inside = parts.scheme in {"http", "https", "ws"} and is_loopback(parts.hostname or "")
    return not inside and parts.scheme not in {"file", "data", "blob", "about"}


def is_loopback(host: str) -> bool:
    """Whether it is an address of 127.0.0.0/8; a name is none."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty page, 1280 pixels wide."""
    return context.new_page()


@pytest.fixture(scope="session")
def axe_script() -> str:
    """The text of axe-core."""
    try:
        return find_axe().read_text("utf-8")
    except (Missing, OSError) as missing:
        do_without(str(missing))


@pytest.fixture
def axe(axe_script: str) -> Callable[[Page], list[str]]:
    """Serious and critical violations that axe-core finds on a page as it is shown now."""
    return lambda page: find_violations(page, axe_script)


class CliBesideABrowser(Cli):
    """Commands that may start an event loop, while Playwright's own waits in the same thread."""

    def __call__(self, *arguments: str, cwd: Path | None = None, **environ: str) -> Ran:
        """Type ``promptrun ARGUMENTS…``, as everywhere."""
        loop = asyncio._get_running_loop()  # noqa: SLF001 - there is no other way to ask
        asyncio._set_running_loop(None)  # noqa: SLF001 - for those who bring loops of their own
        try:
            return super().__call__(*arguments, cwd=cwd, **environ)
        finally:
            asyncio._set_running_loop(loop)  # noqa: SLF001 - and this is what was there


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    folder = tmp_path / "project"
    folder.mkdir()
    return CliBesideABrowser(folder, monkeypatch, capfd)
