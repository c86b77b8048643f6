"""Judges and Python checks from the command line: who is asked, what is kept, what is allowed."""

from __future__ import annotations

import json
import re

import pytest

from tests.openai_server import Answer, OpenAIServer, Received, error, text
from tests.promptrun_cli import Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - role: user
    content: 할머니께 인사해 주세요.
temperature: 0
expect:
  - judge: 존댓말로 인사한다
"""
RULE = "judge: 존댓말로 인사한다"
SNAPSHOT = "snapshots/greet/default.yaml"


def is_judge(received: Received) -> bool:
    return "You judge" in received.json["messages"][0]["content"]


def judging(score: float, reason: str, reply: str = "할머니, 안녕하세요?") -> Answer | object:
    def answer(received: Received) -> Answer:
        if is_judge(received):
            return text(json.dumps({"reason": reason, "score": score}, ensure_ascii=False))
        return text(reply)

    return answer


@pytest.fixture
def project(asking: Cli) -> Cli:
    asking.write("specs/greet.yaml", SPEC)
    return asking


def test_a_judge_is_asked_and_its_reason_is_shown_and_kept(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = judging(1, "높임말을 썼다.")  # type: ignore[assignment] # it is a function

    ran = project("specs/greet.yaml")

    assert ran.code == 0
    assert "judge: score 1: 높임말을 썼다." in ran.err
    kept = project.read(SNAPSHOT)
    assert re.search(
        r"judgements:\n    - key: \w+\n      score: 1.0\n      reason: 높임말을 썼다", kept
    )
    [asked] = [one.json for one in server.requests if is_judge(one)]
    assert asked["model"] == "gpt-4o-mini"
    question = json.loads(asked["messages"][-1]["content"])
    assert question["rubric"] == "존댓말로 인사한다"
    assert question["reply"] == "할머니, 안녕하세요?"


def test_a_low_score_breaks_the_rule(project: Cli, server: OpenAIServer) -> None:
    server.reply = judging(0.2, "반말이다.", reply="할머니 안녕")  # type: ignore[assignment] # as above

    ran = project("specs/greet.yaml")

    assert ran.code == 1
    assert "broken: judge in choice 1\n" in ran.err
    assert "expected: `존댓말로 인사한다` (at least 0.5)" in ran.err
    assert "found:    score 0.2: 반말이다." in ran.err


def test_a_replay_believes_the_judgement_that_is_kept(project: Cli, server: OpenAIServer) -> None:
    server.reply = judging(1, "높임말을 썼다.")  # type: ignore[assignment] # as above
    project("specs/greet.yaml")
    server.requests.clear()

    ran = project("specs/greet.yaml", "--replay")

    assert ran.code == 0
    assert "judge: score 1: 높임말을 썼다." in ran.err
    project.write("specs/greet.yaml", SPEC.replace("존댓말", "반말"))
    assert "judge: not judged, " in project("specs/greet.yaml", "--replay").err
    assert not server.requests


def test_a_judge_that_fails_is_an_error_and_not_a_verdict(
    project: Cli, server: OpenAIServer
) -> None:
    def answer(received: Received) -> Answer:
        return error(400, "no judges today") if is_judge(received) else text("안녕하세요")

    server.reply = answer

    ran = project("specs/greet.yaml")

    assert ran.code == 3
    assert "no judges today" in ran.err
    assert not project.files("snapshots")
    assert project.files(".promptrun/pending")


def test_a_judge_has_a_spec_of_its_own(project: Cli, server: OpenAIServer) -> None:
    project.write(
        "specs/greet.yaml",
        SPEC.replace("judge: 존댓말로 인사한다", "judge: {spec: judges/_polite.yaml}"),
    )
    project.write(
        "specs/judges/_polite.yaml",
        "model: gpt-4o\nmessages:\n  - role: system\n    content: You judge politeness in json.\n"
        "  - role: user\n    content: '{{ reply }}'\nresponse_format: {type: json_object}\n",
    )
    server.reply = judging(0.9, "정중하다.")  # type: ignore[assignment] # as above

    ran = project("specs/")

    assert ran.code == 0
    [asked] = [one.json for one in server.requests if is_judge(one)]
    assert asked["model"] == "gpt-4o"
    assert asked["messages"][-1]["content"] == "할머니, 안녕하세요?"


def test_equal_samples_are_judged_once(project: Cli, server: OpenAIServer) -> None:
    project.write("specs/greet.yaml", SPEC + "samples: 6\n")
    server.reply = judging(1, "높임말을 썼다.")  # type: ignore[assignment] # as above

    ran = project("specs/greet.yaml")

    assert ran.code == 0
    assert sum(map(is_judge, server.requests)) == 1
    assert len(server.requests) == 7


def test_a_judgement_is_taken_from_the_record(project: Cli, server: OpenAIServer) -> None:
    server.reply = judging(0.6, "괜찮다.")  # type: ignore[assignment] # as above
    project("specs/greet.yaml", "--update", "none")
    server.requests.clear()
    stricter = SPEC.replace(
        "judge: 존댓말로 인사한다", "judge: {rubric: 존댓말로 인사한다, threshold: 0.7}"
    )
    project.write("specs/greet.yaml", stricter)

    ran = project("specs/greet.yaml", "--again", "last")

    assert ran.code == 1
    assert "found:    score 0.6: 괜찮다." in ran.err
    assert not server.requests


def test_a_judge_may_stand_at_another_provider(project: Cli, server: OpenAIServer) -> None:
    project.write(
        "promptrun.toml",
        f'[providers.judges]\nbase_url = "{server.base_url}"\n',
    )
    project.write(
        "specs/greet.yaml", SPEC.replace("judge: 존댓말로 인사한다", "judge: {spec: _judge.yaml}")
    )
    project.write(
        "specs/_judge.yaml",
        "provider: judges\nmodel: j\nmessages:\n  - role: system\n    content: You judge json.\n",
    )
    server.reply = judging(1, "좋다.")  # type: ignore[assignment] # as above

    ran = project("specs/greet.yaml")

    assert (ran.code, "judge: score 1: 좋다." in ran.err) == (0, True), ran.err
    [asked] = [one for one in server.requests if is_judge(one)]
    assert "authorization" not in asked.headers


CHECKS = """\
def is_polite(text, context):
    print("looking at", context.case)
    return text.endswith("요?") or f"{text!r} is not polite"
