from __future__ import annotations

import json

from promptrun.files.json import parse
from promptrun.reports.json_report import describe_run, write_result
from tests.reports.golden_file import write_text
from tests.reports.report_example import example
from tests.reports.test_json import validator_of


def test_the_first_line_tells_the_run_and_no_other_does() -> None:
    first, *lines = map(json.loads, write_text("jsonl", example()).splitlines())

    assert first == {"promptrun": 1, "run": json.loads(json.dumps(describe_run(example().run)))}
    assert len(lines) == 14
    assert not any("run" in line for line in lines)
    assert all("verdict" in line for line in lines)


def test_a_line_is_what_is_printed_of_its_case() -> None:
    report = example()
    _, *lines = write_text("jsonl", report).splitlines()

    for line, result in zip(lines, report.results(), strict=True):
        printed = json.loads(write_result(result, indent=False))
        assert json.dumps(json.loads(line)) == json.dumps(printed)


def test_every_line_keeps_its_schema() -> None:
    check = validator_of("report-line.schema.json", closed=True)

    for line in write_text("jsonl", example()).splitlines():
        check.validate(parse(line))
    assert not check.is_valid({"promptrun": 1})
    assert not check.is_valid({"promptrun": 1, "run": {}})
