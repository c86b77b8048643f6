"""The review in a real browser: by mouse, by key, on a phone, in the dark, and attacked."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.openai_server import OpenAIServer
from tests.web.projects import answers, make_waiting, run_twice
from tests.web.visitor import Visitor, served

HOSTILE = (
    "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'><svg onload=pwn()>"
    "<a href='javascript:window.pwned = 1'>x</a></script></article><style>*{display:none}</style>"
    "{{ 7 * 7 }} \u202etxt.exe\u202c &lt;b&gt; " + "x" * 300_000
)
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

expect.set_options(timeout=15_000)  # of a machine that is busy
PLAIN = "model: gpt-4o-mini\nmessages: [{role: user, content: hostile}]\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review") / "project"
    make_waiting(folder)
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "reviewed"
    shutil.copytree(template, folder)
    return folder


@pytest.fixture
def review(project: Path) -> Iterator[Visitor]:
    with served(project) as visitor:
        yield visitor


@pytest.fixture
def opened(review: Visitor, page: Page) -> Page:
    """The page of a review with four changes, the first of them of two cases."""
    page.goto(review.address)
    expect(page.locator("#title")).to_have_text("specs/alike.yaml::one")
    return page


def snapshot(project: Path, name: str) -> str:
    return (project / "snapshots" / f"{name}.yaml").read_text("utf-8")


def settle(page: Page, words: str) -> Locator:
    """A button of the change that is shown."""
    group = page.get_by_role("group", name="Settle this change")
    return group.get_by_role("button", name=re.compile(f"^{words}")).first


def expect_title(page: Page, title: str) -> None:
    expect(page.locator("#title")).to_have_text(title)


def test_the_token_does_not_stay_in_the_address(opened: Page) -> None:
    assert re.fullmatch(r"http://127(\.\d+){3}:\d+/", opened.url)
    assert opened.evaluate("document.cookie") == ""


def test_clicks_accept_and_reject_and_the_next_change_is_shown(opened: Page, project: Path) -> None:
    settle(opened, "Accept 2").click()
    expect_title(opened, "specs/인사.yaml::반말")
    expect(opened.get_by_role("status")).to_have_text("2 accepted")
    settle(opened, "Reject").click()
    expect_title(opened, "specs/인사.yaml::사투리")
    expect(opened.get_by_role("status")).to_contain_text("rejected: snapshots/인사/반말.yaml")

    assert "content: hey" in snapshot(project, "alike/two")
    assert "content: 안녕" in snapshot(project, "인사/반말")
    expect(opened).to_have_title("(2) promptrun review")


def test_keys_alone_do_all(opened: Page, project: Path) -> None:
    focused = "document.activeElement.id"
    opened.keyboard.press("j")
    expect_title(opened, "specs/인사.yaml::반말")
    assert opened.evaluate(focused) == "title"
    opened.keyboard.press("k")
    expect_title(opened, "specs/alike.yaml::one")
    opened.keyboard.press("s")
    expect_title(opened, "specs/인사.yaml::반말")
    expect(opened.locator("#list .item").first).to_contain_text("skipped")
    opened.keyboard.press("a")
    expect_title(opened, "specs/인사.yaml::사투리")
    opened.keyboard.press("r")
    expect_title(opened, "specs/인사.yaml::정중")
    assert opened.evaluate(focused) == "title"
    # The same key of the Korean keyboard, which Playwright's does not have.
    opened.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'ㅁ'}))")
    expect_title(opened, "specs/alike.yaml::one")
    opened.keyboard.press("s")
    expect(opened.get_by_role("status")).to_contain_text("All that is listed was skipped")

    assert "content: 둘" in snapshot(project, "인사/반말")
    assert "content: 안녕" in snapshot(project, "인사/사투리")
    assert "content: 하나" in snapshot(project, "인사/정중")


def test_a_key_that_is_held_down_settles_one_change(opened: Page) -> None:
    opened.keyboard.down("a")
    opened.keyboard.down("a")
    opened.keyboard.down("a")
    opened.keyboard.up("a")
    expect_title(opened, "specs/인사.yaml::반말")
    opened.wait_for_timeout(300)

    expect(opened.locator("#waiting")).to_have_text("3")


def test_letters_of_a_search_settle_nothing(opened: Page) -> None:
    opened.keyboard.press("/")
    opened.keyboard.type("사투리")
    expect(opened.locator("#list .item")).to_have_count(1)
    expect_title(opened, "specs/인사.yaml::사투리")
    opened.keyboard.type("aars")
    expect_title(opened, "Nothing fits")
    opened.get_by_role("button", name="Show all").first.click()

    expect(opened.locator("#list .item")).to_have_count(4)
    expect(opened.locator("#waiting")).to_have_text("5")


def test_all_that_is_listed_is_accepted_after_it_was_named(opened: Page, project: Path) -> None:
    opened.get_by_label("Spec").select_option("specs/인사.yaml")
    expect(opened.locator("#list .item")).to_have_count(3)
    opened.get_by_role("button", name="Accept all shown…").click()
    dialog = opened.get_by_role("dialog")
    expect(dialog).to_contain_text("Accept 3 replies of 1 spec?")
    expect(dialog).to_contain_text("specs/인사.yaml::정중")
    assert opened.evaluate("document.activeElement.textContent") == "Cancel"
    opened.keyboard.press("a")  # means nothing here
    dialog.get_by_role("button", name="Accept 3").click()
    expect(opened.get_by_role("status")).to_have_text("3 accepted")
    expect_title(opened, "Nothing fits")

    assert "content: 셋" in snapshot(project, "인사/사투리")
    assert "content: 안녕" in snapshot(project, "alike/one")


def test_a_dialog_that_is_left_settles_nothing(opened: Page) -> None:
    opened.keyboard.press("f")
    expect(opened.get_by_role("dialog")).to_contain_text("Accept 2 replies of 1 spec?")
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("dialog")).to_have_count(0)
    opened.keyboard.press("?")
    expect(opened.get_by_role("dialog")).to_contain_text("the reply becomes the snapshot")
    opened.keyboard.press("Escape")

    expect(opened.locator("#waiting")).to_have_text("5")


def test_a_difference_is_shown_side_by_side_or_below_each_other(opened: Page) -> None:
    columns = "getComputedStyle(document.querySelector('.apart')).gridTemplateColumns.split(' ')"

    assert len(opened.evaluate(columns)) == 2
    opened.keyboard.press("d")
    assert len(opened.evaluate(columns)) == 1
    opened.keyboard.press("j")
    expect_title(opened, "specs/인사.yaml::반말")
    assert len(opened.evaluate(columns)) == 1


def test_what_one_tab_settles_the_other_is_told(
    opened: Page, context: BrowserContext, review: Visitor
) -> None:
    other = context.new_page()
    other.goto(review.address)
    expect_title(other, "specs/alike.yaml::one")
    opened.bring_to_front()
    opened.keyboard.press("a")
    expect_title(opened, "specs/인사.yaml::반말")
    other.bring_to_front()

    expect(other.get_by_role("status")).to_have_text("2 accepted in another tab")
    expect_title(other, "specs/인사.yaml::반말")
    expect(other.locator("#list .item")).to_have_count(3)


def test_a_change_that_moves_while_it_is_looked_at_is_not_settled_unseen(
    opened: Page, project: Path
) -> None:
    spec = project / "specs" / "alike.yaml"
    spec.write_text(f"{spec.read_text('utf-8')}expect: [{{contains: nobody}}]\n", "utf-8")
    moved = opened.get_by_role("alert")
    expect(moved).to_contain_text("It moved meanwhile.")
    opened.keyboard.press("a")
    opened.wait_for_timeout(200)
    assert "content: 안녕" in snapshot(project, "alike/one")
    moved.get_by_role("button").click()
    expect(opened.locator(".expectation")).to_contain_text("nobody")
    opened.keyboard.press("a")
    expect(opened.get_by_role("status")).to_have_text("2 accepted")


def test_what_comes_to_wait_shows_up_by_itself(opened: Page, project: Path) -> None:
    for _ in range(4):
        settle(opened, "Reject").click()
        expect(opened.locator("body:not(.busy)")).to_have_count(1)
    expect_title(opened, "Nothing is pending")
    run_twice(project, lambda server: answers(server, Ann="새로 온 답"))

    expect_title(opened, "specs/alike.yaml::one")
    expect(opened.locator("#detail")).to_contain_text("새로 온 답")
    expect(opened.locator("#live")).to_contain_text("1 changed 4 passed")


def test_the_runs_open_their_reports(opened: Page, context: BrowserContext) -> None:
    opened.get_by_role("link", name="Runs").click()
    links = opened.get_by_role("row").get_by_role("link")
    expect(links).to_have_count(2)
    with context.expect_page() as coming:
        links.first.click()
    report = coming.value

    expect(report.locator("body")).to_contain_text("specs/alike.yaml")
    assert report.evaluate("self.origin") == "null"


def test_the_review_ends_with_its_button(opened: Page) -> None:
    opened.get_by_role("button", name="End review").click()

    expect(opened.get_by_role("status")).to_contain_text("The review has ended")
    expect(settle(opened, "Accept")).to_be_disabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_finding_of_axe(
    opened: Page, axe: Callable[[Page], list[str]], scheme: str
) -> None:
    opened.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

    assert axe(opened) == []
    opened.keyboard.press("f")
    expect(opened.get_by_role("dialog")).to_be_visible()
    assert axe(opened) == []
    opened.keyboard.press("Escape")
    opened.get_by_role("link", name="Runs").click()
    expect(opened.get_by_role("heading", name="Recorded runs")).to_be_visible()
    assert axe(opened) == []


def test_a_phone_needs_no_sideways_scrolling(opened: Page, project: Path) -> None:
    opened.set_viewport_size({"width": 360, "height": 740})
    opened.reload()

    assert opened.evaluate(SIDEWAYS) == 0
    settle(opened, "Accept 2").click()
    expect_title(opened, "specs/인사.yaml::반말")
    expect(opened.locator("#title")).to_be_in_viewport()
    assert opened.evaluate(SIDEWAYS) == 0
    assert "content: hey" in snapshot(project, "alike/one")


def test_a_hostile_reply_stays_text(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    (folder / "specs").mkdir(parents=True)
    (folder / "promptrun.toml").touch()
    (folder / "specs" / "나쁨.yaml").write_text(PLAIN, "utf-8")

    def turn_hostile(server: OpenAIServer) -> None:
        answers(server, hostile=HOSTILE)

    run_twice(folder, turn_hostile)
    with served(folder) as review:
        page.goto(review.address)
        expect_title(page, "specs/나쁨.yaml::default")
        expect(page.locator("#detail")).to_contain_text("<script>window.pwned = 1</script>")
        expect(page.locator("#detail")).to_contain_text(
            r"{{ 7 * 7 }} \u202etxt.exe\u202c &lt;b&gt;"
        )
        page.keyboard.press("j")
        assert page.locator("#detail :is(script, img, svg, style, a)").count() == 0
        assert page.evaluate("window.pwned") is None
        assert page.evaluate(SIDEWAYS) == 0
        page.close()  # before the server ends, for which it would look


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one address")
def test_no_server_of_another_port_is_given_the_cookie(
    opened: Page, context: BrowserContext, complaints: list[str]
) -> None:
    [cookie] = context.cookies()
    with OpenAIServer() as other:
        stranger = context.new_page()
        stranger.goto(f"{other.host}/")
        stranger.close()
        complaints.clear()  # that server has nothing there

        assert other.requests
        assert not [one for one in other.requests if "cookie" in one.headers]
    assert cookie["value"] not in opened.url


def test_no_other_page_reaches_the_review(
    opened: Page, context: BrowserContext, review: Visitor, complaints: list[str]
) -> None:
    with OpenAIServer() as other:
        stranger = context.new_page()
        stranger.goto(f"{other.host}/")
        came = stranger.evaluate(
            """async (url) => {
                const told = [];
                for (const how of [{}, {mode: 'no-cors'}, {method: 'POST', body: '{}'},
                                   {method: 'POST', body: '{}', mode: 'no-cors'}]) {
                    try {
                        const got = await fetch(url + '/settle', {credentials: 'include', ...how});
                        told.push(got.type + ' ' + got.status);
                    } catch { told.push('refused'); }
                }
                return told;
            }""",
            f"http://{review.host}",
        )
    complaints.clear()

    assert set(came) <= {"refused", "opaque 0"}
    expect(opened.locator("#waiting")).to_have_text("5")
