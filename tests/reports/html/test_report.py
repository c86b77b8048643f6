"""The page of a run: golden files, the policy, purity, memory.

``PROMPTRUN_WRITE_GOLDEN=1 pytest tests/reports/html`` writes `golden/` anew; read the difference
before you commit it. `page.html` is the page without its style, its script and its cases;
`cases.html` is the fragment of every case.
"""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import tracemalloc
from io import StringIO
from pathlib import Path

import pytest

from promptrun.models import Verdict
from promptrun.reports.html import write
from promptrun.reports.html.look import read_file
from promptrun.reports.html.parts import write_case
from promptrun.reports.html.report import MAX_RUNS
from promptrun.reports.report import Report
from tests.reports.html.reading import Page, hash_of, read_blocks, write_text
from tests.reports.report_example import Example, example, many, past_runs, run_of

GOLDEN = Path(__file__).parent / "golden"
WRITES = os.environ.get("PROMPTRUN_WRITE_GOLDEN", "0") not in {"", "0"}
"""Read before the tests take such settings away."""


def check_golden(name: str, text: str) -> None:
    file = GOLDEN / name
    if WRITES:
        file.write_text(text, "utf-8", newline="\n")
    assert text == file.read_text("utf-8")


def test_the_page_of_every_verdict_is_as_it_was_read() -> None:
    text = write_text(example())
    text = text.replace(read_file("style.css"), "…").replace(read_file("script.js"), "…")
    text = re.sub(r"'sha256-[^']+'", "'sha256-…'", text)
    text = re.sub(r'(class="cases">).*?(</script>)', r"\1…\2", text)

    check_golden("page.html", text)


def test_every_case_is_as_it_was_read() -> None:
    fragments = [f"<!-- {one.id} -->\n{write_case(one)}" for one in example().results()]
    text = "\n".join(fragments).encode("utf-8", "backslashreplace").decode()

    check_golden("cases.html", re.sub(r"\n\s*\n", "\n", text))


def test_a_report_is_the_same_bytes_each_time() -> None:
    assert write_text(example()) == write_text(example())


def test_nothing_of_the_machine_is_told() -> None:
    assert "/home/somebody" not in write_text(example())


def test_the_policy_allows_the_very_style_and_script_of_the_page_and_nothing_else() -> None:
    page = Page(write_text(example()))
    [policy] = [
        found["content"]
        for tag, found in page.elements
        if tag == "meta" and found.get("http-equiv") == "Content-Security-Policy"
    ]
    [style] = page.find("style")
    scripts = [
        text
        for (tag, found), text in zip(page.elements, page.texts, strict=True)
        if tag == "script" and found.get("type") != "application/json"
    ]

    assert policy == (
        f"default-src 'none'; img-src data:; style-src {hash_of(style)}; "
        f"script-src {hash_of(scripts[0])}; base-uri 'none'; form-action 'none'"
    )
    assert len(scripts) == 1


def test_no_element_has_a_style_or_a_handler_of_its_own() -> None:
    page = Page(write_text(example()))
    fragments = [Page(text) for text in read_blocks(page, "cases")]

    for one in [page, *fragments]:
        for tag, found in one.elements:
            assert not [name for name in found if name == "style" or name.startswith("on")], tag


def test_the_page_loads_nothing() -> None:
    page = Page(write_text(example()))

    for one in [page, *(Page(text) for text in read_blocks(page, "cases"))]:
        for tag, found in one.elements:
            if tag != "a":
                addresses = [found.get(name) for name in ("src", "href", "srcset", "data")]
                assert all(not one or one.startswith("data:") for one in addresses), (tag, found)


def test_each_case_has_a_row_and_a_fragment_in_the_same_place() -> None:
    page = Page(write_text(many(1_050)))
    rows, cases = read_blocks(page, "rows"), read_blocks(page, "cases")

    assert len(rows) == len(cases) == 1_050
    for row, case in zip(rows, cases, strict=True):
        assert f"{row[0]}::{row[1]}" in Page(case).find("bdi")


def blocks_of(report: Report) -> list[tuple[int, int]]:
    """The number of the first case of each block, and how many it holds."""
    page = Page(write_text(report))
    return [
        (int(found["data-first"] or ""), len(json.loads(text)))
        for (_, found), text in zip(page.elements, page.texts, strict=True)
        if found.get("class") == "cases"
    ]


