"""What is settled in the browser: what was shown, once, and as the command line does it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from promptrun.pipeline.changes import Settled
from promptrun.pipeline.options import Options
from promptrun.pipeline.review import Change, accept_all
from promptrun.web.choose import Filter
from promptrun.web.desk import Desk, Order
from tests.openai_server import OpenAIServer
from tests.promptrun_cli import Cli
from tests.web.projects import ALIKE, GREETING, answers
from tests.web.visitor import Item, Visitor, read_all, read_text, served

ALIKES = "specs/alike.yaml one ×2 changed reply skipped"


def find(visitor: Visitor, word: str) -> Item:
    return next(one for one in visitor.items() if word in one.text)


@contextmanager
def twin(folder: Path) -> Iterator[Path]:
    """The same project once more, for the command line."""
    copy = folder.with_name("twin")
    shutil.copytree(folder, copy)
    yield copy
    shutil.rmtree(copy)


def test_the_list_groups_what_looks_the_same(visitor: Visitor) -> None:
    assert [one.text for one in visitor.items()] == [
        ALIKES,
        "specs/인사.yaml 반말 changed reply skipped",
        "specs/인사.yaml 사투리 changed reply skipped",
        "specs/인사.yaml 정중 changed reply skipped",
    ]


@pytest.mark.parametrize("act", ["accept", "reject"])
def test_settling_writes_what_the_command_line_writes(
    waiting: Cli, act: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with twin(waiting.folder) as copy, served(waiting.folder) as visitor:
        visitor.enter()
        for word in ("반말", "one"):
            item = find(visitor, word)
            came = visitor.settle(act, item.key, item.shown)
            assert came.status == 200, came.text
        ran = waiting(act, "specs/인사.yaml::반말", "specs/alike.yaml", cwd=copy)

        assert ran.code == 0
        assert read_all(waiting.folder) == read_all(copy)
        assert [one.text for one in visitor.items()] == [
            "specs/인사.yaml 사투리 changed reply skipped",
            "specs/인사.yaml 정중 changed reply skipped",
        ]
    assert capfd.readouterr() == ("", "")


def test_a_group_is_settled_together_and_each_of_it_is_told(visitor: Visitor) -> None:
    item = find(visitor, "one")

    came = visitor.settle("accept", item.key, item.shown)

    assert came.json["told"] == [
        {
            "kind": "accepted",
            "id": f"specs/alike.yaml::{name}",
            "text": f"accepted: snapshots/alike/{name}.yaml",
            "hint": None,
        }
        for name in ("one", "two")
    ]
    assert came.json["waiting"] == 3


def test_all_that_a_filter_lets_through_is_listed_before_it_is_settled(
    visitor: Visitor, waiting: Cli
) -> None:
    plan = visitor.get("/plan", act="accept", spec="specs/인사.yaml").json["plan"]
    told = read_text(plan)
    shown = plan.partition('data-shown="')[2].partition('"')[0]

    came = visitor.settle("accept", None, shown, spec="specs/인사.yaml")

    assert told.startswith("Accept 3 replies of 1 spec?")
    assert all(f"specs/인사.yaml::{name}" in told for name in ("반말", "사투리", "정중"))
    assert "alike" not in told
    assert [line["kind"] for line in came.json["told"]] == ["accepted"] * 3
    assert "content: 하나" in waiting.read("snapshots/인사/정중.yaml")
    assert [one.text for one in visitor.items()] == [ALIKES]


def test_a_list_that_is_not_what_was_confirmed_is_not_settled(
    visitor: Visitor, waiting: Cli
) -> None:
    plan = visitor.get("/plan", act="reject").json["plan"]
    shown = plan.partition('data-shown="')[2].partition('"')[0]
    waiting("reject", "specs/인사.yaml::반말")
    before = read_all(waiting.folder)

    came = visitor.settle("reject", None, shown)

    assert came.status == 409
    assert came.json["error"] == "what waits is not what was listed any more: nothing was done"
    assert read_all(waiting.folder) == before


@pytest.mark.parametrize("act", ["accept", "reject"])
def test_a_reply_that_came_meanwhile_is_not_settled_unseen(
    visitor: Visitor, waiting: Cli, server: OpenAIServer, act: str
) -> None:
    item = find(visitor, "반말")
    answers(server, Ann="hey", Bob="hey", 가님="하나", 나님="다른 둘", 다님="셋")
    waiting("specs")
    before = read_all(waiting.folder)

    came = visitor.settle(act, item.key, item.shown)

    assert came.status == 409
    assert came.json["error"] == "`specs/인사.yaml::반말` moved meanwhile: look at it again"
    assert read_all(waiting.folder) == before
    moved = find(visitor, "반말")
    assert (moved.key, moved.shown != item.shown) == (item.key, True)
    assert "다른 둘" in visitor.get("/change", key=item.key).json["detail"]
    assert visitor.settle(act, moved.key, moved.shown).status == 200


@pytest.mark.parametrize("case", ["spec", "snapshot", "rules"])
def test_what_a_reply_is_judged_by_may_move_as_well(
    visitor: Visitor, waiting: Cli, case: str
) -> None:
    item = find(visitor, "반말")
    if case == "snapshot":
        text = waiting.read("snapshots/인사/반말.yaml")
        waiting.write("snapshots/인사/반말.yaml", text.replace("안녕", "안녕히"))
    elif case == "spec":
        waiting.write("specs/인사.yaml", GREETING.replace("인사해", "길게 인사해"))
    else:
        waiting.write("specs/인사.yaml", f"{GREETING}expect: [{{contains: 셋}}]\n")
    before = read_all(waiting.folder)

    came = visitor.settle("accept", item.key, item.shown)

    assert came.status == 409
    assert read_all(waiting.folder) == before


def test_a_spec_that_includes_another_file_is_rendered_anew(
    visitor: Visitor, waiting: Cli, server: OpenAIServer
) -> None:
    waiting.write("specs/_who.txt", "라")
    waiting.write(
        "specs/파일.yaml",
        "model: gpt-4o-mini\nmessages: [{role: user, content: \"{% include '_who.txt' %}님\"}]\n",
    )
    waiting("specs/파일.yaml")
    answers(server, 라님="넷")
    waiting("specs/파일.yaml")
    item = find(visitor, "파일")
    waiting.write("specs/_who.txt", "마")

    came = visitor.settle("accept", item.key, item.shown)

    # Nothing tells the list that this file moved; accepting finds out.
    assert came.json["told"][0]["kind"] == "refused"
    assert "changed after this reply was received: prompt" in came.json["told"][0]["text"]
    assert "cannot be accepted" in find(visitor, "파일").text
    assert "content: 라님" in waiting.read("snapshots/파일/default.yaml")


def test_what_cannot_be_accepted_says_why_and_can_be_rejected(
    visitor: Visitor, waiting: Cli
) -> None:
    waiting.write("specs/인사.yaml", GREETING.replace("인사해", "길게 인사해"))
    item = find(visitor, "반말")
    detail = visitor.get("/change", key=item.key).json["detail"]

    assert "cannot be accepted" in item.text
    assert "It cannot be accepted: the request of" in read_text(detail)
    assert 'data-do="accept" aria-keyshortcuts="a" disabled' in detail
    refused = visitor.settle("accept", item.key, item.shown).json["told"]
    assert [line["kind"] for line in refused] == ["refused"]
    assert refused[0]["hint"] == "run the case again"
    again = find(visitor, "반말")
    assert visitor.settle("reject", again.key, again.shown).json["told"][0]["kind"] == "rejected"
    assert not waiting.files(".promptrun/pending/snapshots/인사/반말.yaml")


def test_accepting_all_leaves_what_cannot_be_accepted(visitor: Visitor, waiting: Cli) -> None:
    waiting.write("specs/인사.yaml", GREETING.replace("인사해", "길게 인사해"))
    plan = visitor.get("/plan", act="accept").json["plan"]
    told = read_text(plan)
    shown = plan.partition('data-shown="')[2].partition('"')[0]

    came = visitor.settle("accept", None, shown)

    assert told.startswith("Accept 2 replies of 1 spec?")
    assert "3 cannot be accepted, and wait on" in told
    assert [line["kind"] for line in came.json["told"]] == ["accepted"] * 2
    assert came.json["waiting"] == 3


def test_a_change_is_settled_once_however_many_tabs_show_it(visitor: Visitor, waiting: Cli) -> None:
    other = Visitor(visitor.address)
    other.enter()
    seen = other.get("/state").json
    item = find(visitor, "반말")

    first = visitor.settle("accept", item.key, item.shown)
    before = read_all(waiting.folder)
    second = other.settle("reject", item.key, item.shown)
    state = other.get("/state", told=str(seen["number"])).json

    assert first.status == 200
    assert second.status == 409
    assert second.json["error"] == "`specs/인사.yaml::반말` was accepted already: nothing was done"
    assert read_all(waiting.folder) == before
    assert state["version"] > seen["version"]
    assert [(line["kind"], line["id"]) for line in state["told"]] == [
        ("accepted", "specs/인사.yaml::반말")
    ]


def test_what_the_command_line_settles_is_no_longer_listed(visitor: Visitor, waiting: Cli) -> None:
    seen = visitor.get("/state").json
    item = find(visitor, "one")
    waiting("accept", "specs/alike.yaml")

    came = visitor.settle("accept", item.key, item.shown)

    assert came.status == 409
    assert came.json["error"] == "it does not wait any more: nothing was done"
    assert visitor.get("/state").json["version"] > seen["version"]
    assert len(visitor.items()) == 3


def test_half_of_a_group_is_another_group(visitor: Visitor, waiting: Cli) -> None:
    item = find(visitor, "one")
    waiting("reject", "specs/alike.yaml::two")

    assert visitor.settle("accept", item.key, item.shown).status == 409
    assert find(visitor, "one").text == ALIKES.replace(" ×2", "")


def test_nothing_is_read_anew_where_nothing_moved(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(Desk, "_read", lambda _: read.append("again"))

    for _ in range(3):
        visitor.get("/state")
    item = find(visitor, "반말")
    assert visitor.settle("accept", item.key, item.shown).status == 200
    visitor.get("/state")

    assert read == []
    assert len(visitor.items()) == 3


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"text": "반말"}, 1),
        ({"text": "ALIKE"}, 1),
        ({"text": "안녕"}, 4),
        ({"text": "하나"}, 1),
        ({"text": "없는 말"}, 0),
        ({"kind": "changed"}, 4),
        ({"kind": "failed"}, 0),
        ({"kind": "refused"}, 0),
        ({"cause": "reply"}, 4),
        ({"cause": "prompt"}, 0),
        ({"spec": "specs/인사.yaml"}, 3),
        ({"spec": "specs/인사.yaml", "text": "셋"}, 1),
    ],
    ids=str,
)
def test_a_filter_narrows_the_list(visitor: Visitor, query: dict[str, str], found: int) -> None:
    assert len(visitor.items(**query)) == found


def test_a_broken_rule_is_told_and_can_be_accepted_all_the_same(
    visitor: Visitor, waiting: Cli
) -> None:
    waiting.write("specs/alike.yaml", f"{ALIKE}expect: [{{contains: nobody}}]\n")
    item = find(visitor, "one")

    assert "failed" in item.text
    assert "nobody" in visitor.get("/change", key=item.key).json["detail"]
    told = visitor.settle("accept", item.key, item.shown).json["told"]
    assert told[0]["text"] == (
        "accepted: snapshots/alike/one.yaml: it breaks an expectation (contains): the case "
        "will go on failing"
    )


def test_a_renamed_case_takes_its_snapshot_along(
    visitor: Visitor, waiting: Cli, server: OpenAIServer
) -> None:
    visitor_sees = find(visitor, "one")
    visitor.settle("reject", visitor_sees.key, visitor_sees.shown)
    waiting.write("specs/alike.yaml", ALIKE.replace("name: one", "name: first"))
    waiting("specs/alike.yaml")
    item = find(visitor, "first")
    detail = read_text(visitor.get("/change", key=item.key).json["detail"])

    assert "takes over snapshots/alike/one.yaml, whose case is gone" in detail
    assert visitor.settle("accept", item.key, item.shown).status == 200
    assert waiting.files("snapshots/alike") == [
        "snapshots/alike/first.yaml",
        "snapshots/alike/two.yaml",
    ]


def order_all(desk: Desk) -> Order:
    return Order(act="accept", shown=desk.plan("accept", Filter()).shown)


def test_an_end_amidst_many_leaves_the_others_waiting(waiting: Cli) -> None:
    desk = Desk(Options(targets=(), cwd=waiting.folder, environ={}))
    desk.close()

    answer = desk.settle(order_all(desk))

    assert [line.id for line in answer.told] == ["specs/alike.yaml::one"]
    assert desk.waiting == 4
    assert len(waiting.files(".promptrun/pending")) == 2 * 4


def test_the_page_is_told_how_far_many_are_and_waits_for_nobody(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    second, go_on = threading.Event(), threading.Event()

    def slowly(changes: Sequence[Change]) -> Iterator[Settled]:
        for number, settled in enumerate(accept_all(changes)):
            yield settled
            if number == 1:
                second.set()
                assert go_on.wait(20)

    monkeypatch.setattr("promptrun.web.desk.accept_all", slowly)
    plan = visitor.get("/plan", act="accept").json["plan"]
    shown = plan.partition('data-shown="')[2].partition('"')[0]
    told: list[int] = []
    thread = threading.Thread(
        target=lambda: told.append(len(visitor.settle("accept", None, shown).json["told"]))
    )
    thread.start()
    try:
        assert second.wait(20)
        state = visitor.get("/state").json
    finally:
        go_on.set()
        thread.join(20)

    assert read_text(state["live"]) == "settling 2 of 5"
    assert "version" not in state
    assert told == [5]
