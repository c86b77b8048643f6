"""What the pages show, and that nothing from outside is more than text on them."""

from __future__ import annotations

import base64
import re
import threading

import pytest
from msgspec import structs

from promptrun.errors import UsageError
from promptrun.pipeline.options import Options
from promptrun.snapshots import SnapshotStore
from promptrun.web import pages
from promptrun.web.choose import Filter
from promptrun.web.desk import Desk
from promptrun.web.runs import Runs
from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import Cli
from tests.web.visitor import PATIENCE, Visitor, read_page, read_text, served

HOSTILE = (
    "<script>window.pwned = 1</script><img src=x onerror=alert(1)>\"'><svg/onload=alert(2)>"
    "</article></main><a href=javascript:alert(3)>x</a>{{ 7 * 7 }}</script>\u202e\x1b[31m&amp;"
)
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def first_detail(visitor: Visitor) -> str:
    detail: str = visitor.get("/change", key=visitor.items()[0].key).json["detail"]
    return detail


def test_the_page_holds_the_list_and_the_first_change(visitor: Visitor) -> None:
    page = visitor.get("/").text
    told = read_text(page)

    assert "(5) promptrun review" in told
    assert "5 replies wait" in told
    assert "specs/alike.yaml::one" in told
    assert "The same in 1 other case specs/alike.yaml::two" in told
    assert re.search(r"accepted ?now ?안녕 ?hey", told)
    assert "Greet Ann." in told
    assert "1 of 4" in told


def test_a_first_snapshot_is_shown_as_a_reply(waiting: Cli, server: OpenAIServer) -> None:
    waiting.write("specs/새.yaml", "model: gpt-4o-mini\nmessages: [{role: user, content: 새것}]\n")
    server.reply = text("첫 답")
    waiting("specs/새.yaml", "--update", "none")

    with served(waiting.folder, "specs/새.yaml") as visitor:
        visitor.enter()
        assert [one.text for one in visitor.items()] == ["specs/새.yaml default new skipped"]
        assert "첫 답" in read_text(first_detail(visitor))


def test_an_image_is_shown_as_long_as_the_spec_renders_it(
    waiting: Cli, server: OpenAIServer
) -> None:
    (waiting.folder / "specs" / "점.png").write_bytes(PIXEL)
    waiting.write(
        "specs/그림.yaml",
        "model: gpt-4o-mini\nmessages: [{role: user, content: [{type: image_url, image_url: "
        "{url: 점.png}}]}]\n",
    )
    server.reply = text("점")
    waiting("specs/그림.yaml")
    server.reply = text("큰 점")
    waiting("specs/그림.yaml")
    url = "data:image/png;base64," + base64.b64encode(PIXEL).decode()

    with served(waiting.folder, "specs/그림.yaml") as visitor:
        visitor.enter()
        images = [named for tag, named in read_page(first_detail(visitor)).elements if tag == "img"]
        assert [one["src"] for one in images] == [url]
        waiting.write(
            "specs/그림.yaml", waiting.read("specs/그림.yaml").replace("gpt-4o-mini", "m")
        )
        assert "<img" not in first_detail(visitor)
        assert f"{len(PIXEL)} bytes" in read_text(first_detail(visitor))


def test_what_judges_said_is_shown_of_every_case_of_a_group(waiting: Cli) -> None:
    store = SnapshotStore(waiting.folder)
    for pending, reason in zip(
        store.list_pending(["specs/alike.yaml"]), ["공손함", "<b>몰래</b>"], strict=True
    ):
        assert pending.snapshot is not None
        said = [{"key": "k", "score": 0.25, "reason": reason}]
        told = structs.replace(
            pending.snapshot, reply=pending.snapshot.reply | {"judgements": said}
        )
        store.propose(pending.path, told, run=pending.run, replaces=pending.replaces)

    with served(waiting.folder, "specs/alike.yaml") as visitor:
        visitor.enter()
        detail = first_detail(visitor)

    assert "specs/alike.yaml::one 0.25 공손함" in read_text(detail)
    assert "specs/alike.yaml::two 0.25 <b>몰래</b>" in read_text(detail)
    assert "<b>몰래" not in detail


