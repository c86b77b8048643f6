from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from promptrun.render import render_request
from tests.render.making import make_case, mistakes, one_message, render_text

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = [{"name": "할머니", "age": 70}, {"name": "Grandfather", "age": 72}]
TREE = [{"n": 1, "below": [{"n": 2, "below": []}, {"n": 3, "below": [{"n": 4, "below": []}]}]}]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ name }}", "지수"),
        ("Hi {{ name }}!\n", "Hi 지수!\n"),
        ("{{ 1 + 2 * 3 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 2 ** 10 }} {{ 1 / 4 }}", "7 3 3 1024 0.25"),
        ("{{ 'a' ~ 1 ~ none ~ true }}", "a1NoneTrue"),
        ("{{ 'ab' * 3 }} {{ [1] + [2] }} {{ 'a' + 'b' }}", "ababab [1, 2] ab"),
        ("{% if people|length > 1 %}many{% elif people %}one{% else %}none{% endif %}", "many"),
        ("{{ 'yes' if name == '지수' else 'no' }}", "yes"),
        ("{{ 'x' if false }}", ""),
        ("{% for p in people %}{{ loop.index }}. {{ p.name }}\n{% endfor %}", None),
        ("{% for p in people if p.age > 70 %}{{ p['name'] }}{% endfor %}", "Grandfather"),
        ("{% for k, v in people[0].items() %}{{ k }}={{ v }};{% endfor %}", "name=할머니;age=70;"),
        ("{% for x in [] %}x{% else %}empty{% endfor %}", "empty"),
        ("{% for x in 'abc' %}{{ x }}{{ ',' if not loop.last }}{% endfor %}", "a,b,c"),
        ("{% for x in [1, 1, 2] %}{{ x if loop.changed(x) }}{% endfor %}", "12"),
        ("{% for x in range(4) %}{{ loop.cycle('a', 'b') }}{% endfor %}", "abab"),
        ("{% for x in range(1, 9, 3) %}{{ loop.length }}{{ x }} {% endfor %}", "31 34 37 "),
        (
            "{% for t in tree recursive %}{{ t.n }}({{ loop(t.below) }}){% endfor %}",
            "1(2()3(4()))",
        ),
        (
            "{% set n = namespace(a=0) %}{% for x in [3] %}{% set n.a = x %}{% endfor %}{{ n.a }}",
            "3",
        ),
        ("{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12"),
        ("{% set block %}a{{ name }}{% endset %}{{ block }}", "a지수"),
        ("{% with x = 1 %}{{ x }}{% endwith %}", "1"),
        ("{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, b=3) }}", "1213"),
        ("{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}x{% endcall %}", "<x>"),
        ("{% filter upper %}abc{% endfilter %}", "ABC"),
        ("{% block b %}x{% endblock %}{{ self.b() }}", "xx"),
        ("{# a comment #}a{% raw %}{{ b }}{% endraw %}", "a{{ b }}"),
        ("a\n  {%- if true %} b{% endif %}", "a b"),
        ("{{ 'abc'[1:] }}{{ [1, 2, 3][-1] }}{{ {'a': 1}.a }}{{ people[0].get('x', 9) }}", "bc319"),
        ("{{ people|map(attribute='name')|join(', ') }}", "할머니, Grandfather"),
        ("{{ people|join('/', attribute='age') }}", "70/72"),
        ("{{ people|selectattr('age', 'gt', 70)|map(attribute='name')|first }}", "Grandfather"),
        ("{{ people|rejectattr('age', 'gt', 70)|list|length }}", "1"),
        ("{{ people|sort(attribute='name')|map(attribute='age')|list }}", "[72, 70]"),
        ("{{ people|sum(attribute='age') }}", "142"),
        ("{% for g in [1, 2, 3]|batch(2, 'x') %}{{ g }}{% endfor %}", "[1, 2][3, 'x']"),
        (
            "{% for g in [{'k': 1}]|groupby('k') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}",
            "11",
        ),
        ("{{ [3, 1, 2]|sort|last }}{{ [1, 2]|max }}{{ [1, 1]|unique|list }}", "32[1]"),
        ("{{ [1, 2, 3]|select('odd')|list }}{{ ['a']|map('upper')|list }}", "[1, 3]['A']"),
        ("{{ {'b': 1, 'a': 2}|dictsort }}", "[('a', 2), ('b', 1)]"),
        ("{{ '  a b '|trim|title }}|{{ 'a b'|replace(' ', '-') }}", "A B|a-b"),
        ("{{ 'a\nb'|indent(2) }}", "a\n  b"),
        ("{{ 'abcdef'|truncate(5, leeway=0) }}{{ 'x'|center(3) }}", "ab... x "),
        ("{{ 3.14159|round(2) }}{{ -1|abs }}{{ '7'|int + 1 }}{{ 'x'|int(0) }}", "3.14180"),
        ("{{ 3.7|int }} {{ ' 3 '|int }} {{ '3.7'|int }} {{ '0x1f'|int(base=16) }}", "3 3 3 31"),
        ("{{ 'x'|int(default=none) }}{{ ''|float(1.5) }}{{ '2.5'|float }}", "None1.52.5"),
        ("{{ 'a,b'.split(',')|last }}{{ ' x '.strip() }}{{ 'a'.upper() }}", "bxA"),
        ("{{ 'a\nb'.splitlines()|length }}{{ 'abc'.startswith('a') }}", "2True"),
        ("{{ 'a' in 'abc' and 2 not in [1] and 1 is odd and 'x' is string }}", "True"),
        ("{{ 1 < 2 < 3 }}", "True"),
        ("{{ nothing }}", "None"),
        ("{{ missing|default('d') }}{{ missing is defined }}", "dFalse"),
        ("{{ people[0].nickname|default('d') }}", "d"),
        ("{{ dict(a=1).a }}", "1"),
        ("{{ '<&>' }}", "<&>"),
    ],
)
def test_ordinary_templates_do_what_jinja_s_manual_says(
    root: Path, template: str, expected: str | None
) -> None:
    text = render_text(root, template, name="지수", people=PEOPLE, tree=TREE, nothing=None)
    assert text == (expected if expected is not None else "1. 할머니\n2. Grandfather\n")


