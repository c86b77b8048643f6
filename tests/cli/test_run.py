from __future__ import annotations

import json

import pytest

from tests.openai_server import Answer, OpenAIServer, bad_key, error, text
from tests.promptrun_cli import Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - role: system
    content: You are a helpful assistant.
  - role: user
    content: "{{ greeting }}! 저는 존이라고 합니다!"
vars:
  greeting: 안녕하세요
"""
MANY = f"""{SPEC}cases:
  - name: 정중
  - name: 반말
    vars: {{greeting: 안녕}}
"""


@pytest.fixture
def asked(asking: Cli, server: OpenAIServer) -> OpenAIServer:
    """The server that is asked, and a project with one spec."""
    asking.write("specs/hello.yaml", SPEC)
    return server


def test_a_first_run_prints_the_reply_and_keeps_it(cli: Cli, asked: OpenAIServer) -> None:
    asked.reply = text("안녕하세요, 존님!")

    ran = cli("specs/hello.yaml")

    assert (ran.code, ran.out) == (0, "안녕하세요, 존님!\n")
    assert ran.err.startswith("new  specs/hello.yaml::default  openai, ")
    assert "wrote snapshots/hello/default.yaml" in ran.err
    assert "content: 안녕하세요, 존님!" in cli.read("snapshots/hello/default.yaml")


def test_the_same_reply_passes(cli: Cli, asked: OpenAIServer) -> None:
    cli("specs/hello.yaml")
    before = cli.files()

    ran = cli("specs/hello.yaml")

    assert ran.code == 0
    assert ran.err.startswith("passed  specs/hello.yaml::default")
    assert cli.files() == before


def test_another_reply_is_changed_and_waits(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend([text("반갑습니다, 존님!"), text("반가워요, 존님!")])
    cli("specs/hello.yaml")
    kept = cli.read("snapshots/hello/default.yaml")

    ran = cli("specs/hello.yaml")

    assert ran.code == 1
    assert ran.err.startswith("changed (reply)  specs/hello.yaml::default")
    assert "반갑습니다" in ran.err
    assert "반가워요" in ran.err
    assert "promptrun accept specs/hello.yaml::default" in ran.err
    assert cli.read("snapshots/hello/default.yaml") == kept
    assert "반가워요" in cli.read(".promptrun/pending/snapshots/hello/default.yaml")


def test_a_changed_prompt_is_named_as_the_cause_even_where_the_reply_is_equal(
    cli: Cli, asked: OpenAIServer
) -> None:
    asked.reply = text("네.")
    cli("specs/hello.yaml")
    cli.write("specs/hello.yaml", SPEC.replace("helpful", "terse"))

    ran = cli("specs/hello.yaml")

    assert ran.code == 1
    assert ran.err.startswith("changed (prompt)  ")
    assert "helpful" in ran.err
    assert "terse" in ran.err
    assert "the reply is equal" in ran.err


def test_a_changed_setting_is_named_as_the_cause(cli: Cli, asked: OpenAIServer) -> None:
    asked.reply = text("네.")
    cli("specs/hello.yaml")
    cli.write("specs/hello.yaml", f"{SPEC}temperature: 0\n")

    ran = cli("specs/hello.yaml")

    assert ran.code == 1
    assert ran.err.startswith("changed (settings)  ")


def test_accepting_makes_the_new_reply_count_and_pays_nothing(
    cli: Cli, asked: OpenAIServer
) -> None:
    asked.script.extend([text("하나"), text("둘")])
    asked.reply = text("둘")
    cli("specs/hello.yaml")
    cli("specs/hello.yaml")
    paid = len(asked.requests)

    accepted = cli("accept", "specs/hello.yaml")

    assert accepted.code == 0
    assert "accepted  specs/hello.yaml::default" in accepted.err
    assert len(asked.requests) == paid
    assert "둘" in cli.read("snapshots/hello/default.yaml")
    assert cli.files(".promptrun") == []
    assert cli("specs/hello.yaml").code == 0


def test_rejecting_leaves_the_snapshot(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend([text("하나"), text("둘")])
    cli("specs/hello.yaml")
    cli("specs/hello.yaml")
    kept = cli.read("snapshots/hello/default.yaml")

    rejected = cli("reject")

    assert rejected.code == 0
    assert cli.read("snapshots/hello/default.yaml") == kept
    assert cli.files(".promptrun") == []


def test_accepting_refuses_where_the_prompt_moved_since(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend([text("하나"), text("둘")])
    cli("specs/hello.yaml")
    cli("specs/hello.yaml")
    cli.write("specs/hello.yaml", SPEC.replace("helpful", "terse"))

    refused = cli("accept")

    assert refused.code == 1
    assert "changed after this reply was received" in refused.err
    assert "하나" in cli.read("snapshots/hello/default.yaml")


def test_accepting_with_nothing_pending_says_so(cli: Cli, asked: OpenAIServer) -> None:
    ran = cli("accept")

    assert (ran.code, ran.err) == (0, "nothing is pending\n")


def test_a_pass_ends_what_waited(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend([text("하나"), text("둘"), text("하나")])
    cli("specs/hello.yaml")
    cli("specs/hello.yaml")

    assert cli("specs/hello.yaml").code == 0
    assert cli.files(".promptrun") == []


def test_ci_writes_no_snapshot_but_lets_the_reply_wait(cli: Cli, asked: OpenAIServer) -> None:
    ran = cli("specs/hello.yaml", CI="true")

    assert ran.code == 1
    assert ran.err.startswith("missing  specs/hello.yaml::default")
    assert cli.files("snapshots") == []
    assert ".promptrun/pending/snapshots/hello/default.yaml" in cli.files()
    assert cli("accept").code == 0
    assert cli("specs/hello.yaml", CI="true").code == 0


@pytest.mark.parametrize("value", ["0", "false", "False", ""])
def test_ci_that_is_switched_off_is_none(cli: Cli, asked: OpenAIServer, value: str) -> None:
    assert cli("specs/hello.yaml", CI=value).err.startswith("new  ")


def test_update_all_takes_a_changed_reply_at_once(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend([text("하나"), text("둘")])
    cli("specs/hello.yaml")

    ran = cli("specs/hello.yaml", "--update", "all")

    assert ran.code == 0
    assert ran.err.startswith("changed (reply)  ")
    assert "둘" in cli.read("snapshots/hello/default.yaml")


def test_a_run_with_a_variable_judges_and_writes_nothing(cli: Cli, asked: OpenAIServer) -> None:
    before = cli.files()

    ran = cli("specs/hello.yaml", "--var", "greeting=여보세요")

    assert ran.code == 1
    assert "missing" in ran.err
    assert "여보세요! 저는" in asked.requests[0].json["messages"][1]["content"]
    assert cli.files() == before


def test_replay_needs_neither_key_nor_server(
    cli: Cli, asked: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("specs/hello.yaml")
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    paid = len(asked.requests)

    ran = cli("specs/hello.yaml", "--replay")

    assert ran.code == 0
    assert "passed" in ran.err
    assert "replayed" in ran.err
    assert len(asked.requests) == paid


def test_replay_tells_a_prompt_that_moved(cli: Cli, asked: OpenAIServer) -> None:
    cli("specs/hello.yaml")
    before = cli.files()
    cli.write("specs/hello.yaml", SPEC.replace("helpful", "terse"))

    ran = cli("specs/hello.yaml", "--replay")

    assert ran.code == 1
    assert ran.err.startswith("changed (prompt)  ")
    assert cli.files() == before


def test_a_failure_of_one_case_never_stops_the_others(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/hello.yaml", MANY)
    asked.reply = lambda received: (
        error(400, "no such thing")
        if "안녕!" in received.json["messages"][1]["content"]
        else text("네.")
    )

    ran = cli("specs/hello.yaml")

    assert ran.code == 3
    assert "error  specs/hello.yaml::반말" in ran.err
    assert "no such thing (status 400" in ran.err
    assert "new  specs/hello.yaml::정중" in ran.err
    assert "1 error, 1 new" in ran.err


def test_a_regression_is_not_hidden_by_a_fault(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/hello.yaml", MANY)
    cli("specs/hello.yaml")
    asked.reply = lambda received: (
        error(400, "no such thing")
        if "안녕!" in received.json["messages"][1]["content"]
        else text("다른 말")
    )

    assert cli("specs/hello.yaml").code == 1


def test_a_wrong_key_ends_the_run_with_one_clear_line(cli: Cli, asked: OpenAIServer) -> None:
    asked.reply = bad_key()

    ran = cli("specs/hello.yaml")

    assert ran.code == 3
    assert "status 401" in ran.err


def test_a_reply_that_was_cut_by_its_limit_fails_and_only_waits(
    cli: Cli, asked: OpenAIServer
) -> None:
    asked.reply = text("안녕하", finish_reason="length")

    ran = cli("specs/hello.yaml")

    assert ran.code == 1
    assert ran.err.startswith("failed  ")
    assert "finish_reason" in ran.err
    assert cli.files("snapshots") == []


def test_nothing_selected_is_no_success(cli: Cli, asked: OpenAIServer) -> None:
    ran = cli("specs/hello.yaml", "-k", "없음")

    assert ran.code == 4
    assert "no case was selected" in ran.err
    assert not asked.requests


def test_one_case_is_named_by_its_id(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/hello.yaml", MANY)

    ran = cli("specs/hello.yaml::반말")

    assert ran.code == 0
    assert len(asked.requests) == 1


def test_several_cases_print_their_replies_in_the_order_of_the_spec(
    cli: Cli, asked: OpenAIServer
) -> None:
    cli.write("specs/hello.yaml", MANY)
    asked.reply = lambda received: (
        text("나중", delay=0.3)
        if "안녕하세요!" in received.json["messages"][1]["content"]
        else text("먼저")
    )

    ran = cli("specs/hello.yaml")

    assert ran.out == "나중\n먼저\n"
    assert "2 new" in ran.err


def test_a_folder_shows_only_what_needs_reading(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/second.yaml", SPEC)
    cli("specs")

    ran = cli("specs")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("2 passed in ")
    assert cli("specs", "-q") == (0, "", "")


def test_raw_prints_the_reply_as_the_server_sent_it(cli: Cli, asked: OpenAIServer) -> None:
    ran = cli("specs/hello.yaml", "--raw")

    reply = json.loads(ran.out)
    assert ran.out == json.dumps(reply, indent=2, ensure_ascii=False) + "\n"
    assert reply["object"] == "chat.completion"
    assert {"id", "choices", "created", "model", "system_fingerprint", "usage"} <= reply.keys()
    assert reply["choices"][0].keys() == {"finish_reason", "index", "logprobs", "message"}
    assert reply["choices"][0]["message"].keys() >= {"content", "refusal", "role"}


def test_json_prints_one_object_a_case_and_line(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/hello.yaml", MANY)

    ran = cli("specs/hello.yaml", "--json")

    objects = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["case"] for one in objects] == ["정중", "반말"]
    assert all(one["promptrun"] == 1 and one["verdict"] == "new" for one in objects)
    assert "정중" in ran.out
    assert objects[0]["reply"]["choices"][0]["message"]["content"]


def test_nothing_is_sent_while_one_spec_is_wrong(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/zz.yaml", SPEC + "temprature: 0\n")

    ran = cli("specs")

    assert ran.code == 2
    assert "did you mean `temperature`?" in ran.err
    assert not asked.requests


def test_a_missing_variable_of_the_last_case_is_known_before_the_first_is_sent(
    cli: Cli, asked: OpenAIServer
) -> None:
    cli.write(
        "specs/hello.yaml", SPEC.replace("vars:", "cases:\n  - vars:").replace("greeting: ", "x: ")
    )

    assert cli("specs/hello.yaml").code == 2
    assert not asked.requests


def test_it_works_from_any_folder(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("elsewhere/deep/notes.txt", "")

    ran = cli("../../specs/hello.yaml", cwd=cli.folder / "elsewhere/deep")

    assert ran.code == 0
    assert "specs/hello.yaml::default" in ran.err
    assert "snapshots/hello/default.yaml" in cli.files()


def test_a_file_with_merge_markers_is_named_and_left_alone(cli: Cli, asked: OpenAIServer) -> None:
    broken = "<<<<<<< ours\npromptrun_snapshot: 1\n=======\n>>>>>>> theirs\n"
    cli.write("snapshots/hello/default.yaml", broken)

    ran = cli("specs/hello.yaml")

    assert ran.code == 1
    assert ran.err.startswith("missing  ")
    assert "merge" in ran.err
    assert cli.read("snapshots/hello/default.yaml") == broken


def test_the_snapshot_of_another_case_is_never_overwritten(cli: Cli, asked: OpenAIServer) -> None:
    cli("specs/hello.yaml")
    cli.write("specs/other.yaml", SPEC)
    foreign = cli.read("snapshots/hello/default.yaml")
    cli.write("snapshots/other/default.yaml", foreign)

    ran = cli("specs/other.yaml", "--update", "all")

    assert ran.code == 3
    assert "is the snapshot of `specs/hello.yaml::default`" in ran.err
    assert cli.read("snapshots/other/default.yaml") == foreign
    assert len(asked.requests) == 1


def test_a_model_on_the_command_line_is_enough(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/hello.yaml", SPEC.replace("model: gpt-4o-mini\n", ""))

    assert cli("specs/hello.yaml").code == 2
    cli("specs/hello.yaml", "--model", "gpt-4o")
    assert asked.requests[0].json["model"] == "gpt-4o"


def test_a_quiet_run_prints_neither_reply_nor_verdict_of_what_needs_no_reading(
    cli: Cli, asked: OpenAIServer
) -> None:
    cli.write("specs/hello.yaml", MANY)
    asked.reply = text("네.")
    cli("specs/hello.yaml")
    asked.reply = lambda received: text(
        "뭐." if "안녕!" in received.json["messages"][1]["content"] else "네."
    )

    ran = cli("specs/hello.yaml", "-q")

    assert ran.out == "뭐.\n"
    assert ran.err.startswith("changed (reply)  specs/hello.yaml::반말")
    assert "passed  " not in ran.err


def test_several_choices_are_counted_from_1(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/hello.yaml", f"{SPEC}n: 2\n")
    asked.reply = Answer(contents=("하나", "둘"))

    ran = cli("specs/hello.yaml")

    assert ran.out == "--- choice 1 (stop)\n하나\n--- choice 2 (stop)\n둘\n"