def test_a_hostile_reply_is_text(waiting: Cli, server: OpenAIServer) -> None:
    waiting.write(
        "specs/나쁨.yaml",
        "model: gpt-4o-mini\nmessages: [{role: user, content: "
        "\"{{ '<script>alert(4)</script>' }}\"}]\nexpect: [{contains: '<img src=y>'}]\n"
        "cases: [{name: '<b onclick=alert(5)>'}]\n",
    )
    waiting("specs/나쁨.yaml")
    server.reply = text(HOSTILE)
    waiting("specs/나쁨.yaml")

    with served(waiting.folder, "specs/나쁨.yaml") as visitor:
        page = visitor.enter()
        pieces = [
            page,
            first_detail(visitor),
            visitor.get("/list").json["list"],
            visitor.get("/plan", act="accept").json["plan"],
            visitor.get("/list", text="<script>").json["list"],
            visitor.send("GET", "/?text=%22%3E%3Cscript%3E", Accept="text/html").text,
        ]
    for piece in pieces:
        elements = read_page(piece).elements
        assert not {"img", "svg", "iframe", "object"} & {tag for tag, _ in elements}
        assert [named for tag, named in elements if tag == "script"] in (
            [],
            [{"src": "/script.js"}],
        )
        attributes = [name for _, named in elements for name in named]
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert "javascript:" not in {named.get("href", "") for _, named in elements}
        assert "\u202e" not in piece
        assert "\x1b" not in piece
    assert "window.pwned = 1" in read_text(pieces[1])
    assert "{{ 7 * 7 }}" in read_text(pieces[1])


def test_nothing_pending_says_so_and_waits_for_a_run(project_of_one: Cli) -> None:
    with served(project_of_one.folder) as visitor:
        page = read_text(visitor.enter())
        version = visitor.get("/state").json["version"]
        assert "Nothing is pending" in page
        assert "0 replies wait" in page

        project_of_one("specs", "--update", "none")

        state = visitor.get("/state").json
        assert state["version"] > version
        assert state["waiting"] == 1
        assert "last run finished" in read_text(state["live"])
        assert [one.text for one in visitor.items()] == ["specs/인사.yaml default new skipped"]


@pytest.fixture
def project_of_one(asking: Cli) -> Cli:
    asking.write("specs/인사.yaml", "model: gpt-4o-mini\nmessages: [{role: user, content: 안녕}]\n")
    return asking


def test_what_was_done_is_told_where_nothing_is_left(visitor: Visitor) -> None:
    for item in visitor.items():
        visitor.settle("accept", item.key, item.shown)

    told = read_text(visitor.get("/change").json["detail"])

    assert "Nothing is pending 5 accepted and 0 rejected in this review." in told


def test_a_filter_that_nothing_fits_says_that_something_waits(visitor: Visitor) -> None:
    assert "Nothing fits" in read_text(visitor.get("/change", text="없다").json["detail"])
    assert "0 of 5 replies" in read_text(visitor.get("/list", text="없다").json["list"])


def test_settings_that_broke_meanwhile_are_told_until_they_are_mended(
    visitor: Visitor, waiting: Cli
) -> None:
    waiting.write("promptrun.toml", "[defaults\n")
    visitor.get("/state")
    told = read_text(visitor.get("/change").json["detail"])
    waiting.write("promptrun.toml", "")

    assert "What waits cannot be read" in told
    assert "promptrun.toml:1" in told
    assert len(visitor.items()) == 4


def test_a_review_of_what_is_not_there_does_not_begin(waiting: Cli) -> None:
    with (
        pytest.raises(UsageError, match=r"no file `nothing\.yaml`"),
        served(waiting.folder, "nothing.yaml"),
    ):
        pass


