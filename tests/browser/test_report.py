"""The report of a run, opened from a file as a colleague opens it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from promptrun.models import CaseResult, Cause, Comparison, Difference, Verdict
from promptrun.reports.html import write
from promptrun.reports.report import Report
from tests.reports.report_example import Example, example, many, reply_of, request_of, run_of

Axe = Callable[[Page], list[str]]
Open = Callable[[Report], Page]

MANY = 10_000
DOZENS = 80
"""Rows that a page may hold: what is in sight, and as much again on both sides."""
OPENED_WITHIN = 2_000
"""Milliseconds until the first rows of many cases are drawn."""

HOSTILE = (
    "<script>window.pwned = 1</script>",
    "</script><script>window.pwned = 2</script>",
    "--><script>window.pwned = 3</script><!--",
    "<img src=x onerror='window.pwned = 4'>",
    "<svg onload='window.pwned = 5'><script>window.pwned = 6</script></svg>",
    "<iframe srcdoc='<script>parent.pwned = 7</script>'></iframe>",
    "<a href='javascript:window.pwned = 8'>a link</a>",
    "[a link](javascript:window.pwned=9) javascript:alert(9)",
    "<details open ontoggle='window.pwned = 10'><summary>x</summary></details>",
    '"\'` autofocus onfocus=window.pwned=11 x="',
    "</template></textarea></title></style><style>* { display: none }</style>",
    "<base href='https://example.com/'><meta http-equiv=refresh content='0;https://example.com'>",
    "<form action='https://example.com'><button>here</button></form>",
    "{{ 7 * 7 }} {% for x in y %} ${7 * 7} <%= 7 * 7 %>",
    "<!-- <script> \\u003cscript\\u003e &lt;script&gt; ]]>",
    "data:image/svg+xml,<svg onload='window.pwned = 12'/>",
)
MARKS = "\u202etxet desrever\u202c \u2066isolated\u2069 \u200fright"
LONG = "가나다라마바사아자차" * 100_000
"""A line of a million characters, without a place to break it."""


@pytest.fixture
def open_report(page: Page, tmp_path: Path) -> Open:
    """Write a report to a file, and open that."""

    def opened(report: Report) -> Page:
        page.goto(write_page(report, tmp_path / "리포트.html"))
        return page

    return opened


@pytest.fixture(scope="module")
def of_many(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the report of many cases, which takes seconds to write."""
    return write_page(many(MANY), tmp_path_factory.mktemp("many") / "report.html")


def write_page(report: Report, path: Path) -> str:
    """The report as a file, and its address."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        write(report, file)
    return path.as_uri()


def report_of(*results: CaseResult) -> Report:
    """A run of these cases."""

    def cases() -> Iterator[CaseResult]:
        return iter(results)

    return Example(run=run_of(cases()), cases=cases)


def heads(page: Page) -> Locator:
    """The button of every case that is drawn."""
    return page.locator("#list .row-head")


def head_of(page: Page, name: str) -> Locator:
    """The button of one case."""
    return heads(page).filter(has_text=name)


def names_of(page: Page) -> set[str]:
    """The cases that the list shows now."""
    return set(page.locator("#list .row-name").all_inner_texts())


def wanted(keep: Callable[[CaseResult], object]) -> set[str]:
    """The ids of the example's cases that fit, as a row shows them."""
    found = {result.id for result in example().results() if keep(result)}
    assert 0 < len(found) < 14
    return found


def open_all(page: Page) -> None:
    """Open every case, on a page so high that all of them are in sight."""
    width = page.evaluate("innerWidth")
    page.set_viewport_size({"width": width, "height": 20_000})
    expect(heads(page)).to_have_count(len(list(example().results())))
    heads(page).evaluate_all("heads => heads.forEach((head) => head.click())")
    expect(page.locator("#list .panel article")).to_have_count(heads(page).count())


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than what shows it."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wide


