"""What a run records, judging it again, and sending only what moved."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.openai_server import Answer, OpenAIServer, Received, error, text
from tests.promptrun_cli import Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - role: user
    content: "{{ who }}에게 인사해 주세요."
cases:
  - name: 할머니
    vars: {who: 할머니}
  - name: 손자
    vars: {who: 손자}
"""


def greet(received: Received) -> Answer:
    return text(received.json["messages"][0]["content"].replace("에게 인사해 주세요.", " 안녕!"))


@pytest.fixture
def asked(asking: Cli, server: OpenAIServer) -> OpenAIServer:
    """A project with one spec of two cases, both accepted."""
    asking.write("specs/greet.yaml", SPEC)
    server.reply = greet
    assert asking("specs/greet.yaml").code == 0
    server.requests.clear()
    return server


def test_a_run_that_sends_is_recorded_and_a_replay_is_not(cli: Cli, asked: OpenAIServer) -> None:
    assert len(cli.records()) == 1
    cli("specs/greet.yaml", "--replay")
    assert len(cli.records()) == 1
    cli("specs/greet.yaml")
    assert len(cli.records()) == 2
    assert cli.read(".promptrun/.gitignore") == "*\n"


def test_a_recorded_run_is_judged_by_new_rules_without_a_call(
    cli: Cli, asked: OpenAIServer
) -> None:
    cli.write("specs/greet.yaml", SPEC + "expect: [{contains: 할머니}]\n")

    ran = cli("specs/greet.yaml", "--again", "last")

    assert ran.code == 1
    assert not asked.requests
    assert "passed   specs/greet.yaml::할머니" in ran.err
    assert "failed   specs/greet.yaml::손자" in ran.err
    assert "found:    no `할머니` in `손자 안녕!`" in ran.err


