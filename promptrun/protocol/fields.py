"""Every field of a Chat Completions request: its type, its range, and the part that it belongs to.

From the parameter types of openai 1.40.6 to 3.54.0 and OpenAI's API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from promptrun.protocol import tools
from promptrun.protocol.checks import (
    boolean,
    items,
    mapping,
    nullable,
    number,
    one_of,
    tagged,
    text,
    text_or,
    values,
)
from promptrun.protocol.messages import CONTENT_TEXT, check_messages
from promptrun.protocol.problem import Path, Problem, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from promptrun.protocol.problem import Check

Part = Literal["prompt", "model", "neutral", "settings"]


class Field(NamedTuple):
    """One row of the table."""

    check: Check
    part: Part = "settings"
    sdk: bool = False
    """Whether openai 1.40.6 takes it as a keyword."""


_penalty = nullable(number(-2, 2))
_count = nullable(number(1, whole=True))
_moderation_mode = mapping({"mode": one_of("score", "block")}, required=["mode"])
_place = mapping({"city": text(), "country": text(), "region": text(), "timezone": text()})

FIELDS: Mapping[str, Field] = {
    "model": Field(text(empty=False), "model", sdk=True),
    "messages": Field(
        lambda value, path, report: report.problems.extend(
            check_messages(value, path, rendered=report.rendered)
        ),
        "prompt",
        sdk=True,
    ),
    "tools": Field(tools.TOOLS, "prompt", sdk=True),
    "functions": Field(tools.FUNCTIONS, "prompt", sdk=True),
    "response_format": Field(tools.RESPONSE_FORMAT, "prompt", sdk=True),
    "stream": Field(nullable(boolean), "neutral", sdk=True),
    "stream_options": Field(
        nullable(mapping({"include_usage": boolean, "include_obfuscation": boolean})),
        "neutral",
        sdk=True,
    ),
    "service_tier": Field(
        nullable(one_of("auto", "default", "flex", "scale", "priority", "fast")),
        "neutral",
        sdk=True,
    ),
    "store": Field(nullable(boolean), "neutral"),
    "metadata": Field(
        nullable(
            values(text(longest=512), keys=(r"(?s).{0,64}", "of at most 64 characters"), most=16)
        ),
        "neutral",
    ),
    "user": Field(text(), "neutral", sdk=True),
    "safety_identifier": Field(nullable(text(longest=128)), "neutral"),
    "prompt_cache_key": Field(nullable(text()), "neutral"),
    "prompt_cache_options": Field(
        mapping({"mode": one_of("implicit", "explicit"), "ttl": one_of("30m")}), "neutral"
    ),
    "prompt_cache_retention": Field(nullable(one_of("in_memory", "24h")), "neutral"),
    "temperature": Field(nullable(number(0, 2)), sdk=True),
    "top_p": Field(nullable(number(0, 1)), sdk=True),
    "n": Field(nullable(number(1, 128, whole=True)), sdk=True),
    "max_tokens": Field(_count, sdk=True),
    "max_completion_tokens": Field(_count),
    "stop": Field(nullable(text_or(items(text(), fewest=1, most=4), text())), sdk=True),
    "seed": Field(nullable(number(-(2**63), 2**63 - 1, whole=True)), sdk=True),
    "frequency_penalty": Field(_penalty, sdk=True),
    "presence_penalty": Field(_penalty, sdk=True),
    "logit_bias": Field(
        nullable(values(number(-100, 100), keys=("[0-9]+", "a token's id"))),
        sdk=True,
    ),
    "logprobs": Field(nullable(boolean), sdk=True),
    "top_logprobs": Field(nullable(number(0, 20, whole=True)), sdk=True),
    "tool_choice": Field(tools.TOOL_CHOICE, sdk=True),
    "parallel_tool_calls": Field(boolean, sdk=True),
    "function_call": Field(tools.FUNCTION_CALL, sdk=True),
    "reasoning_effort": Field(
        nullable(one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"))
    ),
    "verbosity": Field(nullable(one_of("low", "medium", "high"))),
    "modalities": Field(nullable(items(one_of("text", "audio"), fewest=1))),
    "audio": Field(
        nullable(
            mapping(
                {
                    "format": one_of("wav", "aac", "mp3", "flac", "opus", "pcm16"),
                    "voice": text_or(mapping({"id": text()}, required=["id"]), text()),
                },
                required=["format", "voice"],
            )
        )
    ),
    "prediction": Field(
        nullable(
            tagged(
                {
                    "content": mapping(
                        {"type": text(), "content": CONTENT_TEXT}, required=["type", "content"]
                    )
                }
            )
        )
    ),
    "moderation": Field(
        nullable(
            mapping(
                {
                    "model": text(),
                    "policy": nullable(
                        mapping(
                            {
                                "input": nullable(_moderation_mode),
                                "output": nullable(_moderation_mode),
                            }
                        )
                    ),
                },
                required=["model"],
            )
        )
    ),
    "web_search_options": Field(
        mapping(
            {
                "search_context_size": one_of("low", "medium", "high"),
                "user_location": nullable(
                    mapping(
                        {"type": one_of("approximate"), "approximate": _place},
                        required=["type", "approximate"],
                    )
                ),
            }
        )
    ),
}

PART: Mapping[str, Part] = {name: field.part for name, field in FIELDS.items()}
"""Which part of a request each field is; a server's own fields are ``settings``."""

SDK_FIELDS = frozenset(name for name, field in FIELDS.items() if field.sdk)
"""What ``create()`` of openai 1.40.6 takes as keywords; newer fields go through ``extra_body``."""


def check_field(name: str, value: Any, path: Path, *, rendered: bool = False) -> list[Problem]:
    """What is wrong with the value of one request field that stands at `path`.

    A text with a template in it passes until `rendered` says that templates are filled in. A field
    that the table does not know, one of a server's own, has no problems.
    """
    report = Report(rendered=rendered)
    if name in FIELDS:
        FIELDS[name].check(value, path, report)
    return report.problems
