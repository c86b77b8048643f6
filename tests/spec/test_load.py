"""A spec is read as it is written, and every mistake in it is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from promptrun.models import Case, CompareRules, DataFile, FileRef
from promptrun.spec import expand
from tests.spec.conftest import KNOWN, MINIMAL

if TYPE_CHECKING:
    from promptrun.errors import SpecError
    from tests.spec.conftest import Project


def seen(errors: tuple[SpecError, ...]) -> list[tuple[str, str]]:
    """Each message with the text that it points at."""
    shown = []
    for error in errors:
        place = error.location
        assert place is not None
        shown.append((error.message, place.source[place.column - 1 :][: place.width]))
    return shown


FULL = """\
description: JSON mode, the people of a story
stream: false
parameters: {temperature: 0, max_tokens: 200}
messages:
  - role: user
    content: "{{ story }}"
response_format: {type: json_object}
model: gpt-4o-mini
provider: local
extra_body: {top_k: 40}
vars:
  story: 옛날 옛적에
  long: {file: story.txt}
expect:
  - finish_reason: stop
compare: {mode: json, ignore: "$.note", ignore_order: true, tolerance: 0.1}
snapshot: {request: digest}
tags: [people, json]
"""


def test_a_whole_spec_is_read(project: Project) -> None:
    spec = project.load(FULL, name="specs/people/가.yaml")
    assert spec.id == "specs/people/가.yaml"
    assert spec.description == "JSON mode, the people of a story"
    assert spec.provider == "local"
    assert spec.tags == ("people", "json")
    assert spec.vars["story"] == "옛날 옛적에"
    long = spec.vars["long"]
    assert isinstance(long, FileRef)
    assert (long.name, long.folder) == ("story.txt", project.root / "specs" / "people")
    assert (long.location.line, long.location.column) == (13, 16)
    [rule] = spec.expect
    assert (rule.kind, rule.argument) == ("finish_reason", "stop")
    assert rule.path == ("expect", 0, "finish_reason")
    assert spec.compare == CompareRules(
        mode="json", ignore=("$.note",), ignore_order=True, tolerance=0.1
    )
    assert not spec.keep_request
    assert spec.cases is None
    assert spec.warned == ()


def test_fields_stand_in_the_order_of_the_body_with_their_origins(project: Project) -> None:
    spec = project.load(FULL)
    assert list(spec.fields) == [
        *("model", "messages", "stream", "temperature", "max_tokens"),
        *("response_format", "extra_body"),
    ]
    assert spec.origins["temperature"] == ("parameters", "temperature")
    assert spec.origins["response_format"] == ("response_format",)


def test_an_id_is_normalised(project: Project) -> None:
    assert project.load(MINIMAL, name="specs/\u1100\u1161.yaml").id == "specs/가.yaml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty: a spec is a mapping"),
        ("- a", "the file is a list: a spec is a mapping"),
        ("hello", "the file is a text or a number: a spec is a mapping"),
        ("model: m\n", "`messages` is missing: this is no spec"),
        ("model: m\nmessages:\n", "`messages` must be a list, not `null`"),
        ("messages:\n  - {role: user, content: hi}\n", "`model` is missing"),
        (b"model: \xff", "`a.yaml` is not UTF-8 (byte 7)"),
        ("model: [", "expected a value here"),
    ],
)
def test_what_is_no_spec_is_told_clearly(project: Project, text: str | bytes, message: str) -> None:
    [error] = project.errors(text)
    assert error.message == message
    assert error.location is not None
    assert error.location.file == "specs/a.yaml"


def test_a_folder_or_nothing_is_no_spec(project: Project) -> None:
    (project.root / "specs" / "a.yaml").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        project.write("specs/a.yaml", "")
    from promptrun.errors import SpecErrors
    from promptrun.spec import load_spec

    for name, message in (("a.yaml", "is a folder"), ("b.yaml", "cannot read")):
        with pytest.raises(SpecErrors, match=message):
            load_spec(project.root / "specs" / name, root=project.root, known=KNOWN)


@pytest.mark.parametrize(
    ("text", "message", "pointed"),
    [
        ("temprature: 0", "unknown key `temprature`", "temprature"),
        ("base_url: https://evil", "unknown key `base_url`", "base_url"),
        ("temperature: warm", "`temperature` must be a number, not `warm`", "warm"),
        ("description: 3", "`description` must be text, not `3`", "3"),
        (
            "provider: https://evil",
            "`provider` must be the name of a provider in `promptrun.toml`, not `https://evil`",
            "https://evil",
        ),
        ("parameters: 3", "`parameters` must be a mapping, not `3`", "3"),
        (
            "n: 1\nparameters: {n: 1}",
            "`n` stands twice: here and under `parameters`",
            "n",
        ),
        ("parameters: {messages: []}", "`messages` cannot stand here", "messages"),
        ("parameters: {extra_body: {}}", "unknown key `extra_body`", "extra_body"),
        ("extra_body: []", "`extra_body` must be a mapping, not a list", "[]"),
        ("extra_body: {n: 1}", "`n` is no field of a server's own", "n"),
        ("vars: [a]", "`vars` must be a mapping, not a list", "[a]"),
        (
            "vars: {1a: x}",
            "the key `1a` must be a name of letters, digits and `_` that begins with no digit",
            "1a",
        ),
        ("expect: {contains: x}", "`expect` must be a list, not a mapping", "{contains: x}"),
        ("expect: [contains]", "`expect[0]` must be a mapping with one rule", "contains"),
        ("expect: [{contain: x}]", "unknown key `contain`", "contain"),
        ("expect: [{contains: 3}]", "it must be text", "3"),
        ("compare: {mode: jsn}", "`mode` cannot be `jsn`", "jsn"),
        (
            "compare: {ignore: note}",
            "`ignore` must be a JSONPath that begins with `$`, not `note`",
            "note",
        ),
        ("compare: {tolerance: -1}", "`tolerance` must be a number from 0 on, not `-1`", "-1"),
        ("compare: {ignore_order: no}", "`ignore_order` must be true or false, not `no`", "no"),
        ("snapshot: {request: none}", "`request` cannot be `none`", "none"),
        ("tags: 3", "`tags` must be a list, not `3`", "3"),
        ("cases: []", "`cases` must be a list of at least one case", "[]"),
        ("cases: {file: none.csv}", "no file `none.csv`", "none.csv"),
        ("cases: {file: ../../x.csv}", "`../../x.csv` lies outside the project", "../../x.csv"),
        (
            "cases: {file: ../promptrun.toml}",
            "`promptrun.toml` is no data file",
            "../promptrun.toml",
        ),
        ("cases: [x]", "a case must be a mapping", "x"),
        ("cases: [{name: a, messages: []}]", "`messages` cannot stand here", "messages"),
        ("cases: [{name: a, temprature: 0}]", "unknown key `temprature`", "temprature"),
        ("cases: [{name: a, n: x}]", "`n` must be a whole number, not `x`", "x"),
        ("cases: [{name: a}, {name: a}]", "two cases are called `a`: here and at line 4", "a"),
        ("cases: [{vars: {}}, {vars: {}}]", "this case has no `name`", "{vars: {}}"),
        ("cases: [{name: ''}]", "a case's name must not be empty", "''"),
        ("cases: [{name: true}]", "a case's name must be text, not `true`", "true"),
        (
            'cases: [{name: "a\\u001bb"}]',
            "a case's name must not hold the character U+001B",
            '"a\\u001bb"',
        ),
        ("cases: [{name: a, expect: [{contain: x}]}]", "unknown key `contain`", "contain"),
        ("matrix: {vars.x: []}", "`vars.x` must be a list of at least one value", "[]"),
        ("matrix: {temprature: [1]}", "`temprature` is no axis", "temprature"),
        ("matrix: {messages: [1]}", "`messages` is no axis", "messages"),
        ("matrix: {temperature: [warm]}", "`temperature[0]` must be a number, not `warm`", "warm"),
        ("matrix: {vars.x: [1, 1]}", "`1` stands twice in `vars.x`", "1"),
        (
            "matrix: {n: [1], parameters.n: [2]}",
            "`parameters.n` and `n` are the same axis",
            "parameters.n",
        ),
    ],
)
def test_a_mistake_points_at_what_is_wrong(
    project: Project, text: str, message: str, pointed: str
) -> None:
    assert seen(project.added_errors(text)) == [(message, pointed)]


@pytest.mark.parametrize(
    "key", ["base_url", "api_key", "headers", "extra_headers", "env", "API_KEY"]
)
def test_a_key_that_could_carry_a_secret_away_is_sent_to_the_settings(
    project: Project, key: str
) -> None:
    [error] = project.added_errors(f"{key}: x")
    assert error.hint is not None
    assert "promptrun.toml" in error.hint


def test_all_mistakes_come_at_once_in_the_order_of_the_file(project: Project) -> None:
    text = (
        "tags: 3\nmesages: []\nmodel: m\nmessages:\n  - {role: usr, content: 3}\n  - {role: user}\n"
    )
    lines = [error.location.line for error in project.errors(text) if error.location]
    assert lines == [1, 2, 5, 6]


def test_ranges_and_joint_rules_only_warn(project: Project) -> None:
    spec = project.add("temperature: 3\ntop_logprobs: 2\n")
    assert [(one.message, one.location.line) for one in spec.warned] == [
        ("`temperature` must be between 0 and 2, not `3`", 4),
        ("`top_logprobs` needs `logprobs: true`", 5),
    ]


def test_joint_rules_hold_for_the_fields_that_a_case_ends_up_with(project: Project) -> None:
    switched = "top_logprobs: 2\ncases:\n  - {name: a, logprobs: true}\n"
    assert project.add(switched).warned == ()
    [warned] = project.add(switched + "  - {name: b}\n").warned
    assert warned.location.line == 4
    [warned] = project.add("cases:\n  - {name: a}\n  - {name: b, top_logprobs: 2}\n").warned
    assert warned.location.line == 6


def test_defaults_fill_only_what_a_spec_leaves_out(project: Project) -> None:
    defaults = {
        "model": "default-model",
        "parameters": {"temperature": 1, "seed": 7, "max_tokens": 10},
        "compare": {"mode": "text", "tolerance": 1},
        "expect": [{"contains": "x"}],
    }
    text = "messages:\n  - {role: user, content: hi}\ntemperature: 0\nmax_completion_tokens: 5\n"
    spec = project.load(text + "compare: {mode: json}\n", defaults=defaults)
    assert list(spec.fields) == [
        "model",
        "messages",
        "temperature",
        "max_completion_tokens",
        "seed",
    ]
    assert spec.fields["temperature"] == 0
    assert "seed" not in spec.origins
    assert "model" not in spec.origins
    assert spec.compare == CompareRules(mode="json", tolerance=1)
    assert [(rule.argument, rule.path) for rule in spec.expect] == [("x", ())]
    own = project.load(text + "model: own\nexpect: [{contains: y}]\n", defaults=defaults)
    assert own.fields["model"] == "own"
    assert [rule.argument for rule in own.expect] == ["y"]


@pytest.mark.parametrize(
    "defaults",
    [
        {"parameters": {"temprature": 0}},
        {"parameters": {"n": "x"}},
        {"temperature": 0},
        {"model": 3},
        {"compare": {"mode": "x"}},
        {"expect": [{"contain": 1}]},
    ],
)
def test_a_mistake_in_the_defaults_is_said_to_be_there(
    project: Project, defaults: dict[str, Any]
) -> None:
    text = "messages:\n  - {role: user, content: hi}\n"
    errors = project.errors(text, defaults={"model": "m"} | defaults)
    assert any(error.message.startswith("`[defaults]` of the project: ") for error in errors)


@pytest.mark.parametrize(
    "text",
    ["matrix: {model: [a, b]}", "cases: [{model: a}]", "cases: [{parameters: {model: a}}]"],
)
def test_a_model_may_come_from_the_matrix_or_from_every_case(project: Project, text: str) -> None:
    spec = project.load(f"messages:\n  - {{role: user, content: hi}}\n{text}\n")
    models = [case.fields["model"] for case in expand(spec) if isinstance(case, Case)]
    assert models == (["a", "b"] if "matrix" in text else ["a"])


def test_a_data_file_is_not_read_into_the_spec(project: Project) -> None:
    project.write("specs/people.csv", "q\na\n")
    spec = project.add("cases: {file: people.csv}")
    assert isinstance(spec.cases, DataFile)
    assert spec.cases.ref.location.line == 4


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", "", "`specs/a.csv` has no header"),
        ("a.csv", "q\n\n", "`specs/a.csv` has no rows"),
        ("a.csv", "q,q\n1,2\n", "the column `q` stands twice in the header"),
        ("a.csv", "q,\n1,2\n", "column 2 of the header has no name"),
        ("a.json", "{}", "`specs/a.json` must be a list of rows"),
        ("a.json", "[", "`specs/a.json` is no JSON"),
        ("a.yaml", "a: 1\n", "`specs/a.yaml` must be a list of rows"),
        ("a.yaml", "- {a: 1\n", "a mapping that `{` opened is not closed"),
        ("a.yaml", "[]", "`specs/a.yaml` has no rows"),
        ("a.jsonl", "\n", "`specs/a.jsonl` has no rows"),
    ],
)
def test_a_broken_data_file_is_known_before_anything_is_sent(
    project: Project, name: str, data: str, message: str
) -> None:
    project.write(f"specs/{name}", data)
    [error] = project.errors(MINIMAL + f"cases: {{file: {name}}}", name="specs/spec.yaml")
    assert error.message.startswith(message)


def test_a_hostile_spec_ends_in_a_bounded_list_of_errors(project: Project) -> None:
    text = "".join(f"x{number}: 1\n" for number in range(3_000))
    assert len(project.added_errors(text)) <= 200
