"""The fragments that all pages share: what a reader finds in each."""

from __future__ import annotations

from typing import Any

import pytest
from markupsafe import Markup
from msgspec import structs

from promptrun.models import (
    CaseResult,
    Cause,
    Change,
    Comparison,
    Difference,
    Outcome,
    Reply,
    Timings,
    Verdict,
)
from promptrun.reports.html.difference import MAX_CHANGES, MAX_LINES, write_texts
from promptrun.reports.html.json_tree import MAX_NODES
from promptrun.reports.html.page import write_page
from promptrun.reports.html.parts import (
    write_case,
    write_conversation,
    write_difference,
    write_json_tree,
    write_reply,
)
from promptrun.reports.html.room import Room
from tests.reports.html.reading import Page, hash_of
from tests.reports.report_example import PIXEL, reply_of, request_of


def told(fragment: str) -> str:
    """All texts of a fragment, in order."""
    return " ".join(" ".join(Page(fragment).texts).split())


def images(fragment: str) -> int:
    return sum(tag == "img" for tag, _ in Page(fragment).elements)


# ── A page ───────────────────────────────────────────────────────────────────────────────────────


def test_a_page_allows_each_of_its_scripts_and_the_styles_that_are_added() -> None:
    scripts = ["let one = 1;", "let two = 'a < b && c';"]
    text = write_page("할머니 <b>", Markup("<main></main>"), scripts=scripts, styles=["p { }"])
    page = Page(text)
    [policy] = [str(found["content"]) for _, found in page.elements if "http-equiv" in found]

    assert page.find("title") == ["할머니 <b>"]
    assert page.find("script") == scripts
    for one in [*scripts, *page.find("style")]:
        assert hash_of(one) in policy


def test_a_page_without_scripts_allows_none() -> None:
    assert "script-src 'none'" in write_page("x", Markup("<main></main>"))


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_short_value_stands_on_one_line() -> None:
    page = Page(write_json_tree({"people": ["할머니", 3, None, True]}))

    assert page.find("code") == ['{"people": ["할머니", 3, null, true]}']
    assert not page.find("details")


def test_a_long_value_opens_level_by_level() -> None:
    value: Any = ["x" * 70]
    for name in "dcba":
        value = {name: value}
    page = Page(write_json_tree(value))
    levels = ["open" in found for tag, found in page.elements if tag == "details"]

    assert levels == [True, True, True, False, False]
    assert page.find("span", kind="key") == ["a", "b", "c", "d"]


def test_a_tree_with_too_many_values_is_text_and_says_so() -> None:
    page = Page(write_json_tree(list(range(MAX_NODES + 1))))

    assert page.find("p", kind="more") == [f"As text: more than {MAX_NODES:,} values"]
    assert not page.find("li")


# ── Replies and conversations ────────────────────────────────────────────────────────────────────


def test_a_reply_that_spells_json_is_a_tree_with_its_text_beside() -> None:
    text = '{"people": [' + ", ".join(['"할아버지와 할머니"'] * 6) + "]}"
    page = Page(write_reply(reply_of(text)))

    assert "people" in page.find("span", kind="key")
    assert page.find("pre") == [text]


def test_a_prompt_that_spells_json_stays_the_text_that_was_sent() -> None:
    page = Page(write_conversation({"messages": [{"role": "user", "content": '{"a":  1}'}]}))

    assert page.find("pre") == ['{"a":  1}']


def test_an_unusual_end_of_a_reply_is_told() -> None:
    assert "ended by length" in told(write_reply(reply_of("할", finish_reason="length")))
    assert "ended by" not in told(write_reply(reply_of("할머니")))


def test_several_choices_are_numbered() -> None:
    choices = [
        {"index": at, "finish_reason": "stop", "message": {"content": text}}
        for at, text in enumerate(["하나", "둘"])
    ]
    shown = told(write_reply(Reply(raw={"choices": choices}, timings=Timings(total=1.0))))

    assert shown == "choice 1 하나 choice 2 둘"


def test_images_that_were_kept_are_shown_and_others_are_named() -> None:
    lost = {"sha256": "ab" * 32, "bytes": 81_920, "type": "image/jpeg"}
    parts = [{"type": "image_url", "image_url": {"url": one}} for one in (PIXEL, lost)]
    fragment = write_conversation({"messages": [{"role": "user", "content": parts}]})

    assert images(fragment) == 1
    assert "image/jpeg, 80 KiB, sha256" in told(fragment)


