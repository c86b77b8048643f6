"""Every request field has its type, its range and its part."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from promptrun.protocol import FIELDS, PART, SDK_FIELDS, Problem, check_field

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def check(name: str, value: Any, **options: bool) -> list[Problem]:
    return check_field(name, value, (name,), **options)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "gpt-4o-mini"),
        ("temperature", 0),
        ("temperature", 2.0),
        ("temperature", None),
        ("top_p", 0.5),
        ("n", 128),
        ("stop", "a"),
        ("stop", ["a", "b", "c", "d"]),
        ("stop", None),
        ("seed", -(2**63)),
        ("logit_bias", {"50256": -100}),
        ("metadata", {"a": "b"}),
        ("stream", True),
        ("stream_options", {"include_usage": True}),
        ("service_tier", "flex"),
        ("reasoning_effort", "xhigh"),
        ("tools", [TOOL, {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}]),
        ("tool_choice", "required"),
        ("tool_choice", {"type": "function", "function": {"name": "f"}}),
        ("tool_choice", {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}),
        ("functions", [{"name": "f"}]),
        ("function_call", {"name": "f"}),
        ("response_format", {"type": "json_object"}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy", "format": "mp3"}),
        ("audio", {"voice": {"id": "voice_1"}, "format": "wav"}),
        ("prediction", {"type": "content", "content": "x"}),
        ("prediction", {"type": "content", "content": [{"type": "text", "text": "x"}]}),
        ("moderation", {"model": "m", "policy": {"input": {"mode": "block"}}}),
        ("prompt_cache_options", {"mode": "explicit", "ttl": "30m"}),
        ("web_search_options", {"search_context_size": "low"}),
        (
            "web_search_options",
            {"user_location": {"type": "approximate", "approximate": {"country": "KR"}}},
        ),
    ],
)
def test_what_the_api_takes_has_no_problems(name: str, value: Any) -> None:
    assert check(name, value) == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("model", 4, "`model` must be text, not `4`"),
        ("model", "", "`model` must not be empty"),
        ("temperature", "warm", "`temperature` must be a number, not `warm`"),
        ("temperature", True, "`temperature` must be a number, not `true`"),
        ("n", 1.0, "`n` must be a whole number, not `1.0`"),
        ("n", True, "`n` must be a whole number, not `true`"),
        ("stream", "no", "`stream` must be true or false, not `no`"),
        ("parallel_tool_calls", None, "`parallel_tool_calls` must be true or false, not `null`"),
        ("stop", [1], "`stop[0]` must be text, not `1`"),
        ("stop", 3, "`stop` must be a list, not `3`"),
        ("logit_bias", [], "`logit_bias` must be a mapping, not a list"),
        ("metadata", {"a": 1}, "`a` must be text, not `1`"),
        (
            "response_format",
            "json_object",
            "`response_format` must be a mapping, not `json_object`",
        ),
        ("response_format", {}, "`type` is missing in `response_format`"),
        ("tools", [{"type": "function"}], "`function` is missing in `tools[0]`"),
        ("tools", [{"type": "function", "function": {}}], "`name` is missing in `function`"),
        ("stream_options", {"usage": True}, "unknown key `usage`"),
        ("prediction", {"type": "contents"}, "`type` cannot be `contents`"),
    ],
)
def test_a_wrong_type_is_an_error_for_every_server(name: str, value: Any, message: str) -> None:
    [problem] = check(name, value)
    assert problem.message == message
    assert not problem.lenient


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature", 2.1, "`temperature` must be between 0 and 2, not `2.1`"),
        ("top_p", -0.1, "`top_p` must be between 0 and 1, not `-0.1`"),
        ("presence_penalty", 3, "`presence_penalty` must be between -2 and 2, not `3`"),
        ("n", 0, "`n` must be between 1 and 128, not `0`"),
        ("max_tokens", 0, "`max_tokens` must be at least 1, not `0`"),
        ("top_logprobs", 21, "`top_logprobs` must be between 0 and 20, not `21`"),
        ("stop", ["a"] * 5, "`stop` must have 1 to 4 items, not 5"),
        ("logit_bias", {"1": 101}, "`1` must be between -100 and 100, not `101`"),
        ("logit_bias", {"hello": 1}, "the key `hello` must be a token's id"),
        ("metadata", {"a": "x" * 513}, "`a` has 513 characters; the most is 512"),
        ("metadata", {"x" * 65: ""}, f"the key `{'x' * 60}…` must be of at most 64 characters"),
        ("metadata", {str(n): "" for n in range(17)}, "`metadata` has 17 entries; the most is 16"),
        ("reasoning_effort", "hihg", "`reasoning_effort` cannot be `hihg`"),
        ("service_tier", "turbo", "`service_tier` cannot be `turbo`"),
        ("response_format", {"type": "grammar"}, "`type` cannot be `grammar`"),
        (
            "tools",
            [{"type": "function", "function": {"name": "a b"}}],
            "`name` must be 1 to 64 letters, digits, `_` or `-`, not `a b`",
        ),
        ("seed", 2**63, f"`seed` must be between {-(2**63)} and {2**63 - 1}, not `{2**63}`"),
    ],
)
def test_a_range_or_an_enumeration_is_lenient(name: str, value: Any, message: str) -> None:
    [problem] = check(name, value)
    assert problem.message == message
    assert problem.lenient


def test_a_hint_names_the_nearest_choice() -> None:
    assert check("reasoning_effort", "hihg")[0].hint == "did you mean `high`?"
    assert (
        check("stream_options", {"include_usge": True})[0].hint == "did you mean `include_usage`?"
    )


def test_all_problems_come_at_once_with_exact_paths() -> None:
    tool = {"type": "function", "function": {"name": 3, "strict": "yes", "parametres": {}}}
    problems = check_field("tools", [TOOL, tool], ("parameters", "tools"))
    base = ("parameters", "tools", 1, "function")
    assert [(problem.path, problem.key) for problem in problems] == [
        ((*base, "name"), False),
        ((*base, "strict"), False),
        ((*base, "parametres"), True),
    ]


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - {"messages"}))
def test_a_template_passes_until_it_is_rendered(name: str) -> None:
    assert check(name, "{{ value }}") == []


def test_a_rendered_value_is_checked_even_where_it_holds_braces() -> None:
    assert check("temperature", "{{ 1 }}", rendered=True)
    assert check("reasoning_effort", "{{ x }}", rendered=True)


def test_a_field_of_a_servers_own_is_not_judged() -> None:
    assert check("top_k", "anything") == []


def test_the_parts_are_those_of_the_design() -> None:
    parts: dict[str, set[str]] = {}
    for name, part in PART.items():
        parts.setdefault(part, set()).add(name)
    assert parts["prompt"] == {"messages", "tools", "functions", "response_format"}
    assert parts["model"] == {"model"}
    cache = {"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"}
    sent_only = {"stream", "stream_options", "service_tier", "store", "metadata", "user"}
    assert parts["neutral"] == sent_only | cache | {"safety_identifier"}
    assert {"temperature", "seed", "tool_choice", "verbosity"} < parts["settings"]


def test_the_table_has_every_field_of_the_installed_openai() -> None:
    from openai.resources.chat.completions import Completions

    own = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}
    named = set(inspect.signature(Completions.create).parameters) - own
    assert named <= set(FIELDS)
    assert set(FIELDS) > SDK_FIELDS


def test_the_keywords_are_those_of_the_oldest_openai() -> None:
    # create() of 1.40.6, as its signature has them.
    assert {
        *("messages", "model", "frequency_penalty", "function_call", "functions", "logit_bias"),
        *("logprobs", "max_tokens", "n", "parallel_tool_calls", "presence_penalty", "seed"),
        *("response_format", "service_tier", "stop", "stream", "stream_options", "temperature"),
        *("tool_choice", "tools", "top_logprobs", "top_p", "user"),
    } == SDK_FIELDS


def test_a_hostile_value_ends_in_a_bounded_list_of_problems() -> None:
    assert len(check("stop", [1] * 10_000)) <= 101
