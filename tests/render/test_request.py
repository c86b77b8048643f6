from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from promptrun.errors import Location, SpecErrors
from promptrun.files.source import Place
from promptrun.models import Case, Request, Warned
from promptrun.render import render_request
from tests.render.making import make_case, mistakes

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """\
temperature: 0
extra_body: {top_k: 5}
messages:
  - {role: user, content: "{{ story }}"}
model: gpt-4o-mini
max_tokens: null
stream: false
"""


def test_the_request_is_what_the_spec_says_and_nothing_else(root: Path) -> None:
    body = render_request(make_case(root, SPEC, vars={"story": "옛날"})).body
    assert list(body.items()) == [
        ("model", "gpt-4o-mini"),
        ("messages", [{"role": "user", "content": "옛날"}]),
        ("temperature", 0),
        ("max_tokens", None),
        ("stream", False),
        ("top_k", 5),
    ]


def test_rendering_changes_no_case(root: Path) -> None:
    case = make_case(root, SPEC, vars={"story": "옛날"})
    render_request(case)
    assert case.fields["messages"] == [{"role": "user", "content": "{{ story }}"}]
    assert render_request(case) == render_request(case)


def test_the_same_case_gives_the_same_request_in_every_thread(root: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    cases = [make_case(root, SPEC, vars={"story": str(i)}) for i in range(50)]
    with ThreadPoolExecutor(4) as pool:
        bodies = [request.body for request in pool.map(render_request, cases)]
    assert [body["messages"][0]["content"] for body in bodies] == [str(i) for i in range(50)]


def test_a_field_in_extra_body_and_in_the_request_is_an_error(root: Path) -> None:
    text = SPEC.replace("top_k", "temperature")
    with pytest.raises(SpecErrors) as caught:
        render_request(make_case(root, text, vars={"story": "x"}))
    (error,) = caught.value.errors
    assert error.message == "`temperature` stands in `extra_body` and in the request itself"
    assert str(error.location) == "spec.yaml:2:14"


def test_extra_body_that_is_no_mapping_is_an_error(root: Path) -> None:
    text = SPEC.replace("{top_k: 5}", '"{{ story }}"')
    assert mistakes(make_case(root, text, vars={"story": "x"})) == ["`extra_body` is no mapping"]


def test_extra_body_may_be_one_variable(root: Path) -> None:
    text = SPEC.replace("{top_k: 5}", '"{{ extra }}"')
    body = render_request(make_case(root, text, vars={"story": "x", "extra": {"a": [1]}})).body
    assert body["a"] == [1]


@pytest.mark.parametrize(
    ("field", "variables", "place"),
    [
        ('temperature: "{{ t }}"', {"t": "hot"}, "spec.yaml:2:14"),
        ('stream: "{{ t }}"', {"t": 1}, "spec.yaml:2:9"),
        ('stop: ["a", "{{ t }}"]', {"t": 1}, "spec.yaml:2:13"),
        ('temperature: "{{ t }} "', {"t": 1}, "spec.yaml:2:14"),
    ],
)
def test_a_rendered_value_of_the_wrong_type_is_an_error_where_it_is_written(
    root: Path, field: str, variables: dict[str, object], place: str
) -> None:
    text = f"model: m\n{field}\nmessages: [{{role: user, content: x}}]\n"
    with pytest.raises(SpecErrors) as caught:
        render_request(make_case(root, text, vars=variables))
    assert [str(error.location) for error in caught.value.errors] == [place]


def test_a_rendered_value_out_of_range_is_a_warning(root: Path) -> None:
    text = "model: m\ntemperature: '{{ t }}'\nmessages: [{role: user, content: x}]\n"
    (warning,) = render_request(make_case(root, text, vars={"t": 7})).warnings
    assert "between 0 and 2" in warning.message
    assert str(warning.location) == "spec.yaml:2:14"


def json_mode(root: Path, story: str) -> Request:
    text = (
        "model: m\nmessages: [{role: user, content: '{{ story }}'}]\n"
        "response_format: {type: json_object}\n"
    )
    return render_request(make_case(root, text, vars={"story": story}))


def test_json_mode_is_judged_by_the_rendered_messages(root: Path) -> None:
    assert json_mode(root, "Answer in Json.").warnings == ()
    assert [w.message for w in json_mode(root, "Answer.").warnings] == [
        "JSON mode needs the word `json` in a message"
    ]


def test_what_loading_has_warned_of_is_not_said_again(root: Path) -> None:
    text = "model: m\nmessages: [{role: user, content: '{{ x }}'}]\ntool_choice: auto\n"
    case = make_case(root, text, vars={"x": "x"})
    (warning,) = render_request(case).warnings
    warned = Case(
        spec=case.spec,
        name=case.name,
        fields=case.fields,
        origins=case.origins,
        vars=case.vars,
        warned=(warning,),
    )
    assert render_request(warned).warnings == ()


def test_a_warning_about_a_field_of_the_settings_stands_at_the_case(root: Path) -> None:
    text = "model: m\nmessages: [{role: user, content: x}]\ntemperature: '{{ t }}'\n"
    case = make_case(root, text)
    place = Location("people.csv", 7)
    moved = Case(
        spec=case.spec,
        name="a",
        fields=case.fields,
        origins={},
        vars={"t": 9},
        place=Place(lambda: place),
    )
    (warning,) = render_request(moved).warnings
    assert isinstance(warning, Warned)
    assert warning.location == place


def test_mistakes_of_every_kind_come_at_once(root: Path) -> None:
    text = """\
model: "{{ a }}"
messages:
  - {role: user, content: {file: nothing.md}}
  - {role: user, content: "{{ 1 +* }}"}
  - {role: user, content: "{{ b }}"}
temperature: "{{ t }}"
extra_body: {model: x}
"""
    assert len(mistakes(make_case(root, text, vars={"t": "hot"}))) == 6


def test_a_field_that_failed_is_not_judged_as_well(root: Path) -> None:
    text = "model: m\nmessages: [{role: user, content: x}]\ntemperature: '{{ t }}'\n"
    assert mistakes(make_case(root, text)) == ["the variable `t` has no value"]


def test_a_spec_without_templates_never_imports_jinja() -> None:
    code = (
        "import sys, promptrun.render, pathlib\n"
        "from tests.render.making import make_case\n"
        "from promptrun.render import render_request\n"
        "text = 'model: m\\nmessages: [{role: user, content: x}]\\n'\n"
        "render_request(make_case(pathlib.Path('.'), text))\n"
        "sys.exit('jinja2' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