def test_sounds_and_files_are_named_with_their_sizes() -> None:
    parts = [
        {"type": "input_audio", "input_audio": {"data": "A" * 4096, "format": "mp3"}},
        {
            "type": "file",
            "file": {"filename": "보고서.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        },
    ]
    shown = told(write_conversation({"messages": [{"role": "user", "content": parts}]}))

    assert "sound, 3 KiB" in shown
    assert "application/pdf, 3 bytes" in shown


def test_images_beyond_the_room_of_a_page_are_named() -> None:
    part = {"type": "image_url", "image_url": {"url": PIXEL}}
    result = CaseResult(
        spec="specs/a.yaml",
        case="b",
        verdict=Verdict.PASSED,
        provider="openai",
        request=request_of("Look.", [part, part, {"type": "text", "text": "할머니"}]),
    )
    room = Room(left=int(1.5 * len(PIXEL)))

    assert images(write_case(room.fit(result))) == 1
    assert images(write_case(room.fit(result))) == 0
    assert Room().fit(result) is result


# ── Differences ──────────────────────────────────────────────────────────────────────────────────


def test_the_words_that_differ_are_marked_on_both_sides() -> None:
    page = Page(
        write_texts(
            "옛날 옛적에 할아버지와 할머니가 살고 있었습니다.",
            "옛날 옛적에 할아버지와 용이 살고 있었습니다.",
        )
    )

    assert page.find("mark") == ["할머니가", "용이"]


def test_equal_lines_are_told_once() -> None:
    page = Page(write_texts("one\ntwo\nthree", "one\nzwei\nthree"))
    again = [found for _, found in page.elements if "again" in str(found.get("class"))]

    assert len(again) == 2
    assert all(found["aria-hidden"] == "true" for found in again)


def test_short_values_stand_in_one_line() -> None:
    assert told(write_difference(Difference(where="temperature", old="0.7", new="0"))) == (
        "temperature → 0.7 0"
    )


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        pytest.param(None, "새로운", "added", id="nothing before"),
        pytest.param("할머니", None, "removed", id="nothing now"),
    ],
)
def test_one_side_alone_is_named(old: str | None, new: str | None, word: str) -> None:
    shown = told(write_difference(Difference(where="messages[1]", old=old, new=new)))

    assert shown == f": {word} messages[1] {old or new}"


def test_what_is_left_out_of_a_difference_is_counted() -> None:
    changes = tuple(Change(path=f"$[{at}]", kind="added", new=at) for at in range(MAX_CHANGES + 3))
    old = "\n".join(f"old {at}" for at in range(MAX_LINES))
    new = "\n".join(f"new {at}" for at in range(MAX_LINES))

    assert "⋮ 3 more changes" in told(write_difference(Difference(where="x", changes=changes)))
    assert f"⋮ {MAX_LINES} more lines differ" in told(write_texts(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("가" * 3_000_000, "나" * 3_000_000, id="one line of 3 MB each"),
        pytest.param("a b " * 200_000, "a c " * 200_000, id="many words"),
        pytest.param("x\n" * 200_000, "y\nx\n" * 100_000, id="many lines"),
        pytest.param(("a" * 20_000 + "\n") * 300, ("b" * 20_000 + "\n") * 300, id="long lines"),
    ],
)
def test_a_difference_of_any_size_is_shown_within_bounds(old: str, new: str) -> None:
    fragment = write_texts(old, new, heads=("accepted", "now"), context=400)

    assert len(fragment) < 1_000_000
    assert "more" in fragment


# ── A case ───────────────────────────────────────────────────────────────────────────────────────


def case(**fields: Any) -> CaseResult:
    known: dict[str, Any] = {
        "spec": "specs/이야기.yaml",
        "case": "옛날",
        "verdict": Verdict.CHANGED,
        "provider": "openai",
        "request": request_of("Tell.", "옛날 옛적에"),
        "reply": reply_of("용"),
    }
    return CaseResult(**known | fields)


