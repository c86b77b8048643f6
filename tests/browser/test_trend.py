"""The page of `promptrun history SPEC --html`, opened from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from promptrun.reports.trend_page import write_trend_page
from tests.reports.test_trend import RUNS, TARGETS

Axe = Callable[[Page], list[str]]


@pytest.fixture
def trend(page: Page, tmp_path: Path) -> Page:
    """The page of thirteen runs of a Korean spec."""
    path = tmp_path / "추세.html"
    path.write_text(write_trend_page(RUNS, TARGETS), "utf-8")
    page.goto(path.as_uri())
    return page


def test_each_figure_is_a_drawing_that_is_told_in_words(trend: Page) -> None:
    expect(trend.get_by_role("heading", level=1)).to_have_text(TARGETS[0])
    drawings = trend.get_by_role("img")
    expect(drawings).to_have_count(5)
    expect(drawings.first).to_have_accessible_name("Cases that passed, last 99.7 %")


def test_a_drawing_opens_as_a_table_by_the_keyboard(trend: Page) -> None:
    summary = trend.locator("summary").first
    summary.focus()
    trend.keyboard.press("Enter")

    expect(trend.locator("figure table").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_accessible_and_never_wider_than_its_window(
    trend: Page, axe: Axe, width: int, scheme: Literal["light", "dark"]
) -> None:
    trend.emulate_media(color_scheme=scheme)
    trend.set_viewport_size({"width": width, "height": 800})

    assert axe(trend) == []
    assert trend.evaluate("document.documentElement.scrollWidth") <= width
