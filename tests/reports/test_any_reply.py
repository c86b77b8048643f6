"""A server may send any JSON where a reply stands: each format can write it."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptrun.models import CaseResult, Cause, Comparison, Reply, Request, Timings, Verdict
from promptrun.reports.report import FORMATS, find_format
from tests.reports.report_example import Example, run_of

FIELDS = ("role", "content", "name", "type", "id", "url", "data", "bytes", "sha256", "arguments")
KINDS = ("text", "refusal", "image_url", "input_audio", "file", "function", "custom")
WORDS = st.sampled_from([*FIELDS, *KINDS, "assistant", "할머니"])
NUMBERS = st.sampled_from([0, -1, 2**31, 2**63, int("9" * 4300), float("inf"), float("nan")])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | NUMBERS | WORDS | st.text()
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(), inner, max_size=3)
    ),
    max_leaves=12,
)
PARTS = st.lists(
    st.fixed_dictionaries(
        {"type": WORDS | JSON},
        optional={
            "text": JSON,
            "image_url": st.fixed_dictionaries({"url": JSON}) | JSON,
            "input_audio": JSON,
            "file": JSON,
        },
    ),
    max_size=3,
)
CALLS = st.lists(
    st.fixed_dictionaries({"id": JSON, "function": JSON, "custom": JSON}) | JSON, max_size=3
)
MESSAGES = (
    st.fixed_dictionaries(
        {},
        optional={
            "role": JSON,
            "content": PARTS | JSON,
            "refusal": JSON,
            "tool_calls": CALLS | JSON,
            "function_call": JSON,
        },
    )
    | JSON
)
CHOICES = st.lists(
    st.fixed_dictionaries({"index": JSON, "finish_reason": JSON, "message": MESSAGES}) | JSON,
    max_size=3,
)
RAW = st.fixed_dictionaries(
    {"choices": CHOICES | JSON}, optional={"usage": JSON, "model": JSON, "system_fingerprint": JSON}
)


def case(raw: dict[str, Any], accepted: dict[str, Any], message: Any, *, sampled: bool) -> Any:
    one, other = (Reply(raw=value, timings=Timings(total=0.5)) for value in (raw, accepted))
    return CaseResult(
        spec="specs/a.yaml",
        case="옛날",
        verdict=Verdict.CHANGED,
        provider="openai",
        request=Request(body={"model": "m", "messages": [message]}),
        reply=one,
        replies=(one, other) if sampled else (),
        comparison=Comparison(causes=(Cause.REPLY,)),
        accepted=((other, 1),),
    )


def message_of(content: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"content": content}}]}


def test_an_index_that_no_server_counts_to_is_the_place_of_the_choice() -> None:
    indexes = [int("9" * 4300), -1, 2**31 - 1]
    raw = {"choices": [{"index": index, "message": {}} for index in indexes]}

    choices = Reply(raw=raw, timings=Timings(total=0.5)).choices

    assert [choice.index for choice in choices] == [0, 1, 2**31 - 1]


@settings(max_examples=60, deadline=None)
@given(RAW, RAW, MESSAGES, st.booleans())
@example(message_of([{"type": ["x"]}]), message_of("x"), {"role": ["x"]}, False)
@example(
    message_of([{"type": "image_url", "image_url": {"url": {"bytes": int("9" * 4300)}}}]),
    {"choices": [{"index": int("9" * 4300), "finish_reason": [], "message": {"content": "x"}}]},
    {"role": {}, "name": [], "content": {}},
    True,
)
def test_every_format_writes_whatever_a_server_sent(
    raw: dict[str, Any], accepted: dict[str, Any], message: Any, sampled: bool
) -> None:
    result = case(raw, accepted, message, sampled=sampled)

    def results() -> Iterator[CaseResult]:
        yield result

    report = Example(run=run_of(results()), cases=results)
    for name in FORMATS:
        out = StringIO()
        find_format(name)(report, out)
        assert out.getvalue()
