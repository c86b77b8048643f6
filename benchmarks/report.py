"""The HTML report of 10,000 cases: writing it, what that holds in memory, and opening it.

``python benchmarks/report.py [--quick]`` writes and opens 10,000 cases (2,000 with ``--quick``).
Writing is held against json.dumps of the same values, opening against a page of the same size
that shows nothing. Opening needs Chromium and Playwright, and is left out, aloud, where there is no
Chromium.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from measuring import ROOT, Result, environ_for, in_turn, middle, run_child, tell, wants_quick

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

sys.path.insert(0, str(ROOT))

FEW = 1_000
OPENED_WITHIN = 2.0
"""Seconds until the first rows are drawn."""

WRITER = """
import sys
from promptrun.reports.report import find_format
from tests.reports.report_example import many
with open(sys.argv[2], "w", encoding="utf-8", newline="\\n") as file:
    find_format(sys.argv[3])(many(int(sys.argv[1])), file)
"""
DUMPER = """
import json, sys
import msgspec
from tests.reports.report_example import many
with open(sys.argv[2], "w", encoding="utf-8") as file:
    for _ in range(2):  # a report reads its cases twice, too
        for result in many(int(sys.argv[1])).results():
            file.write(json.dumps(msgspec.to_builtins(result), ensure_ascii=False))
"""

DRAWN = """
new MutationObserver((_, watch) => {
  if (!document.querySelector("#list .row")) return;
  watch.disconnect();
  requestAnimationFrame(() => { window.drawnAt = performance.now(); });
}).observe(document, { childList: true, subtree: true });
"""
"""Notes when the first rows were drawn; the page's clock begins with the navigation."""
LOADED = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
SCROLLED = """
async () => {
  const frame = () => new Promise((go) => requestAnimationFrame(go));
  scrollTo(0, document.documentElement.scrollHeight / 2);
  await frame();
  const frames = 120, began = performance.now();
  for (let step = 0; step < frames; step++) {
    scrollBy(0, 200);
    await frame();
  }
  return (performance.now() - began) / frames;
}
"""
"""Milliseconds of a frame while the list is scrolled by some five rows in each."""


def measure(folder: Path) -> Iterator[Result]:
    """Time and memory of writing, then what a browser takes to open what was written."""
    quick = wants_quick()
    most = 2_000 if quick else 10_000
    environ = environ_for(folder)

    def write(count: int) -> tuple[str, ...]:
        return (sys.executable, "-c", WRITER, str(count), str(folder / f"{count}.html"), "html")

    dump = (sys.executable, "-c", DUMPER, str(most), str(folder / "floor.json"))
    commands = (write(most), write(FEW), dump)
    measures = [lambda command=command: run_child(command, folder, environ) for command in commands]
    of_most, of_few, floor = in_turn(1 if quick else 3, *measures)
    mine, theirs = (middle(used.cpu for used in column) for column in (of_most, floor))
    ratio = middle(a.cpu / b.cpu for a, b in zip(of_most, floor, strict=True))
    size = (folder / f"{most}.html").stat().st_size / 2**20
    what = f"{most:,} cases written, {size:.0f} MiB"
    yield Result(what, f"{mine:.2f} s of CPU", f"{theirs:.2f} s (json.dumps)", ratio, 8.0)
    peaks = [middle(used.peak for used in column) for column in (of_most, of_few)]
    figures = f"{peaks[0]:.0f} MiB", f"{peaks[1]:.0f} MiB at {FEW:,}"
    yield Result(f"memory at {most:,} cases", *figures, peaks[0] / peaks[1], 1.1)
    yield from measure_opening(folder / f"{most}.html", most, 3 if quick else 7)


def measure_opening(report: Path, count: int, rounds: int) -> Iterator[Result]:
    """What it takes until something is to be seen, and until all is there."""
    from tests.browser.chromium import find_chromium, start_chromium

    program = find_chromium()
    if program is None:
        print("opening: not measured, there is no Chromium")
        return
    from playwright.sync_api import sync_playwright

    # The same bytes, which nobody looks at, and as high.
    floor = report.with_name("floor.html")
    size = report.stat().st_size
    head = b"<!DOCTYPE html><style>html { height: 400000px }</style><script type=application/json>"
    floor.write_bytes(head + b" " * (size - len(head) - 9) + b"</script>")
    assert floor.stat().st_size == size
    with sync_playwright() as playwright, start_chromium(playwright, program) as browser:
        # In turn, so that a machine whose speed drifts slows both; the first does not count.
        pairs = [[open_once(browser, path) for path in (report, floor)] for _ in range(rounds + 1)]
    opened, empty = zip(*pairs[1:], strict=True)
    first = middle(drawn for drawn, _, _ in opened)
    figures = f"{first:.2f} s", f"{OPENED_WITHIN:.0f} s"
    yield Result(f"first rows of {count:,} cases", *figures, first / OPENED_WITHIN, 1.0)
    all_of_it, nothing = (middle(loaded for _, loaded, _ in each) for each in (opened, empty))
    figures = f"{all_of_it:.2f} s", f"{nothing:.2f} s (an empty page of its size)"
    yield Result("all of it read", *figures, all_of_it / nothing, 2.5)
    frame, blank = (middle(scrolled for _, _, scrolled in each) for each in (opened, empty))
    figures = f"{frame * 1e3:.0f} ms a frame", f"{blank * 1e3:.0f} ms (an empty page)"
    yield Result("scrolling", *figures, frame / blank, 1.5)


def open_once(browser: Browser, path: Path) -> tuple[float, float, float]:
    """Seconds until rows were drawn (0 where there are none), until all was read, of a frame."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.add_init_script(DRAWN)
    page.goto(path.as_uri())
    drawn = page.evaluate("window.drawnAt ?? 0")
    assert bool(drawn) == bool(page.locator("#list .row").count())
    loaded, scrolled = page.evaluate(LOADED), page.evaluate(SCROLLED)
    context.close()
    return drawn / 1e3, loaded / 1e3, scrolled / 1e3


def main() -> int:
    """Print each figure and whether it keeps its target; 1 where one does not."""
    with TemporaryDirectory() as name:
        return 1 if tell(measure(Path(name))) else 0


if __name__ == "__main__":
    sys.exit(main())
