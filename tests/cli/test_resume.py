"""Runs that stop before their end, and those that go on with them."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.openai_server import Answer, OpenAIServer, Received, bad_key, error, out_of_quota, text
from tests.promptrun_cli import KEY, Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - role: user
    content: "{{ who }} 안녕?"
cases: {file: people.csv}
"""


def echo(received: Received) -> Answer:
    return text(received.json["messages"][0]["content"])


@pytest.fixture
def people(asking: Cli, server: OpenAIServer) -> Cli:
    """A project with one spec of twenty cases, and a server that repeats what it is told."""
    asking.write("specs/greet.yaml", SPEC)
    rows = "\n".join(f"사람{number},{number}번 손님" for number in range(20))
    asking.write("specs/people.csv", f"name,who\n{rows}\n")
    server.reply = echo
    return asking


def rows(cli: Cli, query: str) -> list[tuple[object, ...]]:
    [record] = cli.records()
    with closing(sqlite3.connect(record)) as connection:
        return connection.execute(query).fetchall()


def asked_for(server: OpenAIServer) -> Counter[str]:
    return Counter(one.json["messages"][0]["content"] for one in server.requests)


def test_a_run_that_was_stopped_goes_on_with_what_it_has_not_asked(
    people: Cli, server: OpenAIServer
) -> None:
    stopped = people("specs", "--max-requests", "7", "-j", "2")

    assert stopped.code == 3
    assert "`--max-requests 7` is reached" in stopped.err
    assert "--run " in stopped.err
    assert len(server.requests) == 7
    assert rows(people, "SELECT state, exit_code FROM run") == [("stopped", 3)]

    resumed = people("specs", "--resume")

    assert resumed.code == 0
    assert len(server.requests) == 20
    assert set(asked_for(server).values()) == {1}
    assert rows(people, "SELECT state, exit_code FROM run") == [("finished", 0)]
    assert rows(people, "SELECT count(*), count(DISTINCT id) FROM cases") == [(20, 20)]
    assert rows(people, "SELECT count(*), count(DISTINCT case_id) FROM replies") == [(20, 20)]


def test_the_command_that_is_told_goes_on(people: Cli, server: OpenAIServer) -> None:
    stopped = people("specs", "--max-requests", "7", "-j", "2")
    [command] = re.findall(r"promptrun (.* --run \S+)", stopped.err)

    assert people(*command.replace("--max-requests 7", "").split()).code == 0
    assert len(server.requests) == 20


def test_a_run_that_ended_is_gone_on_with_where_cases_got_no_reply(
    people: Cli, server: OpenAIServer
) -> None:
    server.reply = lambda received: (
        error(400, "오늘은 쉽니다") if "7번" in received.body.decode() else echo(received)
    )
    assert people("specs").code == 3
    server.reply = echo
    server.requests.clear()

    ran = people("specs", "--resume")

    assert ran.code == 0
    assert sorted(asked_for(server)) == ["17번 손님 안녕?", "7번 손님 안녕?"]


@pytest.mark.parametrize("final", [bad_key(), out_of_quota()], ids=["a wrong key", "no quota"])
def test_what_every_request_would_meet_stops_the_run(
    people: Cli, server: OpenAIServer, final: Answer
) -> None:
    server.script.extend([text("0번 손님 안녕?"), final, *[final] * 3])

    ran = people("specs", "-j", "2")

    assert ran.code == 3
    assert len(server.requests) <= 4
    assert ran.err.count("(status 4") == 1
    assert people.files("snapshots") == ["snapshots/greet/사람0.yaml"]
    server.script.clear()
    assert people("specs", "--resume").code == 0
    assert asked_for(server)["0번 손님 안녕?"] == 1


def test_a_request_that_moved_is_asked_again(people: Cli, server: OpenAIServer) -> None:
    people("specs", "--max-requests", "5", "-j", "1", "--update", "none")
    people.write("specs/greet.yaml", SPEC.replace("안녕?", "잘 가!"))
    server.requests.clear()

    people("specs", "--resume", "--update", "none")

    assert len(server.requests) == 20


def test_only_a_run_over_the_same_paths_is_gone_on_with(people: Cli, server: OpenAIServer) -> None:
    people("specs/greet.yaml::사람3")

    ran = people("specs", "--resume")

    assert ran.code == 2
    assert "no run over these paths is recorded" in ran.err
    assert len(server.requests) == 1


def test_paths_are_the_same_however_they_are_typed(people: Cli, server: OpenAIServer) -> None:
    people("specs", "--max-requests", "5", "-j", "1")

    assert people(".", "--resume", cwd=people.folder / "specs").code == 0
    assert len(server.requests) == 20


def test_another_run_is_named_by_its_id(people: Cli, server: OpenAIServer) -> None:
    people("specs", "--max-requests", "5", "-j", "1", "--update", "none")
    [first] = people.records()
    people("specs/greet.yaml::사람3", "--update", "none")
    server.requests.clear()

    assert people("specs", "--run", first.stem, "--update", "new").code == 0
    assert len(server.requests) == 15


