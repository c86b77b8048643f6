from __future__ import annotations

import pytest

from promptrun.providers.openai_chat import transport


@pytest.fixture(params=["as installed", "httpx"], ids=["as installed", "on httpx"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What lies below the package: aiohttp where it can be used, or httpx in any case."""
    name: str = request.param
    if name == "httpx":
        monkeypatch.setattr(transport, "_find_adapter", lambda _: None)
    return name