def test_tojson_keeps_order_and_letters(root: Path) -> None:
    text = render_text(root, "{{ v|tojson }}", v={"b": "한글 <&'>", "a": [1.5, None, True]})
    assert text == '{"b": "한글 <&\'>", "a": [1.5, null, true]}'


def test_tojson_indents_where_it_is_told_to(root: Path) -> None:
    assert render_text(root, "{{ [1]|tojson(2) }}") == "[\n  1\n]"
    assert render_text(root, "{{ [1]|tojson(indent=2) }}") == "[\n  1\n]"


def test_includes_start_in_the_folder_of_the_file_that_names_them(root: Path) -> None:
    (root / "prompts").mkdir()
    (root / "prompts" / "outer.txt").write_text("<{% include 'inner.txt' %}>", encoding="utf-8")
    (root / "prompts" / "inner.txt").write_text("{{ name }}\n", encoding="utf-8")
    assert render_text(root, "{% include 'prompts/outer.txt' %}", name="a") == "<a\n>"


def test_inheritance_and_imports_work(root: Path) -> None:
    (root / "base.txt").write_text(
        "[{% block a %}base{% endblock %}|{% block b %}{% endblock %}]", encoding="utf-8"
    )
    child = (
        "{% extends 'base.txt' %}{% import 'm.txt' as m %}"
        "{% block a %}{{ super() }}+{% endblock %}{% block b %}{{ m.hello() }}{% endblock %}"
    )
    (root / "child.txt").write_text(child, encoding="utf-8")
    assert render_text(root, "{% extends 'child.txt' %}") == "[base+|hello]"
    assert render_text(root, "{% from 'm.txt' import hello %}{{ hello() }}") == "hello"


def test_a_missing_file_can_be_ignored(root: Path) -> None:
    assert render_text(root, "a{% include 'nothing.txt' ignore missing %}b") == "ab"
    assert render_text(root, "{% include ['nothing.txt', 'm.txt'] %}b") == "b"
    assert render_text(root, "{% include ['nothing.txt', 'no.txt'] ignore missing %}b") == "b"


