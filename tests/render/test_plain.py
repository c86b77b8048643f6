"""Plain templates are rendered without Jinja, and give what Jinja would give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptrun.render.budget import MAX_BYTES, Budget, reset_budget, set_budget
from promptrun.render.plain import render_plain
from promptrun.render.sandbox import sandbox_for
from tests.render.making import mistakes, one_message

NOTHING = object()


def plain(template: str, *, typed: bool = False, **variables: Any) -> str | None:
    return render_plain(template, variables, Budget(), typed=typed)


def by_jinja(template: str, variables: dict[str, Any], *, typed: bool) -> Any:
    """What the sandbox gives; NOTHING where it fails or notes a missing name."""
    budget = Budget()
    token = set_budget(budget)
    budget.resume()
    try:
        sandbox = sandbox_for(Path("/"))
        result = sandbox.run(sandbox.template("t", template, typed=typed), variables)
    except Exception:  # noqa: BLE001 - whatever it is, it is no text
        return NOTHING
    finally:
        reset_budget(token)
    return NOTHING if budget.notes else result


PIECES = [
    *(
        "{{ a }}",
        "{{a}}",
        "{{ 나 }}",
        "{{\n a\t}}",
        "{{ n }}",
        "{{ x }}",
        "{{ true }}",
        "{{ loop }}",
    ),
    *(
        "{",
        "}",
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{{-",
        "-}}",
        "\n",
        "\r\n",
        "\r",
        " ",
        "가",
        "'",
    ),
    *(
        "{{ a.b }}",
        "{{ a | upper }}",
        "{{ 1 }}",
        "{% raw %}{{ a }}{% endraw %}",
        "\\",
        "{{ range }}",
    ),
]
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([1, "x"])


@settings(max_examples=400, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6),
    variables=st.fixed_dictionaries({"a": VALUES, "나": VALUES, "n": VALUES}),
    typed=st.booleans(),
)
@example(pieces=["{{ a }}"], variables={"a": "\ud800", "나": 1, "n": 2}, typed=False)
@example(pieces=["{{ a }}", "{{ 나 }}"], variables={"a": "{{ n }}", "나": None, "n": 2}, typed=True)
def test_what_is_plain_comes_out_as_from_jinja(
    pieces: list[str], variables: dict[str, Any], *, typed: bool
) -> None:
    template = "".join(pieces)
    text = render_plain(template, variables, Budget(), typed=typed)
    if text is not None:
        result = by_jinja(template, variables, typed=typed)
        assert (type(result), result) == (str, text)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ a }}", "할머니"),
        ("이야기: {{ a }}, {{ n }}번\n", "이야기: 할머니, 3번\n"),
        ("{{ n }}", "3"),
        ("글", "글"),
    ],
)
def test_texts_with_variables_are_plain(template: str, text: str) -> None:
    assert plain(template, a="할머니", n=3) == text


@pytest.mark.parametrize(
    ("template", "variables"),
    [
        ("{{ a | upper }}", {"a": "x"}),
        ("{{ b }}", {"a": "x"}),
        ("x {{ a }}", {"a": ["x"]}),
        ("x {{ a }}\r\n", {"a": "x"}),
        ("x {{ a }}", {"a": "\ud800"}),
        ("x {{ a }}", {"a": 10**5_000}),
        ("x {{ a }}", {"a": "x" * 2**21}),
        ("{{- a }}", {"a": "x"}),
    ],
    ids=["a filter", "missing", "a list", "CR", "half a character", "huge", "long", "trimmed"],
)
def test_anything_else_is_left_to_the_sandbox(template: str, variables: dict[str, Any]) -> None:
    assert plain(template, **variables) is None


def test_a_number_keeps_its_type_where_types_are_kept() -> None:
    assert plain("{{ n }}", n=3, typed=True) is None
    assert plain("{{ n }} ", n=3, typed=True) == "3 "


def test_plain_texts_count_against_the_budget() -> None:
    budget, made = Budget(), 0
    while (text := render_plain("x {{ a }}", {"a": "y" * 10**6}, budget, typed=False)) is not None:
        made += len(text)
    assert MAX_BYTES / 2 < made <= MAX_BYTES


def test_plain_texts_past_the_budget_are_an_error(tmp_path: Path) -> None:
    case = one_message(tmp_path, "x", a="y" * 10**6)
    case.fields["messages"][:] = [{"role": "user", "content": "x {{ a }}"} for _ in range(40)]
    assert mistakes(case) == ["a template makes more than 32 MiB"]
