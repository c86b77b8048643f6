"""The report in JSON, and the schema of it that the documentation ships."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from promptrun.files.json import parse
from promptrun.models import CaseResult, Change, Comparison, Difference, Verdict
from promptrun.reports.history import PastRun
from promptrun.reports.json_report import describe_result, describe_run, write_result
from promptrun.reports.strict_json import MAX_DEPTH, TOO_DEEP, dump_strict
from tests.reports.golden_file import write_text
from tests.reports.report_example import Example, example, reply_of, run_of

DOCS = Path(__file__).parent.parent.parent / "docs"
SCHEMAS = {
    name: json.loads((DOCS / "schemas" / name).read_text("utf-8"))
    for name in ("report.schema.json", "report-line.schema.json")
}


def _closed(schema: Any) -> Any:
    """The same schema with no room for a field that it does not name."""
    if isinstance(schema, dict):
        closed = {key: _closed(value) for key, value in schema.items()}
        return closed | ({"additionalProperties": False} if "properties" in schema else {})
    return [_closed(one) for one in schema] if isinstance(schema, list) else schema


def validator_of(name: str, *, closed: bool) -> Draft202012Validator:
    """Checks values against a schema; `closed`: every field has to be named in it."""
    found = {key: _closed(value) if closed else value for key, value in SCHEMAS.items()}
    resources = [(key, Resource.from_contents(value)) for key, value in found.items()]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(found[name], registry=registry)


def _one(**fields: Any) -> CaseResult:
    known: dict[str, Any] = {
        "spec": "specs/a.yaml",
        "case": "default",
        "verdict": Verdict.PASSED,
        "provider": "openai",
    }
    return CaseResult(**known | fields)


def _report_of(*results: CaseResult) -> Example:
    return Example(run=run_of(iter(results)), cases=lambda: iter(results))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("closed", [True, False], ids=["every field is named", "as it is shipped"])
def test_a_report_keeps_its_schema(closed: bool) -> None:
    validator_of("report.schema.json", closed=closed).validate(parse(write_text("json", example())))


def test_a_report_of_another_shape_does_not_keep_the_schema() -> None:
    value = parse(write_text("json", example()))
    check = validator_of("report.schema.json", closed=True)
    for path, wrong in (
        (("promptrun",), 2),
        (("cases", 0, "verdict"), "well"),
        (("cases", 0, "more"), 1),
        (("run", "root"), "/home/somebody"),
        (("cases", 1, "differences", "reply", 0, "changes", 0, "kind"), "moved"),
    ):
        spoilt = json.loads(json.dumps(value))
        place = spoilt
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = wrong
        assert not check.is_valid(spoilt), path


def test_a_field_of_a_later_version_keeps_the_shipped_schema() -> None:
    value = parse(write_text("json", example()))
    value["cases"][0]["more"] = 1

    assert validator_of("report.schema.json", closed=False).is_valid(value)


def test_the_document_holds_what_is_printed_of_each_case() -> None:
    report = example()
    value = json.loads(write_text("json", report))

    told = [json.dumps(one) for one in value["cases"]]
    printed = [json.dumps(json.loads(write_result(one, indent=False))) for one in report.results()]
    assert told == printed


def test_each_case_of_the_document_stands_on_a_line() -> None:
    head, *lines, end = write_text("json", example()).splitlines()

    assert head.startswith('{"promptrun": 1, "run": {')
    assert [json.loads(line.removesuffix(","))["promptrun"] for line in lines] == [1] * 14
    assert end == "]}"


def test_the_run_has_every_field_but_its_folder() -> None:
    fields = describe_run(example().run)

    assert set(fields) == set(PastRun.__struct_fields__) - {"root"}
    assert set(fields) == set(SCHEMAS["report.schema.json"]["$defs"]["run"]["required"])


@pytest.mark.parametrize("field", describe_result(_one()))
def test_the_page_of_json_names_every_field(field: str) -> None:
    rows = re.findall(r"(?m)^\| (`.+?) \|", (DOCS / "json.md").read_text("utf-8"))
    assert field in re.findall(r"`(\w+)`", " ".join(rows))


@pytest.mark.parametrize(
    ("number", "text"),
    [(float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity")],
    ids=["no number", "without end", "without end below zero"],
)
def test_what_json_has_no_number_for_is_a_text(number: float, text: str) -> None:
    result = _one(
        reply=reply_of("a", logprobs={"tokens": [number, 1.5]}),
        comparison=Comparison(
            reply=(
                Difference(
                    where="choice 1",
                    changes=(Change(path="$.a", kind="changed", old=number, new=[number]),),
                ),
            )
        ),
    )

    for told in (write_result(result, indent=True), write_text("jsonl", _report_of(result))):
        last = parse(told if told.startswith("{\n") else told.splitlines()[-1])
        [change] = last["differences"]["reply"][0]["changes"]
        assert (change["old"], change["new"]) == (text, [text])
        message = last["reply"]["choices"][0]["message"]
        assert message["logprobs"]["tokens"] == [text, 1.5]


def test_half_a_character_is_an_escape_that_every_encoding_holds() -> None:
    text = write_text("json", _report_of(_one(reply=reply_of("a\ud800b", refusal="\udfff"))))

    text.encode()
    assert r'"a\ud800b"' in text
    assert r'"\udfff"' in text


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\r", "\x1c"], ids=ascii)
def test_no_character_of_a_reply_ends_a_line(end: str) -> None:
    text = write_text("jsonl", _report_of(_one(reply=reply_of(f"a{end}b"))))

    assert len(text.splitlines()) == 2
    assert parse(text.splitlines()[1])["reply"]["choices"][0]["message"]["content"] == f"a{end}b"


def test_a_value_that_is_too_deep_is_told_as_such() -> None:
    deep: Any = "bottom"
    for _ in range(100_000):
        deep = [deep]

    text = write_text("json", _report_of(_one(reply=reply_of("a", deep=deep)), _one()))

    assert text.count(TOO_DEEP) == 1
    assert len(parse(text)["cases"]) == 2


def test_what_can_be_written_is_never_cut() -> None:
    value: Any = "bottom"
    for _ in range(2 * MAX_DEPTH):
        value = [value]

    assert parse(dump_strict(value)) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON)
def test_any_value_is_strict_json(value: Any) -> None:
    parse(dump_strict(value))
    parse(dump_strict(value, indent=2))


@given(text=st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_comes_back(text: str) -> None:
    told = write_text("json", _report_of(_one(reply=reply_of(text))))

    told.encode()
    assert parse(told)["cases"][0]["reply"]["choices"][0]["message"]["content"] == text