def test_the_newest_run_is_told_while_it_goes_on(
    visitor: Visitor, waiting: Cli, server: OpenAIServer
) -> None:
    hold, reached = threading.Event(), threading.Event()

    def answer(request: object) -> object:
        del request
        if len(server.requests) > 3:
            reached.set()
            hold.wait(20)
        return text("안녕")

    server.requests.clear()
    server.reply = answer  # type: ignore[assignment]  # any of the answers that it takes
    runs: list[int] = []
    thread = threading.Thread(target=lambda: runs.append(waiting("specs", "-j", "1").code))
    thread.start()
    try:
        assert reached.wait(20)
        state = read_text(visitor.get("/state").json["live"])
    finally:
        hold.set()
        thread.join(20)

    assert "a run is going on" in state
    assert runs == [0]
    assert "last run finished" in read_text(visitor.get("/state").json["live"])


def test_each_recorded_run_is_listed_with_its_report(visitor: Visitor, waiting: Cli) -> None:
    page = visitor.get("/runs").text
    links = re.findall(r'<a href="(/runs/[^"]+)"', page)

    assert {link.removeprefix("/runs/") for link in links} == {
        path.stem for path in waiting.records()
    }
    assert re.search(r"finished 5 5 changed 5 \d", read_text(page))
    report = visitor.send("GET", links[0], Accept="text/html")
    assert report.status == 200
    assert "specs/alike.yaml" in report.text
    # It runs its own script, and is of no origin: it can neither read nor settle anything here.
    policy = report.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts ")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in report.text


def test_a_report_that_takes_for_ever_keeps_nobody_waiting(
    visitor: Visitor, waiting: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold, reached = threading.Event(), threading.Event()

    def write(self: object, run_id: str) -> None:
        reached.set()
        hold.wait(PATIENCE)
        raise UsageError(f"no run `{run_id}` is recorded")

    monkeypatch.setattr(Runs, "write_report", write)
    path = f"/runs/{waiting.records()[0].stem}"
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(visitor.get(path).status))
    thread.start()
    try:
        assert reached.wait(PATIENCE)
        item = visitor.items()[0]
        assert visitor.settle("accept", item.key, item.shown).status == 200
        assert not statuses
    finally:
        hold.set()
        thread.join(PATIENCE)
    assert statuses == [404]


def test_a_record_that_cannot_be_read_is_told_and_has_no_report(
    visitor: Visitor, waiting: Cli
) -> None:
    (waiting.folder / ".promptrun/runs/zz-broken.sqlite").write_bytes(b"x" * 4096)

    page = read_text(visitor.get("/runs").text)

    assert "zz-broken" in page
    assert "it is no SQLite database" in page
    assert visitor.get("/runs/zz-broken").status == 404
    assert "last run finished" in read_text(visitor.get("/state").json["live"])


def test_a_long_list_is_cut_and_says_so(waiting: Cli, server: OpenAIServer) -> None:
    waiting.write(
        "specs/많음.yaml",
        'model: gpt-4o-mini\nmessages: [{role: user, content: "{{ n }}"}]\n'
        "cases:\n" + "".join(f"  - {{name: c{n}, vars: {{n: 번호 {n}}}}}\n" for n in range(30)),
    )
    waiting("specs/많음.yaml", "--update", "none")
    desk = Desk(Options(targets=("specs/많음.yaml",), cwd=waiting.folder, environ={}))
    items = desk.items(Filter())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "MOST_ITEMS", 10)
        patch.setattr(pages, "MOST_NAMED", 7)
        listed = read_text(pages.write_list(desk, items, Filter()))
        planned = read_text(pages.write_plan(desk.plan("accept", Filter()), "accept"))

    assert "… 20 more changes: narrow the list to see them" in listed
    assert "Accept 30 replies of 1 spec?" in planned
    assert "… 23 more" in planned
