from __future__ import annotations

from typing import Any

import pytest

from promptrun.compare import compare
from promptrun.compare.whole import MODES
from promptrun.models import Cause, CompareRules, Comparison, Replacement, Snapshot
from tests.compare.snapshots import built, choice, said, snapshot

COMPARING = [name for name, mode in MODES.items() if mode.replies]


def call(name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


def calls(*them: dict[str, Any]) -> Snapshot:
    return snapshot({"finish_reason": "tool_calls", "tool_calls": list(them)})


def run(old: Snapshot, new: Snapshot, mode: Any = "auto", **rules: Any) -> Comparison:
    return compare(old, new, CompareRules(mode=mode, **rules))


def places(comparison: Comparison) -> list[str]:
    return [one.where for one in comparison.reply]


@pytest.mark.parametrize("mode", COMPARING)
class TestInEveryModeThatCompares:
    def test_a_choice_more_or_less_is_a_difference(self, mode: str) -> None:
        one, two = said("a"), snapshot(choice(content="a"), choice(content="b"))
        (added,) = run(one, two, mode).reply
        (removed,) = run(two, one, mode).reply
        assert (added.where, added.old, added.new) == ("choice 2", None, "b")
        assert (removed.where, removed.old, removed.new) == ("choice 2", "b", None)

    def test_text_in_place_of_json_is_a_difference(self, mode: str) -> None:
        assert places(run(built({"a": 1}), said("a: 1"), mode)) == ["choice 1"]

    def test_an_answer_that_ends_is_a_difference(self, mode: str) -> None:
        assert places(run(said("a"), snapshot(choice()), mode)) == ["choice 1"]

    def test_a_refusal_that_comes_or_goes_is_a_difference(self, mode: str) -> None:
        refused = snapshot(choice(refusal="No."))
        assert "choice 1, refusal" in places(run(said("a"), refused, mode))
        assert "choice 1, refusal" in places(run(refused, said("a"), mode))

    def test_another_tool_is_a_difference(self, mode: str) -> None:
        comparison = run(calls(call("sun", {})), calls(call("rain", {})), mode)
        assert places(comparison) == ["choice 1, tool_calls[0]"]
        assert comparison.reply[0].changes[0].path == "$.function.name"

    def test_a_call_more_or_less_is_a_difference(self, mode: str) -> None:
        one, two = calls(call("sun", {})), calls(call("sun", {}), call("rain", {}))
        assert places(run(one, two, mode)) == ["choice 1, tool_calls[1]"]
        assert places(run(two, one, mode)) == ["choice 1, tool_calls[1]"]

    def test_ids_of_calls_are_no_difference(self, mode: str) -> None:
        assert run(calls(call("a", {}, id="call_1")), calls(call("a", {}, id="call_2")), mode).equal

    def test_what_this_version_does_not_know_is_compared_too(self, mode: str) -> None:
        old, new = snapshot(choice(later={"a": 1})), snapshot(choice(later={"b": "x"}))
        assert places(run(old, new, mode)) == ["choice 1, later"]


@pytest.mark.parametrize("mode", ["exact", "text", "json", "auto"])
def test_arguments_of_a_call_are_compared_as_json(mode: str) -> None:
    old = calls(call("weather", {"city": "서울", "days": 1}))
    assert run(old, calls(call("weather", {"days": 1.0, "city": "서울"})), mode).equal
    (difference,) = run(old, calls(call("weather", {"city": "부산", "days": 1})), mode).reply
    assert difference.where == "choice 1, tool_calls[0] arguments"
    assert [(one.path, one.old, one.new) for one in difference.changes] == [
        ("$.city", "서울", "부산")
    ]


def test_the_rules_about_json_hold_for_arguments() -> None:
    old = calls(call("f", {"at": 1, "tags": ["a", "b"], "x": 1.0}))
    new = calls(call("f", {"at": 2, "tags": ["b", "a"], "x": 1.1}))
    rules = {"ignore": ("$.at",), "ignore_order": True, "tolerance": 0.1}
    comparison = run(old, new, "text", **rules)
    assert comparison.equal
    assert comparison.warnings == ()


def test_a_function_call_of_the_old_kind_is_compared_too() -> None:
    def called(city: str) -> Snapshot:
        return snapshot(choice(function_call={"name": "weather", "arguments": {"city": city}}))

    assert run(called("a"), called("a")).equal
    assert places(run(called("a"), called("b"))) == ["choice 1, function_call arguments"]


def test_the_input_of_a_custom_tool_is_compared() -> None:
    def custom(text: str) -> Snapshot:
        return calls({"type": "custom", "custom": {"name": "sql", "input": text}})

    assert places(run(custom("a"), custom("b"))) == ["choice 1, tool_calls[0] input"]
    assert run(custom("a"), custom("b"), "shape").equal


@pytest.mark.parametrize("mode", ["exact", "text", "json", "auto"])
def test_another_finish_reason_is_a_difference(mode: str) -> None:
    cut = snapshot({"finish_reason": "length", "content": "a"})
    assert places(run(said("a"), cut, mode)) == ["choice 1, finish_reason"]


def test_an_empty_text_beside_a_call_is_no_text() -> None:
    old = snapshot({"finish_reason": "tool_calls", "tool_calls": [call("a", {})]})
    new = snapshot({"finish_reason": "tool_calls", "content": "", "tool_calls": [call("a", {})]})
    assert run(old, new).equal


@pytest.mark.parametrize("mode", ["auto", "json", "shape"])
def test_json_text_that_was_kept_as_text_is_still_json(mode: str) -> None:
    assert run(built({"a": [1]}), said('{ "a": [1] }'), mode).equal
    assert run(said('{"a":[1]}'), said('{ "a": [1] }'), mode).equal


def test_auto_takes_a_bare_number_for_text() -> None:
    assert places(run(said("1"), said("1.0"), "auto")) == ["choice 1"]
    assert run(said("1"), said("1.0"), "json").equal


@pytest.mark.parametrize("mode", ["exact", "text"])
def test_a_reply_accepted_as_json_is_its_canonical_text_in_a_mode_of_text(mode: str) -> None:
    assert run(built({"b": 1, "a": 2}), built({"a": 2, "b": 1}), mode).equal
    assert places(run(built({"a": 1}), said('{"a":1}'), mode)) == ["choice 1"]


class TestInModeNone:
    def test_no_part_of_a_reply_can_be_a_difference(self) -> None:
        old = snapshot({"finish_reason": "stop", "content": "서울", "later": 1})
        for new in (
            said("부산"),
            built({"a": 1}),
            snapshot(choice(refusal="No.")),
            snapshot({"finish_reason": "length"}),
            calls(call("sun", {})),
            snapshot(choice(content="a"), choice(content="b")),
            snapshot(),
        ):
            assert run(old, new, "none") == Comparison(compared=False)
            assert run(new, old, "none") == Comparison(compared=False)

    def test_a_request_that_moved_is_its_only_cause(self) -> None:
        def asked(text: str, reply: str) -> Snapshot:
            request = {"model": "m", "messages": [{"role": "user", "content": text}]}
            return snapshot(choice(content=reply), request=request)

        comparison = run(asked("서울은?", "a"), asked("부산은?", "b"), "none")
        assert comparison.causes == (Cause.PROMPT,)
        assert comparison.reply == ()

    def test_another_model_that_answered_is_a_note_whatever_it_said(self) -> None:
        new = snapshot(choice(content="b"), served="m-2026-02-02")
        comparison = run(said("a"), new, "none")
        assert comparison.equal
        assert comparison.notes == ("served model: m-2026-01-01 → m-2026-02-02",)

    def test_rules_that_were_not_applied_are_no_warning(self) -> None:
        rules = {"ignore": ("$.x",), "replace": (Replacement(pattern="x", text="y"),)}
        assert run(said("a"), said("b"), "none", **rules).warnings == ()
