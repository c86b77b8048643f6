"""What holds for every text format: golden files, purity, streams, nothing of this machine."""

from __future__ import annotations

import tracemalloc
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from promptrun.models import Verdict
from promptrun.reports.report import find_format
from tests.reports.golden_file import check_golden, write_text
from tests.reports.report_example import Example, example, many, run_of

if TYPE_CHECKING:
    from promptrun.reports.report import Report

FILES = {
    "junit": "junit.xml",
    "json": "report.json",
    "jsonl": "report.jsonl",
    "markdown": "report.md",
    "github": "github.txt",
}
formats = pytest.mark.parametrize("name", FILES)


class _Nowhere(StringIO):
    """Takes all that is written, as a file does, and keeps none of it."""

    def write(self, text: str, /) -> int:
        return len(text.encode())


def _peak(name: str, report: Report) -> int:
    tracemalloc.start()
    try:
        find_format(name)(report, _Nowhere())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@formats
def test_a_report_looks_as_its_golden_file(name: str) -> None:
    check_golden(FILES[name], write_text(name, example()))


@formats
def test_a_report_written_twice_is_the_same(name: str) -> None:
    assert write_text(name, example()) == write_text(name, example())


@formats
def test_memory_does_not_grow_with_the_number_of_cases(name: str) -> None:
    find_format(name)(many(200), _Nowhere())  # what is loaded once is no part of it
    few, lots = _peak(name, many(200)), _peak(name, many(5_000))

    # 5,000 cases are some 14 MB; what a file buffers may differ.
    assert lots < 1.2 * few + 64 * 1024, (few, lots)


@formats
def test_a_report_names_no_folder_of_the_machine(name: str) -> None:
    assert "/home/somebody" in example().run.root
    assert "/home/somebody" not in write_text(name, example())


@formats
def test_a_run_without_cases_has_a_report(name: str) -> None:
    report = Example(run=run_of(iter(())), cases=lambda: iter(()))

    text = write_text(name, report)

    # Annotations have nothing to point at, and JUnit tells of a run in its suites.
    told = {"github": "", "junit": '<testsuites name="promptrun" tests="0"'}
    assert told.get(name, report.run.id) in text
    assert bool(text) is (name != "github")


@formats
def test_korean_stays_korean(name: str) -> None:
    assert "할머니" in write_text(name, example())


@formats
def test_a_report_is_utf8_without_hidden_characters(name: str) -> None:
    text = write_text(name, example())

    text.encode()
    for hidden in "\x00\x1b\r\u200b\u202e\u2028\ufeff":
        assert hidden not in text


def test_the_example_holds_every_verdict() -> None:
    assert set(example().run.verdicts) == set(Verdict)
