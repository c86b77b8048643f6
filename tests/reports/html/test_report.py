"""The page of a run: golden files, the policy, purity, memory.

``PROMPTRUN_WRITE_GOLDEN=1 pytest tests/reports/html`` writes `golden/` anew; read the difference
before you commit it. `page.html` is the page without its style, its script and its cases;
`cases.html` is the fragment of every case.
"""

from __future__ import annotations

import gc
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


def test_blocks_are_of_the_size_that_the_script_expects() -> None:
    page = Page(write_text(many(70)))
    told = re.search(r"const CASES = (\d+)", read_file("script.js"))
    blocks = page.find("script", kind="cases")

    assert told
    assert int(told[1]) == 32
    assert len(blocks) == 3


def test_the_head_tells_what_the_run_was() -> None:
    text = Page(write_text(example()))
    told = "\n".join(text.texts)

    for one in ("specs/", "2026-11-25 19:35 UTC", "12.5 s", "0f02a5d0c1e9", "gpt-4o-mini", "31 %"):
        assert one in told


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