def pwned(page: Page) -> Any:
    """What a reply has set, had it run."""
    return page.evaluate("window.pwned ?? null")


# ── What is there ────────────────────────────────────────────────────────────────────────────────


def test_the_summary_tells_what_became_of_the_run(open_report: Open) -> None:
    page = open_report(example())

    assert page.title() == (
        "2 failed, 4 changed, 1 missing, 2 error, 1 new, 1 skipped, 3 passed – specs/ – promptrun"
    )
    assert page.get_by_role("heading", level=1).inner_text() == "specs/"
    summary = page.get_by_role("region", name="Summary")
    for told in ("pass rate", "$0.00043", "1,310 + 384", "20261125T193529-f1c3", "0f02a5d0c1e9"):
        expect(summary).to_contain_text(told)
    expect(page.locator("#count")).to_have_text("14 cases")
    assert names_of(page) == {
        result.id for result in example().results() if "hostile" not in result.id
    } | {"specs/hostile|<b>.yaml::a `case` <script>alert(1)</script> @team::x"}


def test_each_chart_is_told_in_words_too(open_report: Open) -> None:
    page = open_report(example())

    drawings = page.get_by_role("region", name="Charts").get_by_role("img")
    assert drawings.count() == 5
    assert all(one.get_attribute("aria-label") for one in drawings.all())
    table = page.get_by_text("as a table").first
    table.click()
    expect(page.get_by_role("rowheader", name="specs/summary.yaml")).to_be_visible()


def test_a_browser_that_runs_no_script_is_told_why_there_is_no_list(
    browser: Browser, tmp_path: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(write_page(example(), tmp_path / "report.html"))

    expect(page.locator("noscript p")).to_be_visible()
    context.close()


# ── Filters ──────────────────────────────────────────────────────────────────────────────────────


def pick_verdict(page: Page) -> None:
    page.get_by_role("checkbox", name="changed").check()


def pick_two_verdicts(page: Page) -> None:
    pick_verdict(page)
    page.get_by_role("checkbox", name="failed").check()


def pick_cause(page: Page) -> None:
    page.get_by_role("combobox", name="Cause").select_option("prompt")


def pick_spec(page: Page) -> None:
    page.get_by_role("combobox", name="Spec").select_option("specs/summary.yaml")


def pick_tag(page: Page) -> None:
    page.get_by_role("combobox", name="Tag").select_option("korean")


def pick_verdict_and_tag(page: Page) -> None:
    pick_verdict(page)
    pick_tag(page)


@pytest.mark.parametrize(
    ("pick", "keep"),
    [
        pytest.param(pick_verdict, lambda one: one.verdict is Verdict.CHANGED, id="a verdict"),
        pytest.param(
            pick_two_verdicts,
            lambda one: one.verdict in {Verdict.CHANGED, Verdict.FAILED},
            id="one of two verdicts",
        ),
        pytest.param(
            pick_cause,
            lambda one: one.comparison and Cause.PROMPT in one.comparison.causes,
            id="a cause",
        ),
        pytest.param(pick_spec, lambda one: one.spec == "specs/summary.yaml", id="a spec"),
        pytest.param(pick_tag, lambda one: "korean" in one.tags, id="a tag"),
        pytest.param(
            pick_verdict_and_tag,
            lambda one: one.verdict is Verdict.CHANGED and "korean" in one.tags,
            id="a verdict and a tag",
        ),
    ],
)
def test_a_filter_leaves_what_fits(
    pick: Callable[[Page], None], keep: Callable[[CaseResult], object], open_report: Open
) -> None:
    page = open_report(example())
    fits = wanted(keep)

    pick(page)

    expect(page.locator("#count")).to_have_text(f"{len(fits)} of 14 cases")
    assert names_of(page) == fits
    page.reload()
    expect(page.locator("#count")).to_have_text(f"{len(fits)} of 14 cases")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#count")).to_have_text("14 cases")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        pytest.param("할머니의 이야기", {"specs/summary.yaml::tale"}, id="a Korean reply"),
        pytest.param(
            unicodedata.normalize("NFD", "할머니의 이야기"),
            {"specs/summary.yaml::tale"},
            id="Korean as some systems type it, in single letters",
        ),
        pytest.param("둘째 줄", {"specs/animals.yaml::default"}, id="a typical reply of a set"),
        pytest.param("내일은 비가", {"specs/summary.yaml::weather,language=ko"}, id="a prompt"),
        pytest.param("DEFAULT animals", {"specs/animals.yaml::default"}, id="words of a name"),
        pytest.param("$.arguments.unit", {"specs/tools.yaml::weather"}, id="a path of JSON"),
        pytest.param("overloaded", {"specs/summary.yaml::storm"}, id="what a server said"),
        pytest.param("없는 낱말", set(), id="nothing"),
    ],
)
def test_a_search_finds_what_a_case_says(words: str, found: set[str], open_report: Open) -> None:
    page = open_report(example())

    page.get_by_role("searchbox").fill(words)

    expect(page.locator("#count")).to_have_text(f"{len(found)} of 14 cases")
    assert names_of(page) == found
    expect(page.get_by_text("No case is like that.")).to_be_visible(visible=not found)