def test_samples_that_came_are_not_asked_for_again(people: Cli, server: OpenAIServer) -> None:
    people.write("specs/greet.yaml", SPEC + "samples: 3\n")
    people.write("specs/people.csv", "name,who\n하나,1번\n둘,2번\n")
    people("specs", "--max-requests", "4", "-j", "1")
    assert len(server.requests) == 4

    ran = people("specs", "--resume")

    assert ran.code == 0
    assert asked_for(server) == {"1번 안녕?": 3, "2번 안녕?": 3}


def test_fail_fast_ends_at_the_first_case_that_is_not_well(
    people: Cli, server: OpenAIServer
) -> None:
    people.write("specs/greet.yaml", SPEC + "expect: [{contains: 3번, not: true}]\n")

    ran = people("specs", "--fail-fast", "-j", "1")

    assert ran.code == 1
    assert len(server.requests) == 4
    assert "`--fail-fast`: `specs/greet.yaml::사람3` is `failed`" in ran.err


def test_fail_fast_ends_a_run_that_has_nothing_to_send(people: Cli, server: OpenAIServer) -> None:
    people("specs")
    people.write("specs/greet.yaml", SPEC + "expect: [{contains: 3번, not: true}]\n")
    server.requests.clear()

    ran = people("specs", "--changed", "--fail-fast", "--json")

    assert ran.code == 1
    assert len(ran.out.splitlines()) < 20
    assert not server.requests


def test_every_case_of_a_run_that_sends_little_is_in_its_record(
    people: Cli, server: OpenAIServer
) -> None:
    def write(last: str) -> None:
        lines = "\n".join(f"사람{number},{number}번" for number in range(1100))
        people.write("specs/people.csv", f"name,who\n{lines}\n마지막,{last}\n")

    write("하나")
    assert people("specs", "-q").code == 0
    people.records()[0].unlink()
    server.requests.clear()
    write("둘")

    assert people("specs", "--changed", "-q", "--update", "all").code == 0
    assert len(server.requests) == 1
    assert rows(people, "SELECT count(*) FROM cases") == [(1101,)]


def test_a_run_whose_provider_could_not_start_is_gone_on_with(
    people: Cli, server: OpenAIServer
) -> None:
    people("specs", "--max-requests", "3", "-j", "1")
    failed = people("specs", "--resume", HTTP_PROXY="foo://bar", OPENAI_BASE_URL="http://x.invalid")

    assert failed.code == 3
    assert people("specs", "--resume").code == 0
    assert len(server.requests) == 20


def test_the_record_names_the_versions(people: Cli) -> None:
    people("specs/greet.yaml::사람1")

    [(meta,)] = rows(people, "SELECT meta FROM run")
    assert '"openai":"' in str(meta)


def test_fail_fast_ends_a_replay_too(people: Cli) -> None:
    people("specs")
    people.write("specs/greet.yaml", SPEC + "expect: [{contains: 3번, not: true}]\n")

    ran = people("specs", "--replay", "--fail-fast", "--json")

    assert ran.code == 1
    assert len(ran.out.splitlines()) == 4


def test_a_cost_is_a_limit(people: Cli, server: OpenAIServer) -> None:
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000}
    whole = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "usage": usage,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "안녕!"},
            }
        ],
    }
    import json

    server.reply = Answer(body=json.dumps(whole).encode())

    ran = people("specs", "--max-cost", "0.5", "-j", "1")

    assert ran.code == 3
    assert "`--max-cost 0.5` is reached" in ran.err
    assert len(server.requests) == 3  # at 15 cents each
    costs = rows(people, "SELECT cost FROM replies")
    assert costs == [(0.15,)] * 3


def test_the_first_request_goes_alone_where_a_cost_is_limited(
    people: Cli, server: OpenAIServer
) -> None:
    people.write("specs/greet.yaml", SPEC.replace("gpt-4o-mini", "my-own-model"))

    assert people("specs", "--max-cost", "0.5", "-j", "16").code == 3
    assert len(server.requests) == 1


def test_a_run_over_other_paths_is_not_gone_on_with(people: Cli, server: OpenAIServer) -> None:
    people.write("specs/other.yaml", SPEC)
    people("specs/other.yaml")
    [record] = people.records()

    ran = people("specs/greet.yaml", "--run", record.stem)

    assert ran.code == 2
    assert "was not over `specs/greet.yaml`" in ran.err
    assert "`specs/other.yaml`" in ran.err


def test_a_part_of_a_run_can_be_gone_on_with(people: Cli, server: OpenAIServer) -> None:
    people("specs", "--max-requests", "5", "-j", "1", "--update", "none")
    [record] = people.records()

    assert people("specs/greet.yaml::사람9", "--run", record.stem).code == 0
    assert len(server.requests) == 6


