from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from promptrun.errors import SpecError, SpecErrors
from promptrun.render import render_request
from tests.render.making import make_case, mistakes, one_message, render_text

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.models import Case

SPEC = """\
model: m
messages:
  - role: system
    content: You are {{ who }}, {{ who }}.
  - role: user
    content: |
      First line.
      Tell {{ who }} about {{ stroy }}.
temperature: "{{ t }}"
extra_body: {top_k: "{{ k + 1 }}"}
"""


def errors_of(case: Case) -> list[SpecError]:
    with pytest.raises(SpecErrors) as caught:
        render_request(case)
    return list(caught.value.errors)


def test_every_missing_variable_is_named_at_once_with_each_place(root: Path) -> None:
    errors = errors_of(make_case(root, SPEC, vars={"story": "x"}))
    found = [(e.message, str(e.location), e.location.width) for e in errors if e.location]
    assert found == [
        ("the variable `who` has no value", "spec.yaml:4:25", 3),
        ("the variable `who` has no value", "spec.yaml:8:15", 3),
        ("the variable `stroy` has no value", "spec.yaml:8:31", 5),
        ("the variable `t` has no value", "spec.yaml:9:18", 1),
        ("the variable `k` has no value", "spec.yaml:10:25", 1),
    ]


def test_a_missing_variable_comes_with_what_mends_it(root: Path) -> None:
    hints = {e.message: e.hint for e in errors_of(make_case(root, SPEC, vars={"story": "x"}))}
    assert hints["the variable `stroy` has no value"] == "did you mean `story`?"
    assert "--var who=" in str(hints["the variable `who` has no value"])


@pytest.mark.parametrize(
    "template",
    [
        "{{ x if x is defined }}",
        "{% if x is defined %}{{ x }}{% endif %}",
        "{{ x|default('') }}",
        "{{ x|d }}",
        "{% if x is not defined %}{% endif %}",
        "{% if false %}{{ x }}{% endif %}",
        "{% set x = 1 %}{{ x }}",
        "{% for x in [1] %}{{ x }}{% endfor %}",
        "{{ x is undefined }}",
    ],
)
def test_a_variable_that_may_be_missing_is_no_mistake(root: Path, template: str) -> None:
    assert mistakes(one_message(root, template)) == []


@pytest.mark.parametrize(
    "template",
    [
        "{{ x }}",
        "{{ x.y }}",
        "{{ x.y.z|default('') }}",
        "{{ x['y'] }}",
        "{{ x() }}",
        "{{ x|upper }}",
        "{{ x|list }}",
        "{{ x|join }}",
        "{{ [x]|join }}",
        "{{ [x] }}",
        "{{ {'a': x}|tojson }}",
        "{{ x ~ '' }}",
        "{{ x + 1 }}",
        "{{ x == 1 }}",
        "{{ -x }}",
        "{% if x %}{% endif %}",
        "{% if not x %}{% endif %}",
        "{{ x or 1 }}",
        "{% for a in x %}{% endfor %}",
        "{% for a in x recursive %}{% endfor %}",
        "{% for a in [1] if x %}{% endfor %}",
        "{% set y = x %}{{ y }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(x) }}",
        "{% include x %}",
        "{{ [1]|select('in', x)|list }}",
        "{{ range(x) }}",
        "{{ 'a'.replace('a', x) }}",
        "{% filter replace('a', x) %}a{% endfilter %}",
    ],
)
def test_every_use_of_a_missing_variable_is_that_one_mistake(root: Path, template: str) -> None:
    assert mistakes(one_message(root, template)) == ["the variable `x` has no value"]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ person.nam }}", "no key `nam` in this mapping"),
        ("{{ person['nam'] }}", "no key `nam` in this mapping"),
        ("{{ people[0].nam }}", "no key `nam` in this mapping"),
        ("{{ people[7] }}", "a list has no `7`"),
        ("{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}", "parameter `a` was not provided"),
        ("{% from 'm.txt' import nothing %}{{ nothing }}", "the template "),
    ],
)
def test_a_missing_key_is_named_with_the_keys_there_are(
    root: Path, template: str, message: str
) -> None:
    person = {"name": "a"}
    case = one_message(root, template, person=person, people=[person])
    assert mistakes(case)[0].startswith(message)


def test_missing_names_in_a_file_are_shown_in_that_file(root: Path) -> None:
    (root / "prompts").mkdir()
    (root / "prompts" / "system.md").write_text("One.\nYou are {{ who }}.\n", encoding="utf-8")
    (root / "prompts" / "part.md").write_text("{% if 1 %}\n\n{{ what }}{% endif %}", "utf-8")
    text = """\
model: m
messages:
  - {role: system, content: {file: prompts/system.md}}
  - {role: user, content: "{% include 'prompts/part.md' %}"}
"""
    errors = errors_of(make_case(root, text))
    assert [(e.message, e.location) for e in errors] == [
        (
            "the variable `who` has no value",
            ("prompts/system.md", 2, 12, "You are {{ who }}.", 3),
        ),
        (
            "the variable `what` has no value",
            ("prompts/part.md", 3, 4, "{{ what }}{% endif %}", 4),
        ),
    ]


def test_a_mistake_in_a_template_is_shown_at_its_own_line(root: Path) -> None:
    text = "model: m\nmessages:\n  - role: user\n    content: |\n      a\n      {{ 1 +* }}\n"
    location = errors_of(make_case(root, text))[0].location
    assert location is not None
    assert (location.line, location.source) == (6, "      {{ 1 +* }}")


def test_fields_of_the_settings_have_no_place_in_the_spec(root: Path) -> None:
    case = make_case(root, "model: m\nmessages: [{role: user, content: x}]\nuser: '{{ x }}'\n")
    origins = {name: path for name, path in case.origins.items() if name != "user"}
    moved = type(case)(spec=case.spec, name="default", fields=case.fields, origins=origins, vars={})
    assert [(e.message, e.location) for e in errors_of(moved)] == [
        ("the variable `x` has no value", None)
    ]


def test_a_variable_may_have_the_name_of_a_function(root: Path) -> None:
    assert render_text(root, "{{ range }}{{ dict }}", range="a", dict="b") == "ab"
