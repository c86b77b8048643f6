"""Specs as pytest items, switched on by ``--promptrun``, and the fixture `promptrun`.

This module is imported in every pytest run of everybody who has promptrun installed. So it names
the options and no more: ``items`` makes and reports the items, ``batch`` asks for all of them at
once, ``sharing`` lets one of several workers do that, ``fixture`` serves tests in Python. They are
imported when they are switched on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from promptrun.pytest_plugin.fixture import Promptrun


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options and the settings; docs/pytest.md explains them."""
    group = parser.getgroup("promptrun", "promptrun: specs of prompts as tests")
    group.addoption(
        "--promptrun", action="store_true", help="Collect each case of each spec as a test."
    )
    group.addoption(
        "--promptrun-update",
        choices=["auto", "new", "changed", "all", "none"],
        default="auto",
        help="Which snapshots to write; auto is `new` for a person and `none` in CI.",
    )
    group.addoption(
        "--promptrun-replay",
        action="store_true",
        help="Judge the accepted replies; no network, no key.",
    )
    group.addoption("--promptrun-provider", metavar="NAME", help="openai, local, or one of yours.")
    group.addoption("--promptrun-jobs", type=int, metavar="N", help="N requests in flight.")
    parser.addini("promptrun", "Always collect specs.", type="bool", default=False)
    parser.addini("promptrun_provider", "As --promptrun-provider.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Bring in what collects specs, where that is wanted."""
    if config.getoption("promptrun") or config.getini("promptrun"):
        from promptrun.pytest_plugin.items import SpecPlugin

        config.pluginmanager.register(SpecPlugin(config), "promptrun-specs")


@pytest.fixture
def promptrun(request: pytest.FixtureRequest) -> Promptrun:
    """Send the cases of specs from a test: called with the id of a case, it gives the reply."""
    from promptrun.pytest_plugin.fixture import Promptrun

    return Promptrun(request.config, request.path.parent)
