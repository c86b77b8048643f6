from __future__ import annotations

import subprocess
import sys
import time
from decimal import Decimal
from typing import Any

import pytest

from promptrun.protocol.prices import output_tokens, reply_cost, token_counts

MINI = "gpt-4o-mini-2024-07-18"
"""0.15 dollars for a million tokens in, 0.60 for a million out, half for what was cached."""


def reply(model: Any = MINI, given: Any = 1_000, made: Any = 100, **details: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": given, "completion_tokens": made, **details}
    return {"model": model, "usage": usage}


def test_a_reply_costs_its_tokens_at_the_price_of_the_served_model() -> None:
    assert reply_cost(reply(), "openai") == Decimal("0.00021")
    assert reply_cost(reply(given=0, made=0), "openai") == 0


def test_tokens_from_the_cache_cost_what_the_list_says_for_them() -> None:
    cached = reply(prompt_tokens_details={"cached_tokens": 400})
    assert reply_cost(cached, "openai") == Decimal("0.00018")


def test_a_served_tier_costs_its_own_price() -> None:
    standard = reply_cost(reply(), "openai")
    priority = reply_cost(reply() | {"service_tier": "priority"}, "openai")
    assert standard is not None
    assert priority is not None
    assert priority > standard
    for tier in ("default", "a_tier_of_its_own", None, 7):
        assert reply_cost(reply() | {"service_tier": tier}, "openai") == standard


def test_the_embedded_model_costs_nothing() -> None:
    assert reply_cost({}, "local") == 0
    assert reply_cost(reply(), "local") == 0


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        pytest.param("openai/gpt-4o-mini", "openrouter", id="a provider that the list knows"),
        pytest.param(MINI, "azure", id="Azure"),
        pytest.param(MINI, "our-gateway", id="one of the project's own: the maker's price"),
        pytest.param("claude-sonnet-4-5", "openai", id="another maker's model behind its name"),
    ],
)
def test_a_price_is_found_by_the_provider_and_else_by_the_model(model: str, provider: str) -> None:
    cost = reply_cost(reply(model), provider)
    assert cost is not None
    assert Decimal("0.0001") < cost < Decimal("0.1")


@pytest.mark.parametrize("model", ["mock-1", "gpt-4o-mini-of-ours", "", None, "모델"])
def test_an_unknown_model_has_no_price(model: Any) -> None:
    assert reply_cost(reply(model), "openai") is None


def test_a_name_without_end_is_not_searched_for() -> None:
    began = time.perf_counter()
    assert reply_cost(reply("gpt-4o" * 10_000_000), "openai") is None
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param(None, id="no usage"),
        pytest.param([], id="a list"),
        pytest.param({"prompt_tokens": 5}, id="one count missing"),
        pytest.param({"prompt_tokens": "5", "completion_tokens": 5}, id="a text"),
        pytest.param({"prompt_tokens": True, "completion_tokens": 5}, id="true"),
        pytest.param({"prompt_tokens": 5, "completion_tokens": -1}, id="less than none"),
        pytest.param({"prompt_tokens": 10**400, "completion_tokens": 1}, id="beyond any reply"),
        pytest.param(
            reply(prompt_tokens_details={"cached_tokens": 1_001})["usage"],
            id="more from the cache than there was",
        ),
        pytest.param(
            reply(completion_tokens_details={"audio_tokens": 101})["usage"],
            id="more sound than there was",
        ),
    ],
)
def test_a_usage_that_does_not_add_up_is_none(usage: Any) -> None:
    raw = {"model": MINI, "usage": usage}
    assert token_counts(raw) is None
    assert reply_cost(raw, "openai") is None


def test_details_that_say_nothing_change_nothing() -> None:
    saying_nothing: list[Any] = [None, [], {}, {"cached_tokens": None}, {"cached_tokens": "many"}]
    for details in saying_nothing:
        assert reply_cost(reply(prompt_tokens_details=details), "openai") == Decimal("0.00021")


def test_the_tokens_of_a_reply_are_those_of_all_choices() -> None:
    assert output_tokens(reply(made=7)) == 7
    assert output_tokens({"usage": {"completion_tokens": 0}}) == 0
    assert output_tokens({"usage": None}) is None


PROGRAM = """
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(f"{event} {arguments}")
from promptrun.protocol.prices import reply_cost
assert "genai_prices" not in sys.modules, "the price list is loaded where it is used"
sys.addaudithook(refuse)
usage = {"prompt_tokens": 1000, "completion_tokens": 100}
print(reply_cost({"model": "gpt-4o-mini", "usage": usage}, "openai"))
import threading
print([thread.name for thread in threading.enumerate()])
"""


def test_a_price_is_never_asked_of_the_network() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert (ran.stderr, ran.stdout) == ("", "0.00021\n['MainThread']\n")