def test_a_block_ends_by_its_count_and_says_where_it_begins() -> None:
    assert blocks_of(many(70)) == [(0, 32), (32, 32), (64, 6)]


def test_a_block_ends_by_its_size_too(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = max(len(write_case(one)) for one in many(70).results())
    monkeypatch.setattr("promptrun.reports.html.report.CASES_SIZE", 4 * largest)

    blocks = blocks_of(many(70))

    assert sum(count for _, count in blocks) == 70
    assert [first for first, _ in blocks] == [
        sum(count for _, count in blocks[:at]) for at in range(len(blocks))
    ]
    assert all(4 <= count < 32 for _, count in blocks[:-1])


def test_a_case_that_is_larger_than_a_block_has_one_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("promptrun.reports.html.report.CASES_SIZE", 1)

    assert blocks_of(many(3)) == [(0, 1), (1, 1), (2, 1)]


def test_the_head_tells_what_the_run_was() -> None:
    text = Page(write_text(example()))
    told = "\n".join(text.texts)

    for one in (
        "specs/",
        "2026-11-25 19:35 UTC",
        "12.5 s",
        "0f02a5d0c1e9",
        "gpt-4o-mini",
        "30.7 %",
    ):
        assert one in told


def test_a_run_with_one_failure_in_a_thousand_is_not_told_as_all_well() -> None:
    run = run_of(iter(()), verdicts={Verdict.PASSED: 1_999, Verdict.FAILED: 1})
    page = Page(write_text(Example(run=run, cases=lambda: iter(()))))

    assert "99.9 %" in page.texts
    assert "100 %" not in page.texts


def test_a_run_of_no_cases_is_a_page() -> None:
    empty = Example(run=run_of(iter(())), cases=lambda: iter(()))
    page = Page(write_text(empty))

    assert page.find("output") == ["0 cases"]
    assert not page.find("figure")


def test_every_chart_has_a_text_and_a_table() -> None:
    page = Page(write_text(example()))
    drawings = [found for tag, found in page.elements if tag == "svg"]

    assert len(drawings) == 5
    assert all(one.get("role") == "img" and one.get("aria-label") for one in drawings)
    assert len(page.find("table")) == 5


def test_no_more_runs_are_drawn_than_the_last() -> None:
    past = past_runs() * 50
    page = Page(write_text(Example(run=run_of(iter(())), past=past, cases=lambda: iter(()))))

    assert len(page.find("th", scope="row")) <= 2 * MAX_RUNS


def test_a_chart_names_no_more_specs_than_fit_and_counts_the_rest() -> None:
    page = Page(write_text(many(300)))

    assert "88 other specs" in page.find("bdi")


def test_counts_of_the_chips_are_those_of_the_cases() -> None:
    page = Page(write_text(many(40)))
    boxes = [found["value"] for tag, found in page.elements if found.get("name") == "verdict"]

    assert boxes == [Verdict.CHANGED, Verdict.PASSED]
    assert page.find("b")[:2] == ["4", "36"]


def test_drawing_leaves_no_finder_of_modules_behind() -> None:
    write_text(example())

    assert all(hasattr(finder, "find_spec") for finder in sys.meta_path)


class Sink(StringIO):
    """Counts what is written, and keeps none of it."""

    size = 0

    def write(self, text: str, /) -> int:
        self.size += len(text)
        return len(text)


def measure(count: int) -> tuple[int, int]:
    """The peak of memory, and the size of the page."""
    report, sink = many(count), Sink()
    gc.collect()
    tracemalloc.start()
    try:
        write(report, sink)
        return tracemalloc.get_traced_memory()[1], sink.size
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_cases() -> None:
    write_text(example())  # what is loaded once
    measure(200)
    few, size = measure(300)
    many_times, larger = measure(1_500)

    assert larger > 4.5 * size
    assert many_times < 1.2 * few


@pytest.mark.parametrize("kind", ["rows", "cases"])
def test_a_block_holds_no_end_of_its_element(kind: str) -> None:
    for block in Page(write_text(example())).find("script", kind=kind):
        assert "<" not in block