def test_the_reply_stands_beside_the_accepted_one_and_its_difference_is_not_told_twice() -> None:
    difference = Difference(where="choice 1", old="할머니", new="용")
    result = case(
        accepted=((reply_of("할머니"), 1),),
        comparison=Comparison(causes=(Cause.REPLY,), reply=(difference,)),
    )
    page = Page(write_case(result))

    assert "accepted" in page.find("span")
    assert "What differs in the reply" not in page.find("h3")
    without = Page(write_case(structs.replace(result, accepted=())))
    assert "What differs in the reply" in without.find("h3")


def test_json_replies_are_held_against_each_other_in_one_order() -> None:
    result = case(reply=reply_of('{"b": 2, "a": 1}'), accepted=((reply_of('{"a": 1, "b": 3}'), 1),))
    page = Page(write_case(result))

    assert page.find("del", kind="line old") == ['  "b": ']
    assert page.find("mark") == ["3", "2"]


def test_json_that_differs_in_its_spelling_alone_is_held_as_it_was_spelled() -> None:
    accepted = reply_of('{"people": ["할아버지", "할머니"]}')
    result = case(reply=reply_of('{"people":["할아버지", "할머니"]}'), accepted=((accepted, 1),))
    page = Page(write_case(result))

    assert "apart" in [found.get("class") for _, found in page.elements]


def test_a_reply_that_only_ended_in_another_way_tells_how() -> None:
    result = case(reply=reply_of("용", finish_reason="length"), accepted=((reply_of("용"), 1),))
    page = Page(write_case(result))

    assert page.find("del") == ["[stop]"]
    assert page.find("ins") == ["[length]"]


def test_calls_beside_json_are_held_against_each_other_too() -> None:
    call = {"function": {"name": "get_weather", "arguments": "{}"}}
    result = case(
        reply=reply_of('{"a": 1}', tool_calls=[call]), accepted=((reply_of('{"a": 1}'), 1),)
    )

    assert "get_weather({})" in Page(write_case(result)).find("ins")


def test_json_with_a_key_twice_stays_the_text_that_came() -> None:
    assert Page(write_reply(reply_of('{"a": 1, "a": 2}'))).find("pre") == ['{"a": 1, "a": 2}']


def test_samples_are_grouped_by_what_they_say() -> None:
    replies = tuple(reply_of(text) for text in ("용", "할머니", "용", "용"))
    page = Page(write_case(case(replies=replies, accepted=((reply_of("할머니"), 4),))))

    groups = [text for text in page.find("p", kind="times") if text]
    assert len(groups) == 3
    assert [one for one in page.find("b") if one.isdigit()] == ["4", "3", "1"]


def test_an_equal_reply_is_told_to_be_equal() -> None:
    shown = told(write_case(case(comparison=Comparison(causes=(Cause.PROMPT,)))))

    assert "The reply is equal to the accepted one." in shown


def test_a_reply_that_nobody_timed_has_no_latency() -> None:
    assert "latency" not in Page(write_case(case(reply=reply_of("용", seconds=0.0)))).find("dt")
    assert "latency" in Page(write_case(case())).find("dt")


def test_a_broken_expectation_tells_what_was_found() -> None:
    outcome = Outcome(
        kind="contains",
        kept=False,
        expected="`할머니`",
        found="용",
        where="line 1",
        details=("왜",),
    )
    page = Page(write_case(case(outcomes=(outcome,))))

    assert page.find("dt")[:3] == ["found", "where", "more"]
    assert page.find("dd", dir="auto") == ["용", "line 1", "왜"]


@pytest.mark.parametrize(
    ("fields", "commands"),
    [
        pytest.param({"pending": ".promptrun/x"}, ["review", "show"], id="a reply that waits"),
        pytest.param({"verdict": Verdict.ERROR}, ["'specs", "show"], id="no reply"),
        pytest.param({"verdict": Verdict.PASSED}, ["show"], id="nothing to do"),
    ],
)
def test_the_next_commands_are_told(fields: dict[str, Any], commands: list[str]) -> None:
    shown = [
        one for one in Page(write_case(case(**fields))).find("code") if one.startswith("promptrun ")
    ]

    assert [one.split()[1].split("/")[0] for one in shown] == commands
    assert all("'specs/이야기.yaml::옛날'" in one for one in shown)
