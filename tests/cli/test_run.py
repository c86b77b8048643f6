from __future__ import annotations

import json
import re

import pytest
from msgspec import structs

from promptrun.cli.options import typed_arguments
from promptrun.cli.run import RESUMING, command
from tests.openai_server import Answer, OpenAIServer, bad_key, error, out_of_quota, text
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
    assert "error    specs/hello.yaml::반말" in ran.err
    assert "no such thing (status 400" in ran.err
    assert "new      specs/hello.yaml::정중" in ran.err
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


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--resume", "--replay"), "`--resume` and `--replay` exclude each other"),
        (("--run", "a", "--again", "b"), "`--run` and `--again` exclude each other"),
        (("--resume", "--no-record"), "`--resume` goes on with a record"),
        (("--json", "--raw"), "`--json` and `--raw` are two forms of the same"),
        (("--max-cost", "nan"), "`--max-cost` must be a number of US dollars, not `nan`"),
        (("--max-cost", "inf"), "`--max-cost` must be a number of US dollars, not `inf`"),
        (("--max-cost", "0"), "is not in the range"),
        (("--max-requests", "0"), "is not in the range"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_options_that_cannot_be_meant_are_refused(
    cli: Cli, asked: OpenAIServer, options: tuple[str, ...], told: str
) -> None:
    ran = cli("specs/hello.yaml", *options)

    assert ran.code == 2
    assert told in ran.err
    assert not asked.requests


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        pytest.param(["specs"], ["specs"], id="targets alone"),
        pytest.param(
            ["-qvj4", "specs", "--var", "이름=김 지수", "--var=b=-1", "more"],
            ["specs", "more", "--var", "이름=김 지수", "--var", "b=-1", "--jobs", "4",
             "--quiet", "--verbose"],
            id="short options in a row, and values of any kind",
        ),
        pytest.param(
            ["specs", "--run=old", "--resume", "-y", "--max-cost", "0.50", "-k", "not slow"],
            ["specs", "-k", "not slow", "--max-cost", "0.5"],
            id="without what names another run",
        ),
        pytest.param(["--json", "--", "-odd.yaml"], ["./-odd.yaml", "--json"], id="an odd file"),
        pytest.param(
            ["specs", "--update", "auto"], ["specs", "--update", "auto"], id="a default, if typed"
        ),
    ],
)  # fmt: skip
def test_a_run_is_typed_again_as_it_was_meant(typed: list[str], told: list[str]) -> None:
    with command.make_context("run", typed) as context:
        assert typed_arguments(context, without=RESUMING) == told
        meant = {name: one for name, one in context.params.items() if name not in RESUMING}
    with command.make_context("run", list(told)) as again:
        meant |= {"targets": again.params["targets"]}
        assert meant.items() <= again.params.items()


def test_a_limit_stops_a_run_and_the_command_it_names_goes_on(
    cli: Cli, asked: OpenAIServer
) -> None:
    cases = "".join(f"  - {{name: 말 {at}}}\n" for at in range(7))
    cli.write("specs/hello.yaml", f"{SPEC}cases:\n{cases}")
    asked.reply = text("네.")

    ran = cli("specs", "--max-requests", "3", "-j1")

    assert ran.code == 3
    assert "stopped: `--max-requests 3` is reached\n  3 of 7 cases have a result\n" in ran.err
    told = re.search(r"hint: promptrun (specs .* --run \S+) goes on from here\n$", ran.err)
    assert told
    assert cli(*told[1].split()).code == 3
    assert cli(*told[1].split()).code == 0
    assert len(asked.requests) == 7


def test_a_folder_that_is_called_like_a_command_is_gone_on_with(
    cli: Cli, asked: OpenAIServer
) -> None:
    cli.write("check/hello.yaml", MANY)

    ran = cli("run", "check", "--max-requests", "1", "-j1")

    told = re.search(r"hint: promptrun (run check .* --run \S+) goes on from here\n$", ran.err)
    assert told
    assert "2 of 2" not in ran.err
    assert cli(*told[1].split()).code == 0


def test_a_run_that_was_stopped_is_a_regression_where_a_case_is_one(
    cli: Cli, asked: OpenAIServer
) -> None:
    cli.write("specs/hello.yaml", MANY)
    asked.reply = text("안녕하", finish_reason="length")

    ran = cli("specs/hello.yaml", "--fail-fast", "-j1")

    assert ran.code == 1
    assert "stopped: `--fail-fast`: `specs/hello.yaml::정중` is `failed`\n" in ran.err
    assert len(asked.requests) == 1


def test_a_run_without_a_record_leaves_none(cli: Cli, asked: OpenAIServer) -> None:
    assert cli("specs/hello.yaml", "--no-record").code == 0
    assert not cli.records()


def test_an_answer_that_every_case_gets_is_shown_once(cli: Cli, asked: OpenAIServer) -> None:
    cases = "".join(f"  - {{name: 말 {at}}}\n" for at in range(40))
    cli.write("specs/hello.yaml", f"{SPEC}cases:\n{cases}")
    asked.reply = structs.replace(out_of_quota(), delay=0.3)  # all eight are under way

    ran = cli("specs", "-j8")

    assert ran.code == 3
    assert ran.err.count("(status 429") == 1
    assert re.search(r"\n\d more cases got the same answer\n", ran.err)
    assert len(asked.requests) <= 8
