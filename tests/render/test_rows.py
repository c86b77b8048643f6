"""A mistake in what a row renders to names the row, and what mends its cell."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from promptrun.errors import Location, SpecError, SpecErrors
from promptrun.expect import KINDS
from promptrun.files.source import Place
from promptrun.models import DataFile, Expectation, FileRef
from promptrun.render import render_expectations, render_request
from tests.render.making import make_case

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.models import Case

TEXT = "model: m\nmessages: [{role: user, content: x}]\n"


def make_row(root: Path, text: str = TEXT, *, file: str = "people.csv", **variables: Any) -> Case:
    place = Place(lambda: Location(file, 3))
    data = DataFile(ref=FileRef(name=file, folder=root, place=place))
    return make_case(root, text, cases=data, place=place, vars=variables)


def mistake(case: Case, kind: str | None = None, argument: Any = None) -> SpecError:
    """The only mistake of a case; of its rule, where one is given."""
    if kind is not None:
        rule = Expectation(kind=kind, argument=argument, is_open=True, path=("expect", 0, kind))
        case = structs.replace(case, expect=(rule,))
    with pytest.raises(SpecErrors) as caught:
        render_expectations(case, check) if kind else render_request(case)
    [error] = caught.value.errors
    return error


def check(kind: str, value: Any, path: tuple[str | int, ...]) -> Any:
    return KINDS[kind](value, path)


def test_a_mistake_of_a_row_names_its_case_and_its_line(root: Path) -> None:
    found = mistake(make_row(root, answer=""), "contains", "{{ answer }}")
    assert found.message == "`contains` is an empty text, in the case `default` (people.csv:3)"


def test_a_mistake_of_a_case_in_the_spec_stays_as_it_is(root: Path) -> None:
    found = mistake(make_case(root, TEXT, vars={"answer": ""}), "contains", "{{ answer }}")
    assert found.message == "`contains` is an empty text"


def test_a_column_that_no_row_has_is_one_mistake_of_the_file(root: Path) -> None:
    text = TEXT.replace("content: x", 'content: "{{ who }}"')
    assert mistake(make_row(root, text)).message == (
        "the variable `who` has no value: people.csv:1 names no such column"
    )
    assert mistake(make_row(root, text, file="people.jsonl")).message == (
        "the variable `who` has no value, in the case `default` (people.jsonl:3)"
    )


def test_a_key_that_is_missing_in_a_value_of_a_row_is_that_row_s_mistake(root: Path) -> None:
    text = TEXT.replace("content: x", 'content: "{{ who.age }}"')
    assert mistake(make_row(root, text, file="people.jsonl", who={"name": "지수"})).message == (
        "no key `age` in this mapping, in the case `default` (people.jsonl:3)"
    )


@pytest.mark.parametrize(
    ("kind", "argument", "cell", "hint"),
    [
        ("max_words", "{{ cell }}", "30", "a CSV cell is text: write `{{ cell | int }}`"),
        ("max_latency", "{{ cell }}", "2", "a CSV cell is text: write `{{ cell | float }}`"),
        ("max_latency", "{{ cell }}", "2.5", "a CSV cell is text: write `{{ cell | float }}`"),
        (
            "json",
            {"path": "$.people", "count": "{{cell}}"},
            "2",
            "a CSV cell is text: write `{{ cell | int }}`",
        ),
        ("max_words", "{{ cell }}", "2.5", "write the number of words"),
        ("max_words", "{{ cell }}", "많이", "write the number of words"),
        ("max_words", "{{ cell }}0", "3", "write the number of words"),
        ("finish_reason", "{{ cell }}", "3", None),
    ],
)
def test_a_cell_that_is_a_number_to_a_reader_comes_with_the_filter(
    root: Path, kind: str, argument: Any, cell: str, hint: str | None
) -> None:
    found = mistake(make_row(root, cell=cell), kind, argument)
    assert found.hint == hint if hint else "a CSV cell" not in (found.hint or "")


def test_a_field_of_the_request_gets_the_hint_too(root: Path) -> None:
    text = TEXT + 'temperature: "{{ heat }}"\n'
    assert mistake(make_row(root, text, heat="0.5")).hint == (
        "a CSV cell is text: write `{{ heat | float }}`"
    )
    assert mistake(make_case(root, text, vars={"heat": "0.5"})).hint == (
        "`heat` is text: write `{{ heat | float }}`"
    )


def test_rendering_many_rows_leaves_nothing_behind(root: Path) -> None:
    text = TEXT.replace("content: x", 'content: "{{ who | upper }} {{ who }}"')

    def render(numbers: range) -> None:
        for number in numbers:
            case = make_row(root, text, who=f"사람 {number}")
            rule = Expectation(kind="contains", argument="{{ who }}", is_open=True)
            render_expectations(structs.replace(case, expect=(rule,)), check)
            render_request(case)

    render(range(100))
    tracemalloc.start()
    render(range(100, 600))
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 20_000
