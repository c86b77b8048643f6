"""`promptrun review`, in a terminal of its own and on a pipe."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from msgspec import structs

from promptrun.models import CompareRules, Snapshot
from promptrun.snapshots import (
    SnapshotStore,
    make_snapshot,
    record_reply,
    request_as_kept,
    snapshot_path,
)
from promptrun.snapshots.sets import record_set
from promptrun.snapshots.values import Orphan
from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import Cli
from tests.snapshots.examples import text_reply
from tests.terminal import Terminal, before_a_terminal

KEYS = "? help"
SPEC = """\
model: gpt-4o-mini
messages:
  - {role: user, content: "{{ who }}님께 인사해 주세요."}
vars: {who: 존}
"""
THREE = f"{SPEC}cases: [{{name: 정중, vars: {{who: 가}}}}, {{name: 반말, vars: {{who: 나}}}}, \
{{name: 사투리, vars: {{who: 다}}}}]\n"


def reviewing(project: Cli, *arguments: str, **environ: str) -> AbstractContextManager[Terminal]:
    return before_a_terminal(project, "review", *arguments, out=None, **environ)


@pytest.fixture
def project(asking: Cli) -> Cli:
    asking.write("specs/인사.yaml", THREE)
    return asking


def answers(project: Cli, server: OpenAIServer, **replies: str) -> None:
    """Run the specs, with a reply for each case that has this text in its request."""

    def answer(request: object) -> object:
        told = str(getattr(request, "json", ""))
        return text(next((reply for who, reply in replies.items() if who in told), "안녕"))

    server.reply = answer  # type: ignore[assignment]  # any of the answers that it takes
    project("specs")


@pytest.fixture
def waiting(project: Cli, server: OpenAIServer) -> Cli:
    """Three cases whose replies wait, each another one."""
    answers(project, server)
    answers(project, server, 가님="하나", 나님="둘", 다님="셋")
    server.requests.clear()
    return project


def snapshots(project: Cli) -> dict[str, str]:
    """The accepted replies by case."""
    return {
        name.rpartition("/")[2].removesuffix(".yaml"): found.group(1)
        for name in project.files("snapshots")
        if (found := re.search(r"\nreply:[^\0]*?content: (.*)", project.read(name)))
    }


def test_each_change_is_shown_and_does_what_its_key_says(
    waiting: Cli, server: OpenAIServer
) -> None:
    with reviewing(waiting) as terminal:
        first = terminal.wait_for(KEYS)
        terminal.press("a")
        second = terminal.wait_for(KEYS)
        terminal.press("r")
        terminal.wait_for(KEYS)
        terminal.press("s")
        code, rest = terminal.end()

    assert "[1/3] changed (reply)  specs/인사.yaml::반말  snapshots/인사/반말.yaml" in first
    assert "choice 1: 안녕 → 둘" in first
    assert "accepted  specs/인사.yaml::반말" in second
    assert "[2/3] changed (reply)  specs/인사.yaml::사투리" in second
    assert code == 0
    assert rest.rstrip().endswith("1 accepted, 1 rejected, 1 still waits")
    assert snapshots(waiting) == {"반말": "둘", "사투리": "안녕", "정중": "안녕"}
    assert waiting.files(".promptrun/pending") == [
        ".promptrun/pending/snapshots/인사/정중.yaml",
        ".promptrun/pending/snapshots/인사/정중.yaml.json",
    ]
    assert not server.requests


def test_what_judges_said_is_shown(waiting: Cli) -> None:
    store = SnapshotStore(waiting.folder)
    pending = store.list_pending()[0]
    assert pending.snapshot is not None
    said = [{"key": "k", "score": 0.25, "reason": "공손함\n몰래\x1b[2J"}]
    told = structs.replace(pending.snapshot, reply=pending.snapshot.reply | {"judgements": said})
    store.propose(pending.path, told, run=pending.run, replaces=pending.replaces)

    with reviewing(waiting) as terminal:
        shown = terminal.wait_for(KEYS)
        terminal.press("q")
        terminal.end()

    assert re.search(r"judges said:\s+0\.25 공손함\s+몰래", shown)
    assert "\x1b[2J" not in shown


def test_quitting_leaves_the_rest_waiting(waiting: Cli) -> None:
    with reviewing(waiting) as terminal:
        terminal.wait_for(KEYS)
        terminal.press("a")
        terminal.wait_for(KEYS)
        terminal.press("q")
        code, rest = terminal.end()

    assert code == 0
    assert "1 accepted, 0 rejected, 2 still wait" in rest
    assert len(waiting.files(".promptrun/pending")) == 4


@pytest.mark.parametrize("by_signal", [False, True], ids=["as a key", "as a signal"])
def test_an_interrupt_keeps_what_was_accepted(waiting: Cli, by_signal: bool) -> None:
    with reviewing(waiting) as terminal:
        terminal.wait_for(KEYS)
        terminal.press("a")
        terminal.wait_for(KEYS)
        if by_signal:
            terminal.process.send_signal(signal.SIGINT)
        else:
            terminal.press("\x03")
        code, rest = terminal.end()

    assert code == 130
    assert re.search(r"1 accepted, 0 rejected, 2 still wait\n+interrupted\n", rest)
    assert snapshots(waiting)["반말"] == "둘"
    assert len(waiting.files(".promptrun/pending")) == 4


def test_a_terminal_that_is_closed_ends_the_review(waiting: Cli) -> None:
    with reviewing(waiting) as terminal:
        terminal.wait_for(KEYS)
        terminal.press("\x04")
        code, rest = terminal.end()

    assert code == 0
    assert "0 accepted, 0 rejected, 3 still wait" in rest


def test_a_question_mark_explains_the_keys(waiting: Cli) -> None:
    with reviewing(waiting) as terminal:
        terminal.wait_for(KEYS)
        terminal.press("?")
        explained = terminal.wait_for(KEYS)
        terminal.press("q")
        terminal.end()

    assert "  a  accept: the reply becomes the snapshot\n" in explained


@pytest.mark.parametrize(
    ("key", "named"), [("x", "x"), ("ㅋ", "ㅋ"), ("\x1b[A", r"\x1b[A"), ("aa" * 9, "aaaaaaaa")]
)
def test_any_other_key_is_told_in_a_line_and_settles_nothing(
    waiting: Cli, key: str, named: str
) -> None:
    with reviewing(waiting) as terminal:
        terminal.wait_for(KEYS)
        terminal.press(key)
        told = terminal.wait_for(KEYS)
        terminal.press("q")
        terminal.end()

    assert told.splitlines()[:-1] == ["", f"  no key `{named}`"]
    assert len(waiting.files(".promptrun/pending")) == 6


def test_the_keys_of_a_korean_keyboard_are_the_same_keys(waiting: Cli) -> None:
    with reviewing(waiting) as terminal:
        terminal.wait_for(KEYS)
        terminal.press("ㅁ")
        terminal.wait_for(KEYS)
        terminal.press("ㅂ")
        code, _ = terminal.end()

    assert code == 0
    assert snapshots(waiting)["반말"] == "둘"


def test_changes_that_look_the_same_are_shown_once_and_settled_together(
    project: Cli, server: OpenAIServer
) -> None:
    answers(project, server)
    answers(project, server, 가님="하나", 나님="둘", 다님="하나")

    with reviewing(project) as terminal:
        terminal.wait_for(KEYS)
        terminal.press("s")
        shown = terminal.wait_for(KEYS)
        terminal.press("a")
        code, rest = terminal.end()

    assert "[2/2] changed (reply)  specs/인사.yaml::사투리" in shown
    assert "and the same in 1 other case: specs/인사.yaml::정중" in shown
    assert code == 0
    assert "2 accepted, 0 rejected, 1 still waits" in rest
    assert snapshots(project) == {"반말": "안녕", "사투리": "하나", "정중": "하나"}


def test_what_differs_only_where_the_text_is_cut_is_not_settled_together(
    project: Cli, server: OpenAIServer
) -> None:
    long = "가" * 3000
    answers(project, server)
    answers(project, server, 가님=f"{long}1{long}", 나님=f"{long}2{long}", 다님=f"{long}1{long}")

    with reviewing(project) as terminal:
        first = terminal.wait_for(KEYS)
        terminal.press("s")
        second = terminal.wait_for(KEYS)
        terminal.press("q")
        terminal.end()

    assert "other case" not in first
    assert "and the same in 1 other case" in second


def test_a_whole_spec_is_accepted_with_one_key_and_no_other_is(
    waiting: Cli, server: OpenAIServer
) -> None:
    waiting.write("specs/ㄱ.yaml", SPEC)
    server.reply = text("안녕")
    waiting("specs/ㄱ.yaml")
    server.reply = text("넷")
    waiting("specs/ㄱ.yaml")

    with reviewing(waiting) as terminal:
        terminal.wait_for(KEYS)
        terminal.press("s")
        terminal.wait_for("인사.yaml::반말")
        terminal.wait_for(KEYS)
        terminal.press("f")
        code, rest = terminal.end()

    assert code == 0
    assert "3 accepted, 0 rejected, 1 still waits" in rest
    assert len(waiting.files(".promptrun/pending")) == 2


def test_a_first_snapshot_shows_the_reply_itself(project: Cli, server: OpenAIServer) -> None:
    server.reply = text("어서 오세요\n\x1b[2J반갑습니다")
    project("specs/인사.yaml::정중", "--update", "none")

    with reviewing(project) as terminal:
        shown = terminal.wait_for(KEYS)
        terminal.press("a")
        code, _ = terminal.end()

    assert "[1/1] new  specs/인사.yaml::정중" in shown
    assert "  어서 오세요\n  \\x1b[2J반갑습니다\n" in shown
    assert code == 0
    assert len(project.files("snapshots")) == 1


def test_an_equal_reply_says_so_and_which_rule_it_breaks(
    project: Cli, server: OpenAIServer
) -> None:
    answers(project, server)
    project.write("specs/인사.yaml", f"{THREE}expect: [{{contains: 할머니}}, {{max_tokens: 1}}]\n")
    answers(project, server)

    with reviewing(project) as terminal:
        shown = terminal.wait_for(KEYS)
        terminal.press("q")
        terminal.end()

    assert "[1/3] equal, failed  specs/인사.yaml::반말" in shown
    assert (
        "  the reply is equal\n"
        "  broken: contains in choice 1\n"
        "    expected: `할머니`\n"
        "    found:    no `할머니` in `안녕`\n"
        "  max_tokens: not judged, a snapshot does not keep the usage\n"
    ) in shown


def test_an_equal_reply_that_breaks_no_rule_any_more_says_only_that_it_is_equal(
    project: Cli, server: OpenAIServer
) -> None:
    answers(project, server)
    project.write("specs/인사.yaml", f"{THREE}expect: [{{contains: 할머니}}]\n")
    answers(project, server)
    project.write("specs/인사.yaml", THREE)

    with reviewing(project) as terminal:
        shown = terminal.wait_for(KEYS)
        terminal.press("q")
        terminal.end()

    assert "[1/3] equal  specs/인사.yaml::반말" in shown
    assert "the reply is equal\na accept" in shown


def test_a_change_that_breaks_a_rule_shows_it_and_is_settled_with_no_other(
    project: Cli, server: OpenAIServer
) -> None:
    ruled = THREE.replace("{name: 반말,", "{name: 반말, expect: [contains: 안녕],")
    project.write("specs/인사.yaml", ruled)
    answers(project, server)
    answers(project, server, 가님="하나", 나님="하나", 다님="하나")

    with reviewing(project) as terminal:
        first = terminal.wait_for(KEYS)
        terminal.press("a")
        second = terminal.wait_for(KEYS)
        terminal.press("q")
        terminal.end()

    assert "[1/2] failed (reply)  specs/인사.yaml::반말" in first
    assert (
        "broken: contains in choice 1\n    expected: `안녕`\n    found:    no `안녕` in `하나`\n"
        in first
    )
    assert "other case" not in first
    assert "반말.yaml: it breaks an expectation (contains): the case will go on failing" in second
    assert "[2/2] changed (reply)  specs/인사.yaml::사투리" in second
    assert "and the same in 1 other case: specs/인사.yaml::정중" in second


def test_a_reply_unlike_the_accepted_one_fails_until_it_is_the_accepted_one(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("specs/인사.yaml", f"{SPEC}expect: [{{similar: 0.9}}]\n")
    server.reply = text("안녕하십니까")
    project("specs")
    server.reply = text("여보세요")
    project("specs")

    with reviewing(project) as terminal:
        shown = terminal.wait_for(KEYS)
        terminal.press("a")
        code, rest = terminal.end()

    assert "[1/1] failed (reply)" in shown
    assert "broken: similar in choice 1" in shown
    assert code == 0
    assert "accepted  specs/인사.yaml::default  snapshots/인사/default.yaml\n" in rest


def edit_with(project: Cli, change: Callable[[str], str]) -> str:
    """An editor that changes a file, as a command."""
    before = project.read("specs/인사.yaml")
    after = project.write("edited", change(before))
    script = project.write("편집기.sh", f'#!/bin/sh\ncp "{after}" "$2"\necho "편집: $1"\n')
    script.chmod(0o755)
    return f"'{script}' --wait"


def test_after_an_edit_of_the_request_the_change_cannot_be_accepted_any_more(
    waiting: Cli,
) -> None:
    editor = edit_with(waiting, lambda spec: spec.replace("인사해", "정중하게 인사해"))

    with reviewing(waiting, VISUAL=editor) as terminal:
        terminal.wait_for(KEYS)
        terminal.press("e")
        again = terminal.wait_for(KEYS)
        terminal.press("a")
        refused = terminal.wait_for(KEYS)
        terminal.press("r")
        terminal.wait_for(KEYS)
        terminal.press("q")
        code, rest = terminal.end()

    assert "편집: --wait" in again
    assert "[1/3] changed (reply)  specs/인사.yaml::반말" in again
    assert "the request of `specs/인사.yaml::반말` changed" in again
    assert "a accept" not in again
    assert "accepted" not in refused
    assert code == 0
    assert "0 accepted, 1 rejected, 2 still wait" in rest


def test_after_an_edit_that_moves_no_request_the_review_goes_on(waiting: Cli) -> None:
    editor = edit_with(waiting, lambda spec: f"{spec}compare: {{mode: text}}\n")

    with reviewing(waiting, EDITOR=editor, VISUAL="") as terminal:
        terminal.wait_for(KEYS)
        terminal.press("s")
        terminal.wait_for(KEYS)
        terminal.press("e")
        again = terminal.wait_for(KEYS)
        terminal.press("a")
        terminal.wait_for(KEYS)
        terminal.press("a")
        code, rest = terminal.end()

    assert "[2/3] changed (reply)  specs/인사.yaml::사투리" in again
    assert code == 0
    assert "2 accepted, 0 rejected, 1 still waits" in rest


def test_a_spec_that_an_edit_broke_keeps_its_changes_waiting(waiting: Cli) -> None:
    editor = edit_with(waiting, lambda spec: f"{spec}temprature: 1\n")

    with reviewing(waiting, VISUAL=editor) as terminal:
        terminal.wait_for(KEYS)
        terminal.press("e")
        again = terminal.wait_for(KEYS)
        terminal.press("q")
        terminal.end()

    assert "unknown key `temprature`" in again
    assert "choice 1: 안녕 → 둘" in again


@pytest.mark.parametrize("editor", ["no-such-editor", "false", "'"])
def test_an_editor_that_fails_is_told(waiting: Cli, editor: str) -> None:
    with reviewing(waiting, VISUAL=editor) as terminal:
        terminal.wait_for(KEYS)
        terminal.press("e")
        again = terminal.wait_for(KEYS)
        terminal.press("q")
        code, _ = terminal.end()

    assert f"error: the editor `{editor}`" in again
    assert code == 0


def test_no_name_of_a_spec_is_run_by_a_shell(asking: Cli, server: OpenAIServer) -> None:
    asking.write("specs/$(touch stolen).yaml", SPEC)
    asking("specs", "--update", "none")

    with reviewing(asking, VISUAL="true") as terminal:
        terminal.wait_for(KEYS)
        terminal.press("e")
        terminal.wait_for(KEYS)
        terminal.press("q")
        terminal.end()

    assert "stolen" not in asking.files()


def test_what_moved_while_it_was_shown_is_refused_and_ends_with_1(waiting: Cli) -> None:
    with reviewing(waiting) as terminal:
        terminal.wait_for(KEYS)
        waiting.write("specs/인사.yaml", THREE.replace("인사해", "정중하게 인사해"))
        terminal.press("a")
        refused = terminal.wait_for(KEYS)
        terminal.press("q")
        code, rest = terminal.end()

    assert "error: the request of `specs/인사.yaml::반말` changed" in refused
    assert code == 1
    assert "0 accepted, 0 rejected, 3 still wait" in rest
    assert snapshots(waiting)["반말"] == "안녕"


def test_a_pending_that_somebody_changed_can_only_be_rejected(waiting: Cli) -> None:
    name = ".promptrun/pending/snapshots/인사/반말.yaml"
    waiting.write(name, waiting.read(name).replace("둘", "위조"))

    with reviewing(waiting, "snapshots/인사/반말.yaml") as terminal:
        shown = terminal.wait_for(KEYS)
        terminal.press("a")
        terminal.wait_for(KEYS)
        terminal.press("r")
        code, _ = terminal.end()

    assert "[1/1] unusable" in shown
    assert "it does not belong to the note beside it" in shown
    assert code == 0
    assert len(waiting.files(".promptrun/pending")) == 4


def test_nothing_pending_is_said(project: Cli) -> None:
    assert project("review") == (0, "", "nothing is pending\n")


def test_on_a_pipe_what_waits_is_listed_with_the_way_to_answer(waiting: Cli) -> None:
    ran = waiting("review", "specs")

    assert ran.code == 1
    assert ran.out.splitlines() == [
        "specs/인사.yaml::반말\treply",
        "specs/인사.yaml::사투리\treply",
        "specs/인사.yaml::정중\treply",
    ]
    assert "3 replies wait" in ran.err
    assert "`promptrun accept` or `promptrun reject`" in ran.err
    assert len(waiting.files(".promptrun/pending")) == 6


def test_a_target_limits_what_is_reviewed(waiting: Cli) -> None:
    assert waiting("review", "specs/인사.yaml::정중").out == "specs/인사.yaml::정중\treply\n"
    assert "no file `specs/none.yaml`" in waiting("review", "specs/none.yaml").err


def recorded(spec: str, *contents: str) -> Snapshot:
    """What accepting replies to `SPEC` would write: one, or a set of several."""
    body = {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "존님께 인사해 주세요."}],
    }
    rules = CompareRules()
    raws = [text_reply(content) for content in contents]
    reply = record_set(raws, rules, {}) if len(raws) > 1 else record_reply(raws[0], rules)
    return make_snapshot(spec, "default", request_as_kept(body), reply, keep_request=True)


def test_a_reply_that_takes_over_an_older_snapshot_is_compared_with_it(asking: Cli) -> None:
    asking.write("specs/새.yaml", SPEC)
    store = SnapshotStore(asking.folder)
    old, new = recorded("specs/옛.yaml", "옛 답"), recorded("specs/새.yaml", "새 답")
    old_path, new_path = (
        snapshot_path(asking.folder, asking.folder / one.spec, one.case, "openai")
        for one in (old, new)
    )
    store.write(old_path, old)
    orphan = Orphan(
        path=old_path,
        id="specs/옛.yaml::default",
        accepted=store.read(old_path, old.spec, old.case),
    )
    store.propose(new_path, new, run="r", replaces=None, moves=orphan)

    with reviewing(asking) as terminal:
        shown = terminal.wait_for(KEYS)
        terminal.press("a")
        code, _ = terminal.end()

    assert "[1/1] changed (reply)  specs/새.yaml::default" in shown
    assert "takes over `snapshots/옛/default.yaml`, whose case is gone" in shown
    assert "choice 1: 옛 답 → 새 답" in shown
    assert code == 0
    assert asking.files("snapshots") == ["snapshots/새/default.yaml"]


def test_a_set_of_replies_shows_each_with_its_count(asking: Cli) -> None:
    asking.write("specs/a.yaml", SPEC)
    store = SnapshotStore(asking.folder)
    path = snapshot_path(asking.folder, asking.folder / "specs/a.yaml", "default", "openai")
    store.write(path, recorded("specs/a.yaml", "하나", "하나", "하나"))
    replaces = store.read(path, "specs/a.yaml", "default").digest
    new = recorded("specs/a.yaml", "하나", "둘", "둘")
    store.propose(path, new, run="r", replaces=replaces)

    with reviewing(asking) as terminal:
        shown = terminal.wait_for(KEYS)
        terminal.press("a")
        code, _ = terminal.end()

    assert "[1/1] changed (reply)" in shown
    assert "  2 of the replies:\n  둘\n  1 of the replies:\n  하나\n" in shown
    assert code == 0
    assert store.read(path, "specs/a.yaml", "default").snapshot == new


def test_a_list_names_what_breaks_a_rule(project: Cli, server: OpenAIServer) -> None:
    answers(project, server)
    project.write("specs/인사.yaml", f"{THREE}expect: [contains: 안녕]\n")
    project.write("specs/첫.yaml", f"{SPEC}expect: [contains: 할머니]\n")
    answers(project, server, 가님="하나", 나님="안녕히")

    assert project("review").out.splitlines() == [
        "specs/인사.yaml::반말\treply",
        "specs/인사.yaml::정중\treply, failed",
        "specs/첫.yaml::default\tnew, failed",
    ]


def test_a_set_fails_by_the_share_of_its_replies(asking: Cli) -> None:
    asking.write(
        "specs/a.yaml",
        f"{SPEC}samples: 4\nexpect: [{{contains: 하나}}, {{contains: 둘, at_least: 0.5}}, "
        "{contains: 셋}]\n",
    )
    store = SnapshotStore(asking.folder)
    path = snapshot_path(asking.folder, asking.folder / "specs/a.yaml", "default", "openai")
    store.propose(
        path, recorded("specs/a.yaml", "하나", "하나", "하나", "둘"), run="r", replaces=None
    )

    with reviewing(asking) as terminal:
        shown = terminal.wait_for(KEYS)
        terminal.press("a")
        _, rest = terminal.end()

    assert "[1/1] new, failed" in shown
    assert "expected: `둘`, by at least 50 % of the replies\n    found:    kept by 1 of 4" in shown
    assert "expected: `셋`\n    found:    kept by 0 of 4" in shown
    assert shown.count("broken: ") == 2
    assert "it breaks expectations (contains): the case will go on failing" in rest
