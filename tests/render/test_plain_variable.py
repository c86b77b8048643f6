"""A template that is one variable takes a short way; it gives what Jinja gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.errors import SpecErrors
from tests.render.making import make_case, render_text

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["", " ", "\n", "옛날 옛적에\n", "{{ v }}", "{% raw %}", "<b>&amp;</b>", "\x00\x1b", "😀"]


@pytest.mark.parametrize("template", ["{{ v }}", "{{v}}", "{{\n v\t}}"])
@pytest.mark.parametrize("value", TEXTS, ids=repr)
def test_it_gives_the_text_itself(root: Path, template: str, value: str) -> None:
    assert render_text(root, template, v=value) == value


@settings(max_examples=50, deadline=None)
@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_it_gives_what_the_sandbox_gives(
    tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    root = tmp_path_factory.getbasetemp()

    assert render_text(root, "{{ v }}", v=value) == render_text(root, "{{ v }}{# #}", v=value)


@pytest.mark.parametrize("value", [None, True, 0, 1.5, [1], {"a": 1}], ids=repr)
def test_what_is_no_text_goes_through_the_sandbox(root: Path, value: Any) -> None:
    assert render_text(root, "{{ v }}", v=value) == render_text(root, "{{ v }}{# #}", v=value)


def test_a_literal_of_jinja_is_no_variable(root: Path) -> None:
    case = make_case(
        root, 'model: m\nmessages: [{role: user, content: "{{ true }}"}]\n', vars={"true": "no"}
    )
    from promptrun.render import render_request

    assert render_request(case).body["messages"][0]["content"] == "True"


def test_half_a_character_is_still_an_error(root: Path) -> None:
    with pytest.raises(SpecErrors):
        render_text(root, "{{ v }}", v="\ud800")
