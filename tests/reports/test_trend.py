"""How some cases did over the runs: its texts in `golden/trend/`, a width each, and its page."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

from promptrun.models import Verdict
from promptrun.reports.history import write_share
from promptrun.reports.html.page import write_policy
from promptrun.reports.trend import RunFigures, draw, measures_of, write_trend
from promptrun.reports.trend_page import write_trend_page
from promptrun.reports.width import display_width

FOLDER = Path(__file__).parent / "golden" / "trend"
WRITES = bool(os.environ.get("PROMPTRUN_WRITE_GOLDEN"))
"""Read at once, since no test has a setting of promptrun's."""
TARGETS = ["specs/할머니와 할아버지의 옛날이야기.yaml::호랑이와 곶감"]
HOSTILE = "</script><script>alert(1)</script>\x1b[2J\u202e"


def run(number: int, passed: int, failed: int = 0, **fields: float | None) -> RunFigures:
    known = {
        "median": 0.8 + number / 10,
        "p95": 2.5 - number / 20,
        "prompt_tokens": 12_000,
        "completion_tokens": 40 * number,
        "cost": 0.001 * number,
    }
    return RunFigures(
        run=f"202611{number:02}T232510-3f2a",
        began=f"2026-11-{number:02}T23:25:10.000+00:00",
        verdicts={Verdict.PASSED: passed, Verdict.FAILED: failed},
        **known | fields,  # type: ignore[arg-type]  # figures by their names
    )


RUNS = [
    run(12, 1200, 3),
    run(11, 1190, 12, cost=None),
    RunFigures(run="too-large", began="2026-11-11T00:00:00.000+00:00"),
    run(10, 1203),
    run(9, 600, 603, median=12.3, p95=45.0),
    *(run(number, 1203 - number, number) for number in range(8, 0, -1)),
    RunFigures(run="broken"),
]


@pytest.mark.parametrize(
    ("view", "width", "plain"),
    [("40", 40, False), ("80", 80, False), ("200", 200, False), ("pipe", None, False),
     ("ascii", 100, True)],
)  # fmt: skip
def test_the_figures_are_shown_as_they_were_read(view: str, width: int | None, plain: bool) -> None:
    text = "\n".join([*write_trend(RUNS, TARGETS, width, plain=plain), ""])

    expected = FOLDER / f"{view}.txt"
    if WRITES:
        expected.write_text(text, "utf-8", newline="\n")
    assert text == expected.read_text("utf-8")


@pytest.mark.parametrize("width", range(40, 201))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    slow = run(13, 1203, median=75.0, p95=4000.0)

    assert max(map(display_width, write_trend(RUNS, TARGETS, width))) <= width
    assert max(map(display_width, write_trend([slow, *RUNS], TARGETS, width))) <= width


def test_plots_stand_below_each_other_and_their_figures_too() -> None:
    lines = list(write_trend(RUNS, TARGETS, 120))[-5:]

    assert [line.split()[0] for line in lines] == ["passed", "median", "p95", "tokens", "cost"]
    assert len({line.index(line.split()[1]) for line in lines}) == 1
    assert (
        len({line.index(" → ", 10) - len(line.split(" → ")[0].split("  ")[-1]) for line in lines})
        == 1
    )


@pytest.mark.parametrize(
    ("values", "room", "drawn"),
    [
        pytest.param([1, 2, 3, 8], 20, "▁▂▃█", id="from the least to the most"),
        pytest.param([5, 5], 20, "▄▄", id="all equal at half height"),
        pytest.param([1, None, 2], 20, "▁·█", id="a gap for what is unknown"),
        pytest.param([0, 10, None, 20, None, None], 3, "▁█·", id="neighbours as their mean"),
        pytest.param([None], 3, "·", id="nothing"),
        pytest.param(range(100), 8, "▁▂▃▄▅▆▇█", id="no more signs than there is room for"),
    ],
)
def test_a_plot_draws(values: Sequence[float | None], room: int, drawn: str) -> None:
    assert draw(values, room) == drawn


def test_a_stream_of_ascii_gets_ascii_plots() -> None:
    assert draw([1, None, 2, 3, 8], 20, plain=True) == "._:-@"
    plots = list(write_trend(RUNS, ["specs/a.yaml"], 200, plain=True))[-6:]
    assert "\n".join(plots).isascii()


def test_what_fewer_than_two_runs_know_is_not_drawn() -> None:
    assert [one.name for one in measures_of([run(1, 5), run(2, 5, cost=None)])] == [
        "passed", "median", "p95", "tokens",
    ]  # fmt: skip
    assert measures_of([run(1, 5)]) == []
    lines = list(write_trend([run(1, 5)], TARGETS, None))
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("share", "told"),
    [(1.0, "100 %"), (0.9999, "99.9 %"), (0.92, "92 %"), (0.29, "29 %"), (0.0, "0 %")],
)
def test_a_share_is_never_rounded_up_to_all(share: float, told: str) -> None:
    assert write_share(share) == told


@pytest.mark.parametrize(
    ("verdicts", "passed"),
    [
        ({Verdict.PASSED: 1, Verdict.NEW: 1, Verdict.FAILED: 2}, 0.5),
        ({Verdict.PASSED: 1, Verdict.ERROR: 1, Verdict.SKIPPED: 5}, 0.5),
        ({Verdict.SKIPPED: 5}, None),
        (None, None),
    ],
)
def test_the_share_that_passed_is_of_all_that_were_not_skipped(
    verdicts: dict[Verdict, int] | None, passed: float | None
) -> None:
    assert RunFigures(run="a", verdicts=verdicts).passed == passed


class Elements(HTMLParser):
    """The elements of a page, and the text outside of styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_the_page_holds_a_chart_a_figure_and_every_run() -> None:
    page = write_trend_page(RUNS, TARGETS)

    assert page.count("<svg") == page.count("<figure") == page.count('role="img"') == 5
    assert "specs/할머니와 할아버지의 옛날이야기.yaml::호랑이와 곶감" in page
    assert all(page.count(one.run) >= 1 for one in RUNS)
    assert page == write_trend_page(RUNS, TARGETS)


def test_the_page_runs_nothing_loads_nothing_and_says_so() -> None:
    page = write_trend_page(RUNS, TARGETS)

    elements = Elements(page)
    assert not elements.names & {"script", "iframe", "object", "form"}
    assert "style" not in elements.attributes
    [style] = re.findall(r"(?s)<style>(.*?)</style>", page)
    assert write_policy(style) in page.replace("&#39;", "'")
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_nothing_from_outside_is_markup_or_hidden_in_the_page() -> None:
    hostile = [RunFigures(run=HOSTILE, began=HOSTILE, cost=1.0, verdicts={Verdict.PASSED: 1})] * 2

    page = write_trend_page(hostile, [HOSTILE])

    assert "<script" not in page
    assert not set("\x1b\u202e") & set(page)


def test_a_page_of_one_run_has_no_chart() -> None:
    page = write_trend_page([run(1, 5)], TARGETS)

    assert "<svg" not in page
    assert "Two runs make a chart." in page