# ── One case ─────────────────────────────────────────────────────────────────────────────────────


def test_a_case_opens_and_closes_by_a_click(open_report: Open) -> None:
    page = open_report(example())
    head = head_of(page, "json_people.yaml::korean")

    head.click()

    panel = page.locator("#list .panel")
    expect(head).to_have_attribute("aria-expanded", "true")
    expect(panel.get_by_role("heading", name="Conversation")).to_be_visible()
    for told in ("인물 목록을 json으로 출력해 주세요.", "$.people[1]", "할머니", "새로운 이야기"):
        expect(panel).to_contain_text(told)
    head.click()
    expect(head).to_have_attribute("aria-expanded", "false")
    expect(panel).to_have_count(0)


def test_a_case_is_found_read_and_left_by_keys_alone(open_report: Open) -> None:
    page = open_report(example())
    focused = page.locator(":focus")

    page.keyboard.press("/")
    page.keyboard.type("여우")
    expect(page.locator("#count")).to_have_text("1 of 14 cases")
    page.keyboard.press("ArrowDown")
    expect(focused).to_contain_text("specs/animals.yaml::default")
    page.keyboard.press("Enter")
    expect(page.locator("#list .panel")).to_contain_text("10 replies")
    page.keyboard.press("Escape")
    expect(page.locator("#list .panel")).to_have_count(0)
    expect(focused).to_have_attribute("aria-expanded", "false")


def test_every_control_is_reached_by_the_tab_key(open_report: Open) -> None:
    page = open_report(example())
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
        if "row-head" in reached[-1]:
            break

    text = "\n".join(reached)
    for control in ('href="#cases"', 'value="failed"', 'type="search"', 'name="cause"', "row-head"):
        assert control in text
    page.keyboard.press("j")
    expect(page.locator("#list .row:nth-child(2) .row-head")).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator("#list .row:nth-child(1) .row-head")).to_be_focused()


def test_a_link_leads_to_one_case(open_report: Open) -> None:
    page = open_report(example())
    head_of(page, "polite.yaml::refund").click()
    address = page.evaluate("location.href")

    page.goto("about:blank")
    page.goto(address)

    expect(page.locator("#list .panel")).to_contain_text("is the answer polite?")


def test_a_picture_is_shown_and_one_of_another_host_is_only_named(open_report: Open) -> None:
    page = open_report(example())

    head_of(page, "vision.yaml::fox").click()

    [picture] = page.locator("#list .panel img").all()
    assert picture.evaluate("image => image.complete && image.naturalWidth") == 1
    expect(page.locator("#list .panel")).to_contain_text("https://example.com/cat.png")