def test_an_included_file_that_changed_is_read_anew(root: Path) -> None:
    (root / "part.txt").write_text("one", encoding="utf-8")
    assert render_text(root, "{% include 'part.txt' %}") == "one"
    (root / "part.txt").write_text("second", encoding="utf-8")
    assert render_text(root, "{% include 'part.txt' %}") == "second"


def test_a_value_is_never_rendered_again(root: Path) -> None:
    assert render_text(root, "{{ v }}", v="{{ 7 * 7 }}") == "{{ 7 * 7 }}"


def test_a_value_never_becomes_structure_in_a_message(root: Path) -> None:
    assert render_text(root, "{{ v }}", v=[{"type": "text"}]) == "[{'type': 'text'}]"
    assert render_text(root, "{{ v }}", v=7) == "7"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"{{ t }}"', 0.5),
        ('"{{ t * 2 }}"', 1.0),
        ('"{{ t|round|int }}"', 0),
        ('"{{ missing|default(1) }}"', 1),
    ],
)
def test_a_parameter_that_is_one_expression_keeps_its_type(
    root: Path, written: str, value: Any
) -> None:
    case = make_case(
        root,
        "model: m\nmessages: [{role: user, content: x}]\n"
        f"parameters: {{temperature: {written}}}\n",
        vars={"t": 0.5},
    )
    temperature = render_request(case).body["temperature"]
    assert temperature == value
    assert type(temperature) is type(value)


def test_expressions_keep_their_type_inside_of_structures_and_nowhere_else(root: Path) -> None:
    case = make_case(
        root,
        """\
model: "{{ m }}"
messages: [{role: user, name: "{{ n }}", content: "{{ n }}"}]
stop: ["{{ m }}", "-{{ n }}-"]
logit_bias: {"50256": "{{ n }}"}
extra_body: {top_k: "{{ n }}", note: "{{ n }} ", list: "{{ (1, 2) }}", "{{ n }}": null}
""",
        vars={"m": "gpt", "n": 7},
    )
    assert render_request(case).body == {
        "model": "gpt",
        "messages": [{"role": "user", "name": "7", "content": "7"}],
        "stop": ["gpt", "-7-"],
        "logit_bias": {"50256": 7},
        "top_k": 7,
        "note": "7 ",
        "list": [1, 2],
        "{{ n }}": None,
    }


def test_text_without_marks_is_sent_as_it_stands(root: Path) -> None:
    text = '{"people": ["aaa"]} { } %} }}\r\n'
    assert render_text(root, text) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ x", "not a template: unexpected end of template, expected `end of print statement`"),
        ("{% iff x %}", "not a template: Encountered unknown tag `iff`"),
        ("{{ 1|uper }}", "no filter `uper`"),
        ("{{ 1 is evn }}", "no test `evn`"),
        ("{{ [1]|map('uper')|list }}", "no filter `uper`"),
        ("{{ 1 / 0 }}", "the template fails: division by zero"),
        ("{{ 1 + 'a' }}", "the template fails: unsupported operand type(s) for +: `int` and `str`"),
        ("{% include 'nothing.txt' %}", "no file `nothing.txt`"),
        ("{{ name.uper() }}", "a text has no `uper`"),
        ("{{ name|int }}", "`int` finds no number in `a`"),
        ("{{ name|float }}", "`float` finds no number in `a`"),
        ("{{ ' '|int }}", "`int` finds no number in an empty text"),
        ("{{ '이십'|int(base=16) }}", "`int` finds no number in `이십`"),
        ("{{ 'nan'|float }}", "`float` finds no number in `nan`"),
        ("{{ '1e999'|float }}", "`float` finds no number in `1e999`"),
        ("{{ none|int }}", "`int` finds no number in `null`"),
        ("{{ [1]|float }}", "`float` finds no number in a list"),
        ("{{ ['1', 'x']|map('int')|sum }}", "`int` finds no number in `x`"),
    ],
)
def test_what_is_wrong_with_a_template_is_said(root: Path, template: str, message: str) -> None:
    assert mistakes(one_message(root, template, name="a"))[0].startswith(message)