def test_a_latency_is_known_again(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/greet.yaml", SPEC + "expect: [{max_latency: 0.000001}]\n")

    assert "broken: max_latency" in cli("specs/greet.yaml", "--again", "last").err
    assert "not judged" in cli("specs/greet.yaml", "--replay").err


def test_a_reply_that_failed_is_kept_once_the_rule_is_mended(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    cli.write("specs/greet.yaml", SPEC + "expect: [{contains: 잘 가}]\n")
    server.reply = greet
    assert cli("specs/greet.yaml").code == 1
    cli.write("specs/greet.yaml", SPEC + "expect: [{contains: 안녕}]\n")
    server.requests.clear()

    waits = cli("specs/greet.yaml", "--again", "last")
    assert waits.code == 1
    assert "missing  specs/greet.yaml::할머니" in waits.err
    assert not cli.files("snapshots")

    ran = cli("specs/greet.yaml", "--again", "last", "--update", "new")

    assert ran.code == 0
    assert "new      specs/greet.yaml::할머니" in ran.err
    assert len(cli.files("snapshots")) == 2
    assert not server.requests
    assert not cli.files(".promptrun/pending")


def test_a_case_that_the_run_did_not_ask_is_skipped(cli: Cli, asked: OpenAIServer) -> None:
    cli("specs/greet.yaml::손자")

    ran = cli("specs/greet.yaml", "--again", "last")

    assert ran.code == 0
    assert "skipped  specs/greet.yaml::할머니" in ran.err
    assert "the run did not ask this case" in ran.err


def test_a_request_that_moved_since_is_an_error(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/greet.yaml", SPEC.replace("인사", "작별 인사"))

    ran = cli("specs/greet.yaml", "--again", "last")

    assert ran.code == 3
    assert "the request moved since that run" in ran.err


def test_a_run_is_named_by_the_beginning_of_its_id(cli: Cli, asked: OpenAIServer) -> None:
    name = cli.records()[0].stem

    assert cli("specs/greet.yaml", "--again", name[:12]).code == 0
    ran = cli("specs/greet.yaml", "--again", "19990101")
    assert ran.code == 2
    assert "19990101" in ran.err


def test_a_failure_is_judged_again_as_one(cli: Cli, asked: OpenAIServer) -> None:
    asked.reply = error(400, "그건 안 돼요")
    cli("specs/greet.yaml")

    ran = cli("specs/greet.yaml", "--again", "last")

    assert ran.code == 3
    assert "그건 안 돼요" in ran.err


def test_a_set_is_judged_again_with_its_second_look(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    spec = SPEC.partition("cases:")[0].replace("{{ who }}", "손자") + "samples: 8\n"
    cli.write("specs/greet.yaml", spec)
    server.reply = text("안녕!")
    cli("specs/greet.yaml")
    server.reply = text("I do not greet.")
    first = cli("specs/greet.yaml", "--json")
    server.requests.clear()

    again = cli("specs/greet.yaml", "--json", "--again", "last")

    assert (first.code, again.code) == (1, 1)
    one, other = json.loads(first.out), json.loads(again.out)
    assert one["statistics"] == other["statistics"]
    assert other["statistics"]["second"]["alarm"]
    assert not server.requests


def test_an_alarm_counts_alone_where_nothing_fresh_can_be_asked_for(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    spec = SPEC.partition("cases:")[0].replace("{{ who }}", "손자") + "samples: 8\n"
    cli.write("specs/greet.yaml", spec + "compare: {mode: none}\n")
    server.reply = text("안녕!")
    cli("specs/greet.yaml")
    server.reply = text("I do not greet.")
    assert cli("specs/greet.yaml").code == 0
    cli.write("specs/greet.yaml", spec)

    ran = cli("specs/greet.yaml", "--again", "last")

    assert ran.code == 1
    assert "they differ" in ran.err


def test_a_run_that_cannot_be_recorded_sends_nothing_unless_it_is_to(
    cli: Cli, asked: OpenAIServer
) -> None:
    for left in (cli.folder / ".promptrun" / "runs").iterdir():
        left.unlink()
    runs = cli.folder / ".promptrun" / "runs"
    runs.rmdir()
    runs.write_text("in the way")
    asked.requests.clear()

    refused, asked_for = cli("specs/greet.yaml"), cli("specs/greet.yaml", "--no-record")

    assert refused.code == 2
    assert refused.err.startswith("error: the run cannot be recorded: ")
    assert "hint: `--no-record` runs without a record" in refused.err
    assert asked_for.code == 0
    assert len(asked.requests) == 2


def test_only_what_moved_is_sent(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/greet.yaml", SPEC.replace("{who: 손자}", "{who: 손녀}"))

    ran = cli("specs/greet.yaml", "--changed")

    assert ran.code == 1
    assert [one.json["messages"][0]["content"] for one in asked.requests] == [
        "손녀에게 인사해 주세요."
    ]
    assert "passed   specs/greet.yaml::할머니  openai, replayed" in ran.err
    assert "changed (prompt, reply)  specs/greet.yaml::손자  openai, " in ran.err


def test_where_nothing_moved_nothing_is_sent_and_what_waits_stays(
    cli: Cli, asked: OpenAIServer
) -> None:
    asked.reply = text("다른 대답")
    cli("specs/greet.yaml")
    waiting = cli.files(".promptrun/pending")
    asked.requests.clear()

    ran = cli("specs/greet.yaml", "--changed")

    assert ran.code == 0
    assert not asked.requests
    assert waiting
    assert cli.files(".promptrun/pending") == waiting


@pytest.mark.parametrize(
    "options", [("--replay", "--changed"), ("--changed", "--again", "last")], ids=" ".join
)
def test_two_ways_to_get_replies_exclude_each_other(
    cli: Cli, asked: OpenAIServer, options: tuple[str, ...]
) -> None:
    ran = cli("specs/greet.yaml", *options)

    assert ran.code == 2
    assert "exclude each other" in ran.err


def test_a_run_that_sends_nothing_leaves_no_record(cli: Cli, asked: OpenAIServer) -> None:
    before = cli.records()

    cli("specs/greet.yaml", "--changed")

    assert cli.records() == before


def test_the_replies_of_one_provider_are_not_those_of_another(
    cli: Cli, asked: OpenAIServer
) -> None:
    cli.write("promptrun.toml", f'[providers.mine]\nbase_url = "{asked.base_url}"\n')

    ran = cli("specs/greet.yaml", "--again", "last", "--provider", "mine")

    assert ran.code == 4
    assert "the run asked another provider: openai" in ran.err
    assert not cli.files("snapshots/@mine")


def test_an_interrupted_set_is_judged_by_what_there_is(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    spec = SPEC.partition("cases:")[0].replace("{{ who }}", "손자")
    cli.write("specs/greet.yaml", spec + "samples: 4\n")
    server.script.extend(text(f"안녕 {number}") for number in range(4))
    cli("specs/greet.yaml", "-j", "1", "--update", "none")
    [record_file] = cli.records()
    with closing(sqlite3.connect(record_file)) as record, record:
        record.execute("DELETE FROM replies WHERE ordinal IN (0, 1)")

    few = cli("specs/greet.yaml", "--again", "last")
    enough = cli("specs/greet.yaml", "--again", "last", "--samples", "2")
    cli.write("specs/greet.yaml", spec)
    one = cli("specs/greet.yaml", "--again", "last")

    assert few.code == 3
    assert "the run has 2 replies of this case, and `samples` wants 4" in few.err
    assert enough.out == "--- 1 of 2\n안녕 2\n--- 1 of 2\n안녕 3\n"
    assert one.out == "안녕 2\n"


def test_what_waits_names_the_run_whose_reply_it_is(cli: Cli, asked: OpenAIServer) -> None:
    before = cli.records()
    cli("specs/greet.yaml::손자", "--var", "who=삼촌")
    [record] = set(cli.records()) - set(before)
    cli.write("specs/greet.yaml", SPEC.replace("{who: 손자}", "{who: 삼촌}"))

    cli("specs/greet.yaml::손자", "--again", "last")

    [note] = [name for name in cli.files(".promptrun/pending") if name.endswith(".json")]
    assert json.loads(cli.read(note))["run"] == record.stem