def test_on_a_phone_a_line_that_is_equal_is_shown_once(open_report: Open, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    open_report(example())

    head_of(page, "vision.yaml::fox").click()

    told = page.locator("#list .panel .diff").first.inner_text()
    lines = ("A fox stands in the snow.", "It looks at a crow.", "It looks at a raven.")
    assert [told.count(line) for line in lines] == [1, 1, 1]


# ── For everyone ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360], ids=["a screen", "a phone"])
def test_nobody_is_kept_from_using_it(
    width: int, scheme: Any, open_report: Open, page: Page, axe: Axe
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    open_report(example())
    assert axe(page) == []

    open_all(page)

    assert axe(page) == []
    assert overflow(page) <= 0


def test_dark_and_light_are_two_looks(open_report: Open, page: Page) -> None:
    open_report(example())
    colours = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert len(colours) == 2


# ── Many cases ───────────────────────────────────────────────────────────────────────────────────


def test_many_cases_are_there_at_once(
    of_many: str, page: Page, record_property: Callable[[str, object], None]
) -> None:
    # When the first rows were drawn, by the page's own clock, which starts with the navigation.
    page.add_init_script(
        """new MutationObserver((_, watch) => {
             if (!document.querySelector("#list .row")) return;
             watch.disconnect();
             requestAnimationFrame(() => { window.drawnAt = performance.now(); });
           }).observe(document, { childList: true, subtree: true });"""
    )
    page.goto(of_many)
    drawn = page.evaluate("window.drawnAt")
    print(f"first rows of {MANY:,} cases after {drawn:.0f} ms")  # noqa: T201 - shown by -rP
    record_property("first_rows_ms", drawn)

    assert drawn < OPENED_WITHIN
    expect(page.locator("#count")).to_have_text("10,000 cases")
    assert 10 < heads(page).count() < DOZENS


def test_the_last_of_many_is_reached_by_scrolling_and_opens(of_many: str, page: Page) -> None:
    page.goto(of_many)
    page.get_by_role("combobox", name="Order").select_option("run")

    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")

    last = head_of(page, "row-009999")
    expect(last).to_be_in_viewport()
    assert heads(page).count() < DOZENS
    last.click()
    expect(page.locator("#list .panel")).to_contain_text("Question 9999: 할머니는 몇 살입니까?")


def test_scrolling_through_many_leaves_no_gap(of_many: str, page: Page) -> None:
    page.goto(of_many)
    page.get_by_role("combobox", name="Order").select_option("run")
    below = "document.elementFromPoint(innerWidth / 2, innerHeight - 20).closest('.row')?.index"
    two_frames = "new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))"
    shares = (0.1, 0.37, 0.62, 0.9, 0.05)
    seen = []
    for share in shares:
        page.evaluate(f"scrollTo(0, document.documentElement.scrollHeight * {share})")
        page.evaluate(two_frames)
        seen.append(page.evaluate(below))

    assert seen == [pytest.approx(MANY * share, abs=MANY / 50) for share in shares]


def test_cases_in_blocks_of_any_size_are_opened_and_searched(
    open_report: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promptrun.reports.html.report.CASES_SIZE", 10_000)
    page = open_report(example())
    firsts = page.locator("script.cases").evaluate_all("all => all.map((one) => one.dataset.first)")
    assert 3 < len(firsts) < 14

    open_all(page)

    for row in page.locator("#list .row").all():
        name = row.locator(".row-case").first.inner_text()
        expect(row.locator(".case-id")).to_contain_text(f"::{name}")
    page.get_by_role("searchbox").fill("overloaded")
    expect(page.locator("#count")).to_have_text("1 of 14 cases")
    assert names_of(page) == {"specs/summary.yaml::storm"}


def test_a_search_through_many_finds_the_one(of_many: str, page: Page) -> None:
    page.goto(of_many)

    page.get_by_role("searchbox").fill("Question 7777: 할머니는")

    expect(page.locator("#count")).to_have_text("1 of 10,000 cases")
    assert names_of(page) == {"specs/set_77.yaml::row-007777"}


# ── A hostile reply ──────────────────────────────────────────────────────────────────────────────


def hostile_case(text: str) -> CaseResult:
    """A case all of whose texts are one that wants to be more than text."""
    return CaseResult(
        spec=f"specs/{text[:60]}.yaml",
        case=text[:60],
        verdict=Verdict.CHANGED,
        provider="openai",
        request=request_of(text, text),
        reply=reply_of(text, refusal=text),
        accepted=((reply_of(f"before {text}"), 1),),
        comparison=Comparison(
            causes=(Cause.REPLY,),
            reply=(Difference(where=text, old=f"before {text}", new=text),),
            notes=(text,),
        ),
        reason=text,
        tags=(text,),
    )


def elements_of(page: Page, names: Iterable[str]) -> int:
    """How many elements of these names the page holds."""
    return page.locator(", ".join(names)).count()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_reply_stays_text(text: str, open_report: Open) -> None:
    page = open_report(report_of(hostile_case(text)))
    foreign = (
        "#list script",
        "#list svg",
        "iframe",
        "base",
        "#list form",
        "#list style",
        "#list img",
    )

    heads(page).click()

    panel = page.locator("#list .panel")
    assert panel.inner_text().count(text) >= 5
    assert elements_of(page, foreign) == 0
    assert elements_of(page, ("[onerror]", "[onload]", "[onfocus]", "[ontoggle]")) == 0
    assert elements_of(page, ("[href^='javascript' i]", "[src^='javascript' i]")) == 0
    expect(panel).to_be_visible()
    assert pwned(page) is None


def test_marks_that_turn_the_text_round_are_shown_as_what_they_are(open_report: Open) -> None:
    page = open_report(report_of(hostile_case(MARKS)))

    heads(page).click()

    panel = page.locator("#list .panel")
    expect(panel).to_contain_text("txet desrever")
    text = page.evaluate("document.body.innerText")
    assert not set("\u202e\u202c\u2066\u2069\u200f") & set(text)
    assert "\\u202e" in text


@pytest.mark.parametrize("width", [1280, 360], ids=["a screen", "a phone"])
def test_a_line_of_a_million_characters_breaks_nothing(
    width: int, page: Page, open_report: Open
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_report(report_of(hostile_case(LONG)))

    heads(page).click()

    expect(page.locator("#list .panel")).to_contain_text("가나다라마바사아자차")
    assert overflow(page) <= 0


def test_the_policy_stops_what_would_come_in_all_the_same(
    open_report: Open, complaints: list[str]
) -> None:
    page = open_report(example())
    stopped: list[str] = []
    page.on("requestfailed", lambda failed: stopped.append(f"{failed.url} {failed.failure}"))

    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.pwned = 1";
          const box = document.createElement("div");
          box.innerHTML = "<img src='data:,' onerror='window.pwned = 2'><p style='color: red'>x</p>"
            + "<iframe src='javascript:parent.pwned = 3'></iframe>";
          document.querySelector("main").append(script, box);
          fetch("https://192.0.2.1/").catch(() => {});
          new Image().src = "https://192.0.2.1/x.png";
        }"""
    )
    page.wait_for_timeout(300)

    assert pwned(page) is None
    assert stopped == ["https://192.0.2.1/x.png csp"]
    told = "\n".join(complaints)
    complaints.clear()
    for kind in ("inline script", "inline event handler", "inline style", "192.0.2.1/'"):
        assert kind in told


def test_a_page_of_its_own_is_all_that_a_report_is(context: BrowserContext, tmp_path: Path) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    address = write_page(example(), tmp_path / "report.html")
    page.goto(address)
    head_of(page, "vision.yaml::fox").click()
    expect(page.locator("#list .panel img")).to_be_visible()

    assert [url for url in asked if not url.startswith("data:image/png")] == [address]
