"""A body becomes keyword arguments that every supported openai takes."""

from __future__ import annotations

from promptrun.protocol import create_arguments


def test_newer_fields_and_a_servers_own_go_through_extra_body() -> None:
    body = {"model": "m", "messages": [], "verbosity": "low", "top_k": 4, "seed": 1}
    assert create_arguments(body) == {
        "model": "m",
        "messages": [],
        "seed": 1,
        "extra_body": {"verbosity": "low", "top_k": 4},
    }


def test_a_body_of_old_fields_has_no_extra_body() -> None:
    assert create_arguments({"model": "m", "stop": None}) == {"model": "m", "stop": None}
