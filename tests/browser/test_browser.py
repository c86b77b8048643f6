"""What the fixtures promise: a page that complains is heard, and nothing leaves the machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, Page

from tests.promptrun_cli import Cli


def show(page: Page, body: str, head: str = "") -> None:
    """A small page, without a server."""
    page.set_content(f"<!doctype html><html lang=en><title>x</title>{head}<main>{body}</main>")


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        pytest.param("console.error('a word')", "console: a word", id="an error in the console"),
        pytest.param("null.x", "uncaught: ", id="an uncaught exception"),
        pytest.param("Promise.reject(new Error('late'))", "uncaught: late", id="a lost promise"),
        pytest.param("alert('모달')", "dialog: 모달", id="a dialog"),
        pytest.param("fetch('https://example.com/')", "request: https:", id="a request"),
        pytest.param("new Image().src = 'http://192.0.2.1/'", "request: http://192", id="an image"),
    ],
)
def test_a_page_that_misbehaves_is_heard(
    script: str, complaint: str, page: Page, complaints: list[str]
) -> None:
    show(page, f"<p>x</p><script>{script}</script>")

    page.wait_for_timeout(300)

    assert any(one.startswith(complaint) for one in complaints), complaints
    complaints.clear()


def test_a_broken_policy_is_heard(page: Page, complaints: list[str]) -> None:
    policy = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'">"""
    show(page, "<script>window.pwned = 1</script>", policy)

    page.wait_for_timeout(200)

    assert page.evaluate("window.pwned") is None
    assert "Content Security Policy" in complaints.pop()
    assert complaints == []


def test_a_server_that_has_ended_is_no_complaint(page: Page, complaints: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    with page.expect_event("requestfailed"), page.expect_console_message() as told:
        show(page, f"<script>fetch('http://127.0.0.1:{port}/').catch(() => {{}})</script>")

    assert told.value.type == "error"

    assert complaints == []


def test_no_other_host_exists(page: Page, complaints: list[str]) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://192.0.2.1/")
    complaints.clear()


def test_a_quiet_page_is_no_complaint(page: Page, complaints: list[str]) -> None:
    show(page, "<script>console.log('안녕')</script>")

    assert complaints == []


def test_a_serious_violation_is_found(page: Page, axe: Callable[[Page], list[str]]) -> None:
    show(page, "<h1>x</h1><button></button>")

    [found] = axe(page)

    assert found.startswith("button-name (critical): Buttons must have discernible text: <button>")


def test_a_page_that_all_can_use_has_no_violation(
    page: Page, axe: Callable[[Page], list[str]]
) -> None:
    show(page, "<h1>x</h1><button>안녕</button>")

    assert axe(page) == []


def test_a_command_runs_beside_the_browser(page: Page, asking: Cli) -> None:
    asking.write("hello.yaml", "model: gpt-4o-mini\nmessages: [{role: user, content: 안녕}]\n")

    ran = asking("hello.yaml")

    assert ran.code == 0, ran.err
    assert asyncio.get_running_loop().is_running()
    show(page, "<p>still there</p>")
    assert page.inner_text("p") == "still there"
