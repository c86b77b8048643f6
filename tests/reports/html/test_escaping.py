"""Text from outside stays text, wherever it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
from msgspec import Struct, structs

from promptrun.errors import Location, SpecError
from promptrun.models import CaseResult, Reply, Request, Spent, Timings, Verdict
from promptrun.reports.html.look import MAX_TEXT
from promptrun.reports.html.parts import write_case, write_conversation, write_reply
from promptrun.reports.html.rows import describe_row
from tests.reports.html.reading import Page, read_blocks, write_text
from tests.reports.report_example import PIXEL, Example, example, past_runs, run_of

ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;\u202e</title></style>"

TAGS = {
    *("article", "header", "section", "div", "p", "span", "b", "h3", "ol", "ul", "li", "dl"),
    *("dt", "dd", "pre", "code", "bdi", "details", "summary", "figure", "figcaption", "img"),
    *("del", "ins", "mark", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    *("class", "dir", "open", "src", "alt", "loading", "decoding", "href", "rel", "target"),
    *("aria-hidden", "aria-label", "role", "tabindex", "scope"),
}


def poison(value: Any, name: str = "") -> Any:
    """The same with an attack in every text; what decides how it is shown stays as it is."""
    if isinstance(value, Enum) or name in {"type", "kind"}:
        return value
    if isinstance(value, str):
        return value if value.startswith("data:") else value + ATTACK
    if isinstance(value, Location):
        return value._replace(file=value.file + ATTACK, source=value.source + ATTACK)
    if isinstance(value, SpecError):
        return SpecError(
            value.message + ATTACK, location=poison(value.location), hint=poison(value.hint)
        )
    if isinstance(value, Struct):
        fields = {key: poison(getattr(value, key), key) for key in value.__struct_fields__}
        return structs.replace(value, **fields)
    if isinstance(value, dict):
        return {key: poison(one, key) for key, one in value.items()} | {ATTACK: ATTACK}
    if isinstance(value, tuple | list):
        return type(value)(poison(one) for one in value)
    return value


def poisoned() -> Iterator[CaseResult]:
    return (poison(one) for one in example().results())


def check_fragment(text: str) -> Page:
    page = Page(text)
    assert not page.comments
    for tag, found in page.elements:
        assert tag in TAGS, tag
        assert set(found) <= ATTRIBUTES, found
        assert found.get("src", PIXEL) == PIXEL
        assert str(found.get("href", "https://")).lower().startswith(("https://", "http://"))
    assert "\u202e" not in text
    return page


def test_no_text_of_a_case_becomes_markup() -> None:
    shown = 0
    for result in poisoned():
        page = check_fragment(write_case(result))
        shown += "".join(page.texts).count("<script>alert(1)</script>")
    assert shown > 200


def test_no_text_of_a_run_becomes_markup() -> None:
    clean = Page(write_text(example()))
    run = poison(run_of(example().results()))
    run = structs.replace(
        run,
        verdicts=dict(run_of(example().results()).verdicts),
        versions={ATTACK: ATTACK},
        overrides={"vars": {ATTACK: ATTACK}},
    )
    past = [structs.replace(one, id=ATTACK, began=ATTACK) for one in past_runs()]
    page = Page(write_text(Example(run=run, past=past, cases=poisoned)))

    assert {tag for tag, _ in page.elements} == {tag for tag, _ in clean.elements}
    assert {name for _, found in page.elements for name in found} == {
        name for _, found in clean.elements for name in found
    }
    assert len(read_blocks(page, "rows")) == len(read_blocks(clean, "rows"))


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("javascript:alert(1)", id="a script"),
        pytest.param("data:text/html,<script>alert(1)</script>", id="a page"),
        pytest.param("data:image/svg+xml;base64,PHN2Zz4=", id="a drawing that may run scripts"),
        pytest.param('data:image/png;base64,AAAA" onerror="alert(1)', id="an end of the attribute"),
        pytest.param("data:image/png;charset=x,AAAA", id="an image that is no base64"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("//example.com/x.png", id="the scheme of the page"),
        pytest.param("https://user:pw@example.com/x.png", id="an address with a password"),
        pytest.param("HTTPS://example.com/x.png", id="the web"),
        pytest.param("https://example.com/" + "x" * 5_000, id="a long address"),
        pytest.param("", id="nothing"),
        pytest.param(None, id="no address"),
        pytest.param({"sha256": 3, "bytes": "x", "type": None}, id="a forged digest"),
    ],
)
def test_no_address_is_loaded_or_run(address: Any) -> None:
    part = {"type": "image_url", "image_url": {"url": address}}
    page = check_fragment(write_conversation({"messages": [{"role": "user", "content": [part]}]}))

    assert not [tag for tag, _ in page.elements if tag == "img"]
    links = [found for tag, found in page.elements if tag == "a"]
    assert all(one["rel"] == "noopener noreferrer" for one in links)
    assert bool(links) == (address == "HTTPS://example.com/x.png")


def reply(message: Any) -> Reply:
    return Reply(
        raw={"choices": [{"index": 0, "finish_reason": "stop", "message": message}]},
        timings=Timings(total=1.0),
    )


def nested(depth: int) -> Any:
    value: Any = "할머니"
    for _ in range(depth):
        value = {"in": [value]}
    return value


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"content": "x" * 3_000_000}, id="a line of 3 MB"),
        pytest.param({"content": "[" * 200_000}, id="brackets that never close"),
        pytest.param({"content": '{"a":' * 500 + "1" + "}" * 500}, id="JSON that is deep"),
        pytest.param({"content": None, "tool_calls": [nested(400)]}, id="a call that is deep"),
        pytest.param({"content": nested(400)}, id="content that is deep"),
        pytest.param({"content": str(list(range(100_000)))}, id="a long list"),
        pytest.param(
            {"content": 7, "tool_calls": 7, "refusal": 7, "function_call": 7}, id="numbers"
        ),
        pytest.param({"content": [7, None, [], {"type": 3}, {"type": "text"}]}, id="odd parts"),
        pytest.param({"content": [{"type": "text", "text": "가"}] * 5_000}, id="many parts"),
        pytest.param({"tool_calls": [{"function": {"name": 7, "arguments": {}}}]}, id="odd calls"),
    ],
)
def test_a_reply_of_any_shape_is_shown_within_bounds(message: Any) -> None:
    text = write_reply(reply(message))

    check_fragment(text)
    assert len(text) < 3 * MAX_TEXT


def test_what_is_left_out_of_a_long_text_is_counted() -> None:
    assert f"… {1_000_000 - MAX_TEXT:,} more characters" in write_reply(
        reply({"content": "가" * 1_000_000})
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"messages": 7}, id="messages that are a number"),
        pytest.param({"messages": [7, None, "x", {"role": 3}, {}]}, id="turns that are none"),
        pytest.param({"messages": [{"role": "user", "content": "가"}] * 5_000}, id="many turns"),
        pytest.param({"messages": [], "x": nested(400)}, id="fields that are deep"),
    ],
)
def test_a_request_of_any_shape_is_shown_within_bounds(body: dict[str, Any]) -> None:
    text = write_conversation(body)

    check_fragment(text)
    assert len(text) < MAX_TEXT


@pytest.mark.parametrize("depth", [90, 400, 960])
def test_no_depth_of_a_reply_stops_a_report(depth: int) -> None:
    text = "[" * depth + "]" * depth
    deep = reply({"content": text, "tool_calls": [nested(depth // 2)]})
    body = {"messages": [{"role": "user", "content": nested(depth // 2)}], "x": nested(depth // 2)}
    result = CaseResult(
        spec="specs/a.yaml",
        case="b",
        verdict=Verdict.CHANGED,
        provider="openai",
        request=Request(body=body),
        reply=deep,
        accepted=((reply({"content": f"[{text}]"}), 1),),
    )

    check_fragment(write_case(result))
    check_fragment(write_case(structs.replace(result, replies=(deep, deep))))
    assert describe_row(result)


def test_an_amount_that_is_none_leaves_the_rows_readable() -> None:
    spent = Spent(requests=1, cost=float("inf"))
    result = next(iter(example().results()))
    row = describe_row(structs.replace(result, spent=spent))

    assert json.loads(json.dumps(row, allow_nan=False)) == row
    check_fragment(write_case(structs.replace(result, spent=spent)))