def test_a_project_that_keeps_no_records_goes_on_with_none(
    people: Cli, server: OpenAIServer
) -> None:
    people("specs", "--max-requests", "5", "-j", "1")
    people.write("promptrun.toml", "[runs]\nrecord = false\n")

    ran = people("specs", "--resume")

    assert ran.code == 2
    assert "this project keeps none" in ran.err
    assert len(server.requests) == 5


def test_the_failures_behind_a_stop_are_told(people: Cli, server: OpenAIServer) -> None:
    server.reply = error(500, "오늘은 쉽니다")

    ran = people("specs", "--max-requests", "4", "-j", "2")

    assert ran.code == 3
    assert "오늘은 쉽니다" in ran.err
    assert rows(people, "SELECT sum(attempts) FROM replies") == [(4,)]


def test_a_stream_that_does_not_say_what_it_took_is_told_from_a_price_that_nobody_knows(
    people: Cli, server: OpenAIServer
) -> None:
    people.write("specs/greet.yaml", f"stream: true\n{SPEC}")

    ran = people("specs", "--max-cost", "0.5")

    assert ran.code == 3
    assert "the server does not say what a reply took" in ran.err
    assert "`stream_options: {include_usage: true}`" in ran.err


def test_a_cost_that_nobody_knows_is_no_limit_that_could_be_kept(
    people: Cli, server: OpenAIServer
) -> None:
    people.write("specs/greet.yaml", SPEC.replace("gpt-4o-mini", "my-own-model"))

    ran = people("specs", "--max-cost", "0.5", "-j", "1")

    assert ran.code == 3
    assert "nobody knows what `my-own-model` costs" in ran.err
    assert len(server.requests) <= 2


def start(people: Cli, server: OpenAIServer, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url}
    return subprocess.Popen(
        [sys.executable, "-c", "from promptrun.cli import main; main()", *arguments],
        cwd=people.folder,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(server: OpenAIServer, answered: int) -> None:
    until = time.monotonic() + 20
    while server.answered < answered and time.monotonic() < until:
        time.sleep(0.005)


@pytest.mark.parametrize("at", [1, 9, 16])
def test_a_killed_run_loses_nothing_that_was_answered(
    people: Cli, server: OpenAIServer, at: int
) -> None:
    server.reply = lambda received: text(received.json["messages"][0]["content"], delay=0.05)
    process = start(people, server, "specs", "-j", "3")
    wait_for(server, at)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    server.wait_idle()
    paid = len(server.requests)
    time.sleep(1.2)  # what the process left unfinished may be swept then

    assert people("specs", "--resume").code == 0
    assert len(server.requests) - 20 <= 3
    assert len(server.requests) > paid
    assert rows(people, "SELECT count(*), count(DISTINCT id) FROM cases") == [(20, 20)]
    assert rows(people, "SELECT count(*), count(DISTINCT case_id) FROM replies") == [(20, 20)]
    assert len(people.files("snapshots")) == 20


def test_ctrl_c_lets_what_is_under_way_come_and_tells_how_to_go_on(
    people: Cli, server: OpenAIServer
) -> None:
    server.reply = lambda received: text(received.json["messages"][0]["content"], delay=0.2)
    process = start(people, server, "specs", "-j", "3")
    wait_for(server, 4)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "Traceback" not in err
    assert "--run " in err
    answered = rows(people, "SELECT count(*) FROM replies WHERE raw IS NOT NULL")
    assert answered == [(len(server.requests),)]
    assert rows(people, "SELECT state, exit_code FROM run") == [("interrupted", 130)]
    assert people("specs", "--resume").code == 0
    assert len(server.requests) == 20


def test_a_run_that_nobody_reads_any_more_stops(people: Cli, server: OpenAIServer) -> None:
    rows = "\n".join(f"사람{number},{number}번 손님" for number in range(400))
    people.write("specs/people.csv", f"name,who\n{rows}\n")
    server.reply = lambda received: text(received.json["messages"][0]["content"], delay=0.02)
    process = start(people, server, "specs", "-j", "4", "--json")
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()

    assert process.wait(20) == 3
    assert "nobody reads what the run says any more" in err
    assert len(server.requests) < 200


def test_two_runs_at_once_never_overwrite_what_the_other_accepted(
    people: Cli, server: OpenAIServer
) -> None:
    def both(_: Received) -> Answer:
        # While the first reply is on its way, another run accepts one.
        if len(server.requests) == 1:
            assert people_again.wait(20) == 0
        return text(f"대답 {len(server.requests)}")

    people.write("specs/people.csv", "name,who\n하나,1번\n")
    with OpenAIServer(text("다른 대답")) as other:
        server.reply = both
        people_again = start(people, other, "specs")
        ran = people("specs")
        people_again.communicate()

    assert ran.code == 3
    assert "was written meanwhile, by another run" in ran.err
    assert "다른 대답" in people.read("snapshots/greet/하나.yaml")