"""


def test_a_check_in_python_runs_once_it_is_trusted(project: Cli, server: OpenAIServer) -> None:
    project.write(
        "specs/greet.yaml", SPEC.replace("judge: 존댓말로 인사한다", "python: checks.py:is_polite")
    )
    project.write("specs/checks.py", CHECKS)
    project.write("promptrun.toml", "allow_python = true\n")
    server.script.extend([text("안녕하세요?"), text("안녕")])
    assert project("specs/greet.yaml").code == 2
    assert not server.requests
    assert project("trust", "--yes").code == 0

    ran = project("specs/greet.yaml")

    assert ran.code == 0
    assert ran.out == "안녕하세요?\n"
    assert "looking at default" in ran.err
    broken = project("specs/greet.yaml")
    assert broken.code == 1
    assert "'안녕' is not polite" in broken.err


def test_checking_a_spec_of_a_stranger_needs_no_trust(project: Cli) -> None:
    project.write(
        "specs/greet.yaml", SPEC.replace("judge: 존댓말로 인사한다", "python: checks.py:is_polite")
    )
    project.write("specs/checks.py", f"{CHECKS}\nraise SystemExit('it was run')\n")

    assert project("check", "specs/").code == 0


def test_another_prompt_of_the_judge_is_another_judgement(
    project: Cli, server: OpenAIServer
) -> None:
    judge = (
        "model: gpt-4o\nmessages:\n  - {role: system, content: You judge in json.}\n"
        "vars: {guide: {file: guide.md}}\n"
    )
    project.write("specs/guide.md", "친절하게")
    project.write("specs/greet.yaml", SPEC.replace(RULE, "judge: {spec: _judge.yaml}"))
    project.write("specs/_judge.yaml", judge)
    server.reply = judging(1, "좋다.")  # type: ignore[assignment] # it is a function
    project("specs/greet.yaml")
    project.write("specs/_judge.yaml", judge.replace("in json", "strictly in json"))

    assert "not judged" in project("specs/greet.yaml", "--replay").err
    project.write("specs/_judge.yaml", judge)
    assert "judge: score 1" in project("specs/greet.yaml", "--replay").err


def test_a_judgement_that_a_snapshot_lacks_is_added_to_it(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("specs/greet.yaml", SPEC.partition("expect:")[0])
    server.reply = judging(0.9, "정중하다.")  # type: ignore[assignment] # as above
    project("specs/greet.yaml")
    before = project.read(SNAPSHOT)
    project.write("specs/greet.yaml", SPEC)
    assert "not judged" in project("specs/greet.yaml", "--replay").err

    assert project("specs/greet.yaml", CI="true").code == 0
    assert project.read(SNAPSHOT) == before
    assert project("specs/greet.yaml").code == 0

    assert project.read(SNAPSHOT).startswith(before)
    assert "judge: score 0.9: 정중하다." in project("specs/greet.yaml", "--replay").err


def test_changed_asks_a_judge_that_has_not_judged_the_accepted_reply(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("specs/greet.yaml", SPEC.partition("expect:")[0])
    server.reply = judging(0.1, "반말이다.")  # type: ignore[assignment] # as above
    project("specs/greet.yaml")
    project.write("specs/greet.yaml", SPEC)
    server.requests.clear()

    ran = project("specs/greet.yaml", "--changed")

    assert ran.code == 1
    assert "found:    score 0.1: 반말이다." in ran.err
    assert [is_judge(one) for one in server.requests] == [True]


def test_a_recorded_reply_that_nobody_judged_by_todays_rubric_is_an_error(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = judging(0.1, "반말이다.")  # type: ignore[assignment] # as above
    assert project("specs/greet.yaml").code == 1
    project.write("specs/greet.yaml", SPEC.replace("존댓말로", "반갑게"))

    ran = project("specs/greet.yaml", "--again", "last")

    assert ran.code == 3
    assert "nobody has judged this reply by today's rule" in ran.err
    assert not project.files("snapshots")


def test_the_defaults_of_a_project_are_not_about_the_judge(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("promptrun.toml", '[defaults.parameters]\nstop = ["."]\nn = 2\n')
    server.reply = judging(1, "좋다.")  # type: ignore[assignment] # as above

    project("specs/greet.yaml", "--update", "none")

    [asked] = [one.json for one in server.requests if is_judge(one)]
    assert not {"stop", "n"} & asked.keys()


def test_the_rows_of_a_data_file_may_fill_in_what_a_judge_reads(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("promptrun.toml", f'[providers.judges]\nbase_url = "{server.base_url}"\n')
    rule = 'judge: {rubric: "about {{ topic }}", spec: _judge.yaml}'
    project.write("specs/greet.yaml", SPEC.replace(RULE, rule) + "cases: {file: topics.csv}\n")
    project.write("specs/topics.csv", "name,topic\n하나,봄\n둘,여름\n")
    judge = "model: j\nmessages:\n  - {role: system, content: 'You judge json: {{ rubric }}'}\n"
    project.write("specs/_judge.yaml", f"provider: judges\n{judge}")
    server.reply = judging(1, "좋다.")  # type: ignore[assignment] # as above

    ran = project("specs/greet.yaml")

    assert ran.code == 0, ran.err
    asked = [one.json["messages"][0]["content"] for one in server.requests if is_judge(one)]
    assert sorted(asked) == ["You judge json: about 봄", "You judge json: about 여름"]


def test_accepted_replies_are_counted_by_the_judgements_that_came_with_them(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("specs/greet.yaml", SPEC + "samples: 10\ncompare: {mode: none}\n")
    said = iter(
        ["좋은 인사"] * 8
        + ["나쁜 인사"] * 2
        + ["좋은 말"] * 2
        + ["나쁜 인사"] * 8
        + ["나쁜 인사"] * 10
    )

    def answer(received: Received) -> Answer:
        if not is_judge(received):
            return text(next(said))
        reply = json.loads(received.json["messages"][-1]["content"])["reply"]
        score = 1 if reply.startswith("좋은") else 0
        return text(json.dumps({"reason": "그렇다", "score": score}))

    server.reply = answer
    project("specs/greet.yaml", "-j", "1")

    ran = project("specs/greet.yaml", "-j", "1")

    assert ran.code == 1
    assert "before by 8 of 10" in ran.err
    assert project.read(SNAPSHOT).count("- key:") == 2


@pytest.mark.parametrize("place", [0, 5], ids=["the first reply", "another one"])
def test_a_judge_that_fails_for_one_sample_is_an_error_whichever_it_is(
    place: int, project: Cli, server: OpenAIServer
) -> None:
    project.write("specs/greet.yaml", SPEC + "samples: 6\n")
    said = iter(["이상한 말" if at == place else "안녕하세요?" for at in range(6)])

    def answer(received: Received) -> Answer:
        if not is_judge(received):
            return text(next(said))
        reply = json.loads(received.json["messages"][-1]["content"])["reply"]
        return text("음…" if reply == "이상한 말" else '{"reason": "그렇다", "score": 1}')

    server.reply = answer

    ran = project("specs/greet.yaml", "-j", "1")

    assert ran.code == 3
    assert "the judge gave no JSON: 음…" in ran.err
    assert not project.files("snapshots")


def test_a_judge_that_is_not_there_is_a_mistake_for_check(project: Cli) -> None:
    project.write("specs/greet.yaml", SPEC.replace(RULE, "judge: {spec: _judge.yaml}"))

    ran = project("check", "specs/")

    assert ran.code == 2
    assert "the judge cannot be used: no file `_judge.yaml`" in ran.err


def test_judges_at_another_provider_are_asked_while_cases_still_begin(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("promptrun.toml", f'[providers.judges]\nbase_url = "{server.base_url}"\n')
    rows = "name\n" + "".join(f"c{number}\n" for number in range(40))
    project.write("specs/rows.csv", rows)
    project.write(
        "specs/greet.yaml",
        SPEC.replace(RULE, "judge: {spec: _judge.yaml}") + "cases: {file: rows.csv}\n",
    )
    judge = "model: j\nmessages:\n  - {role: system, content: You judge json.}\n"
    project.write("specs/_judge.yaml", f"provider: judges\n{judge}")
    server.reply = judging(1, "좋다.")  # type: ignore[assignment] # it is a function

    ran = project("specs/greet.yaml", "-j", "2")

    assert ran.code == 0, ran.err
    order = [is_judge(received) for received in server.requests]
    assert order.count(True) == order.count(False) == 40
    # A few rounds of two providers, and not one whole run of each.
    assert order.index(True) <= 12
    assert len(project.files("snapshots")) == 40
