from __future__ import annotations

import time
from typing import Any

import pytest

from promptrun.protocol import Problem
from tests.expect.judging import finding, found_in, problems

EXAMPLE = 'for example `{path: "$.people[*]", equals: grandfather}`'
QUERY = "a query begins with `$`: `$.people[0]`, `$.people[*].name`, `$..id`"


@pytest.mark.parametrize(
    ("argument", "path", "message", "hint"),
    [
        ("$.a", (), "`json` must be a mapping, not `$.a`", EXAMPLE),
        ({"equals": 1}, (), "`path` is missing in `json`", EXAMPLE),
        ({"path": 1}, ("path",), "`path` must be text, not `1`", 'quote it to make it text: `"1"`'),
        (
            {"path": "people"},
            ("path",),
            "`people` is no query that can be used: expected '$', found 'p' at character 1",
            QUERY,
        ),
        (
            {"path": "$", "equal": 1},
            ("equal",),
            "unknown key `equal`",
            "did you mean `equals`?",
        ),
        (
            {"path": "$", "exists": 1},
            ("exists",),
            "`exists` must be `true` or `false`, not `1`",
            None,
        ),
        (
            {"path": "$", "count": -1},
            ("count",),
            "`count` must be a whole number from 0 on, not `-1`",
            "write the number of nodes",
        ),
    ],
)
def test_a_wrong_argument_is_a_mistake(
    argument: Any, path: tuple[str, ...], message: str, hint: str | None
) -> None:
    (problem,) = problems("json", argument)
    assert (problem.path, problem.message, problem.hint) == (path, message, hint)


def test_a_pattern_that_cannot_be_used_is_a_mistake() -> None:
    (problem,) = problems("json", {"path": "$", "matches": "(a"})
    assert problem.path == ("matches",)
    assert problem.message == "`(a` is no pattern that can be used: missing ) at character 3"


@pytest.mark.parametrize(
    "tests",
    [
        {"exists": False, "equals": 1},
        {"exists": False, "matches": "a"},
        {"exists": False, "count": 2},
        {"exists": True, "count": 0},
        {"count": 0, "equals": None},
    ],
)
def test_what_no_reply_can_keep_is_a_mistake(tests: dict[str, Any]) -> None:
    message = "`json` says both that something is selected and that nothing is"
    hint = "leave one of them out"
    assert problems("json", {"path": "$.a", **tests}) == [Problem((), message, hint)]


@pytest.mark.parametrize(
    ("tests", "text", "kept"),
    [
        ({}, '{"a": null}', True),
        ({}, "{}", False),
        ({"exists": True}, "{}", False),
        ({"exists": False}, "{}", True),
        ({"exists": False, "count": 0}, "{}", True),
        ({"exists": False}, '{"a": null}', False),
        ({"equals": None}, '{"a": null}', True),
        ({"equals": None}, "{}", False),
        ({"equals": 1}, '{"a": 1.0}', True),
        ({"equals": 1}, '{"a": true}', False),
        ({"equals": 0}, '{"a": false}', False),
        ({"equals": "1"}, '{"a": 1}', False),
        ({"equals": {"x": 1, "y": [2]}}, '{"a": {"y": [2.0], "x": 1}}', True),
        ({"equals": {"x": 1}}, '{"a": {"x": 1, "y": 2}}', False),
        ({"equals": [1, 2]}, '{"a": [2, 1]}', False),
        ({"matches": "^할"}, '{"a": "할머니"}', True),
        ({"matches": "할$"}, '{"a": "할머니"}', False),
        ({"matches": "1"}, '{"a": 1}', False),
        ({"matches": "."}, "{}", False),
        ({"count": 1}, '{"a": [1, 2]}', True),
        ({"count": 0}, "{}", True),
        ({"equals": "x", "count": 1, "matches": "x", "exists": True}, '{"a": "x"}', True),
    ],
)
def test_what_is_selected_is_tested(tests: dict[str, Any], text: str, *, kept: bool) -> None:
    assert finding("json", {"path": "$.a", **tests}, text).kept is kept


def test_every_node_is_tested_and_counted() -> None:
    text = '{"people": ["할머니", "할아버지", "호랑이"]}'
    assert finding("json", {"path": "$.people[*]", "count": 3}, text).kept
    found = finding("json", {"path": "$.people[*]", "matches": "^할"}, text)
    assert (found.kept, found.found, found.where) == (False, '"호랑이"', "$.people[2]")


def test_a_place_is_a_path_that_can_be_written_again() -> None:
    found = finding("json", {"path": "$..x", "equals": 2}, """{"it's": [{"이름": {"x": 1}}]}""")
    assert found.where == r"$['it\'s'][0].이름.x"
    again = {"path": found.where, "equals": 1}
    assert finding("json", again, """{"it's": [{"이름": {"x": 1}}]}""").kept


def test_recorded_json_and_its_text_are_judged_alike() -> None:
    argument = {"path": "$.a", "equals": 2}
    kept = found_in("json", argument, {"json": {"a": 2}})
    assert kept == found_in("json", argument, {"content": '{"a": 2}'})
    assert kept.kept


def test_a_pattern_that_runs_out_of_time_is_an_error() -> None:
    found = finding("json", {"path": "$[*]", "matches": "^(a|aa)+$"}, f'["{"a" * 60}b"]')
    assert found.error == "`$[*]`: `^(a|aa)+$` was given up after 1 s"


def test_slow_patterns_on_many_nodes_end_as_an_error() -> None:
    begun = time.monotonic()
    # Each of them takes some milliseconds.
    text = "[" + ", ".join([f'"{"a" * 20}c"'] * 50_000) + "]"
    found = finding("json", {"path": "$[*]", "matches": "^(a|aa)+$|c"}, text)
    assert found.error == "`$[*]`: given up after 2 s, with 50,000 nodes to look at"
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("tests", [{"exists": True}, {"exists": False}, {"count": 0}])
def test_a_query_that_takes_too_long_is_an_error_and_never_kept(
    monkeypatch: pytest.MonkeyPatch, tests: dict[str, Any]
) -> None:
    monkeypatch.setattr("promptrun.matching.jsonpath.SECONDS", 0.001)
    text = f"[{', '.join(['{}'] * 20_000)}]"
    found = finding("json", {"path": "$[?@.이름 == 1]", **tests}, text)
    late = "it takes too long on this reply: given up after 0.001 s"
    assert (found.kept, found.error) == (False, f"`$[?@.이름 == 1]`: {late}")


def test_a_value_that_is_nested_deeply_is_no_crash() -> None:
    found = finding("json", {"path": "$..a", "equals": 1}, "[" * 900 + "]" * 900)
    assert not found.kept
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    assert found_in("json", {"path": "$", "equals": deep}, {"json": deep}).kept
