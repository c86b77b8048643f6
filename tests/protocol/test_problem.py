"""The nearest right name, and what counts as a template."""

from __future__ import annotations

import pytest

from promptrun.protocol import FIELDS, is_template, nearest


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("temprature", "temperature"),
        ("Temperature", "temperature"),
        ("max_token", "max_tokens"),
        ("resposne_format", "response_format"),
        ("xyzzy", None),
        ("", None),
        ("temperature" * 1_000, None),
    ],
)
def test_a_typo_finds_its_field(name: str, near: str | None) -> None:
    assert nearest(name, FIELDS) == near


@pytest.mark.parametrize("text", ["{{ x }}", "a {% if b %}", "{# note #}"])
def test_a_text_that_jinja_would_change_is_a_template(text: str) -> None:
    assert is_template(text)


@pytest.mark.parametrize("value", ["", '{"a": {}}', "}}", None, 3, ["{{ x }}"]])
def test_other_values_are_no_templates(value: object) -> None:
    assert not is_template(value)
