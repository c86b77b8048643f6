"""N samples of a case: the set that is kept, and how a later set is judged."""

from __future__ import annotations

import json
import re
from itertools import cycle
from pathlib import Path

import pytest

from tests.openai_server import Answer, OpenAIServer, Received, error, text
from tests.promptrun_cli import Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - role: user
    content: 색 이름을 하나 말해 주세요.
samples: 10
"""
SNAPSHOT = "snapshots/colour/default.yaml"
PENDING = ".promptrun/pending/snapshots/colour/default.yaml"


def saying(*texts: str) -> list[Answer]:
    return [text(one) for one in texts]


COMMON = saying(*["빨강"] * 6, *["파랑"] * 4)
SIMILAR = saying(*["빨강"] * 5, *["파랑"] * 4, "초록")
OTHER = saying(*["I cannot name a colour."] * 10)


@pytest.fixture
def asked(asking: Cli, server: OpenAIServer) -> OpenAIServer:
    """A project with one sampled spec, whose set of six and four is accepted."""
    asking.write("specs/colour.yaml", SPEC)
    server.script.extend(COMMON)
    assert asking("specs/colour.yaml").code == 0
    server.requests.clear()
    return server


def test_the_accepted_set_keeps_each_reply_once_with_its_count(
    cli: Cli, asked: OpenAIServer
) -> None:
    kept = cli.read(SNAPSHOT)

    assert (
        kept.partition("reply:")[2]
        == """
  model: gpt-4o-mini
  system_fingerprint: fp_loopback
  samples:
    - count: 6
      choices:
        - finish_reason: stop
          content: 빨강
    - count: 4
      choices:
        - finish_reason: stop
          content: 파랑
  expectations:
    - rule: finish_reason stop or tool_calls or function_call
      kept: 10
    - rule: refusal an answer
      kept: 10
"""
    )


def test_replies_are_printed_once_with_how_often_they_came(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend(COMMON)

    ran = cli("specs/colour.yaml")

    assert ran.out == "--- 6 of 10\n빨강\n--- 4 of 10\n파랑\n"
    assert ran.code == 0


def test_a_set_that_varies_as_before_passes_and_asks_no_more(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend(SIMILAR)
    before = cli.files("snapshots")

    ran = cli("specs/colour.yaml")

    assert ran.code == 0
    assert "passed  specs/colour.yaml::default  openai, 10 replies" in ran.err
    assert "10 replies against 10 accepted: nothing tells them apart (p " in ran.err
    assert len(asked.requests) == 10
    assert cli.files("snapshots") == before
    assert "초록" not in cli.read(SNAPSHOT)


def test_a_change_must_recur_in_fresh_replies(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend([*OTHER, *OTHER])

    ran = cli("specs/colour.yaml")

    assert ran.code == 1
    assert "changed (reply)  specs/colour.yaml::default" in ran.err
    assert "10 replies against 10 accepted: they differ (p 1e-05), effect" in ran.err
    assert "10 fresh replies: they differ again (p 1e-05)" in ran.err
    assert "typical, accepted\n    - 빨강\n    - 파랑\n" in ran.err
    assert "typical, now\n    + I cannot name a colour.\n" in ran.err
    assert len(asked.requests) == 20
    assert "count: 10" in cli.read(PENDING)


def test_an_alarm_that_does_not_recur_passes(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend([*OTHER, *COMMON])

    ran = cli("specs/colour.yaml")

    assert ran.code == 0
    assert "10 fresh replies: not so in fresh ones: no change (p 1)" in ran.err
    assert not cli.files(".promptrun/pending")


def test_the_verdict_of_a_run_says_how_many_false_alarms_chance_would_make(
    cli: Cli, asked: OpenAIServer
) -> None:
    asked.script.extend(COMMON)

    told = re.search(r"taken for changed in (0\.\d+) % of runs", cli("specs/colour.yaml").err)

    assert told
    assert 0.8 < float(told[1]) < 1


def test_the_false_alarms_of_several_cases_add_up(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    names = "".join(f"  - name: c{n}\n" for n in range(12))
    cli.write("specs/colour.yaml", f"{SPEC}cases:\n{names}")
    server.reply = text("빨강")
    cli("specs/colour.yaml")

    assert "by chance alone, 0.11 of these 12 sampled cases" in cli("specs/colour.yaml").err


def test_accepting_takes_the_set_that_confirmed_the_change(cli: Cli, asked: OpenAIServer) -> None:
    fresh = saying(*["I cannot name a colour."] * 9, "No colour.")
    asked.script.extend([*OTHER, *fresh])
    cli("specs/colour.yaml")

    assert cli("accept").code == 0
    assert "No colour." in cli.read(SNAPSHOT)
    asked.script.extend(fresh)
    assert cli("specs/colour.yaml").code == 0


def test_a_request_that_moved_is_changed_without_a_second_look(
    cli: Cli, asked: OpenAIServer
) -> None:
    cli.write("specs/colour.yaml", SPEC.replace("하나", "둘"))
    asked.script.extend(OTHER)

    ran = cli("specs/colour.yaml")

    assert ran.code == 1
    assert "changed (prompt, reply)  specs/colour.yaml::default" in ran.err
    assert "they differ (p 1e-05)" in ran.err
    assert len(asked.requests) == 10


def test_a_rule_that_fewer_replies_keep_is_a_change(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    cli.write(
        "specs/colour.yaml",
        SPEC + "expect: [{contains: 색}]\ncompare: {mode: none}\n",
    )
    server.reply = text("빨간 색")
    cli("specs/colour.yaml")
    poor = saying(*["빨간 색"] * 2, *["빨강"] * 8)
    server.script.extend([*poor, *poor])

    ran = cli("specs/colour.yaml")

    assert ran.code == 1
    assert "changed (reply)" in ran.err
    assert "contains `색`: kept by 2 of 10 (6–51 %), before by 10 of 10 (72–100 %): p" in ran.err
    assert "fewer than before" in ran.err
    assert "kept: 2" in cli.read(PENDING)


def test_a_share_is_an_absolute_rule(cli: Cli, asking: Cli, server: OpenAIServer) -> None:
    cli.write("specs/colour.yaml", SPEC + "expect: [{contains: 빨강, at_least: 0.7}]\n")
    server.script.extend(COMMON)

    ran = cli("specs/colour.yaml")

    assert ran.code == 1
    assert "failed  specs/colour.yaml::default" in ran.err
    assert "expected: `빨강`, by at least 70 % of the replies" in ran.err
    assert "found:    kept by 6 of 10; one that broke it: no `빨강` in `파랑`" in ran.err
    assert not cli.files("snapshots")


def test_a_rule_that_no_reply_keeps_is_broken(cli: Cli, asking: Cli, server: OpenAIServer) -> None:
    cli.write("specs/colour.yaml", SPEC + "expect: [{contains: 초록}]\n")
    server.script.extend(COMMON)

    ran = cli("specs/colour.yaml")

    assert ran.code == 1
    assert "kept by 0 of 10" in ran.err


def test_a_rule_that_some_replies_keep_is_counted(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    cli.write("specs/colour.yaml", SPEC + "expect: [{contains: 빨강}]\n")
    server.script.extend(COMMON)

    ran = cli("specs/colour.yaml")

    assert ran.code == 0
    assert "contains `빨강`: kept by 6 of 10 (31–83 %)" in ran.err


def test_the_option_judges_and_writes_nothing(cli: Cli, asked: OpenAIServer) -> None:
    asked.reply = OTHER[0]

    ran = cli("specs/colour.yaml", "--samples", "12")

    assert ran.code == 1
    assert len(asked.requests) == 24
    assert not cli.files(".promptrun/pending")


def test_a_set_that_is_too_small_says_how_many_would_do(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    cli.write("specs/colour.yaml", SPEC.replace("10", "2"))
    server.script.extend(saying("빨강", "파랑", "빨강", "파랑"))
    cli("specs/colour.yaml")

    ran = cli("specs/colour.yaml")

    assert ran.code == 0
    assert "sets of these sizes can never differ enough for an alarm at 0.05" in ran.err
    assert "would do" in ran.err


def test_a_single_accepted_reply_has_to_become_a_set_first(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    cli.write("specs/colour.yaml", SPEC.replace("samples: 10\n", ""))
    server.reply = text("빨강")
    cli("specs/colour.yaml")
    cli.write("specs/colour.yaml", SPEC)

    ran = cli("specs/colour.yaml")

    assert ran.code == 1
    assert "    samples\n      - 1 reply\n      + 10 replies: a set to judge by\n" in ran.err
    assert cli("accept").code == 0
    assert cli("specs/colour.yaml").code == 0


def test_one_reply_passes_against_a_set_that_holds_it(cli: Cli, asked: OpenAIServer) -> None:
    cli.write("specs/colour.yaml", SPEC.replace("samples: 10\n", ""))
    asked.script.extend(saying("파랑", "초록"))

    assert cli("specs/colour.yaml").code == 0
    assert cli("specs/colour.yaml").code == 1


def test_a_replay_judges_the_accepted_set_anew(cli: Cli, asked: OpenAIServer) -> None:
    assert cli("specs/colour.yaml", "--replay").code == 0
    cli.write("specs/colour.yaml", SPEC + "expect: [{contains: 빨강, at_least: 0.7}]\n")

    ran = cli("specs/colour.yaml", "--replay")

    assert ran.code == 1
    assert "kept by 6 of 10" in ran.err
    assert not asked.requests


def test_a_sample_that_does_not_come_is_an_error_of_its_case(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend([*COMMON[:9], error(400, "no")])

    ran = cli("specs/colour.yaml")

    assert ran.code == 3
    assert "1 of 10 replies did not come" in ran.err


def test_json_has_the_samples_and_their_statistics(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend([*OTHER, *OTHER])

    result = json.loads(cli("specs/colour.yaml", "--json").out)

    assert len(result["samples"]) == 10
    statistics = result["statistics"]
    assert (statistics["before"], statistics["now"], statistics["alarm"]) == (10, 10, True)
    assert statistics["replies"]["p"] < 0.001
    assert statistics["second"]["alarm"]


def test_a_verdict_depends_on_its_case_alone(cli: Cli, asking: Cli, server: OpenAIServer) -> None:
    others = "".join(f"  - {{name: c{n}, vars: {{x: '{n}'}}}}\n" for n in range(20))
    spec = SPEC.replace("하나", "{{ x }}") + f"cases:\n{others}"
    cli.write("specs/colour.yaml", spec)
    moving = cycle(["빨강", "파랑", "초록"])

    def answer(received: Received) -> Answer:
        asked_for = received.json["messages"][0]["content"]
        return text("빨강" if " 7 " in asked_for else next(moving))

    server.reply = answer
    cli("specs/")

    def verdict(*options: str) -> object:
        lines = cli(*options, "--json", "-j", "1").out.splitlines()
        found = {one["case"]: one for one in map(json.loads, lines)}["c7"]
        return found["verdict"], found["statistics"]["replies"]

    assert verdict("specs/") == verdict("specs/colour.yaml::c7")


def test_a_single_reply_at_a_temperature_gets_a_hint(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    single = SPEC.replace("samples: 10\n", "temperature: 0.7\n")
    cli.write("specs/colour.yaml", single)
    server.script.extend(saying("빨강", "파랑", "빨강", "파랑"))
    cli("specs/colour.yaml")

    assert "samples: 10" in cli("specs/colour.yaml").err
    cli.write("specs/colour.yaml", single.replace("0.7", "0"))
    cli("specs/colour.yaml", "--update", "all")
    assert "samples: 10" not in cli("specs/colour.yaml").err


def test_a_merged_snapshot_of_two_forms_is_no_snapshot(cli: Cli, asked: OpenAIServer) -> None:
    cli.write(SNAPSHOT, cli.read(SNAPSHOT).replace("  samples:", "  choices: []\n  samples:"))
    asked.reply = text("빨강")

    ran = cli("specs/colour.yaml", "--replay")

    assert ran.code == 1
    assert "`reply` has both `choices` and `samples`" in ran.err


def test_a_set_that_breaks_a_rule_is_never_written_by_a_second_look(
    cli: Cli, asked: OpenAIServer
) -> None:
    cli.write("specs/colour.yaml", SPEC + "expect: [{contains: 파랑, at_least: 0.2}]\n")
    accepted = cli.read(SNAPSHOT)
    asked.script.extend([*saying(*["파랑색입니다. 예쁘지요?"] * 10), *OTHER])

    ran = cli("specs/colour.yaml", "--update", "all")

    assert ran.code == 1
    assert "failed (reply)" in ran.err
    assert "I cannot name a colour." in ran.out
    assert cli.read(SNAPSHOT) == accepted


def test_fresh_replies_that_do_not_come_confirm_an_alarm(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend([*OTHER, *[error(400, "no")] * 10])

    ran = cli("specs/colour.yaml")

    assert ran.code == 1
    assert "changed (reply)" in ran.err
    assert "no fresh replies came to confirm it" in ran.err
    assert "I cannot name a colour." in cli.read(PENDING)


def test_replies_that_came_are_shown_though_others_did_not(cli: Cli, asked: OpenAIServer) -> None:
    asked.script.extend([*COMMON[:9], error(400, "no")])

    result = json.loads(cli("specs/colour.yaml", "--json").out)

    assert result["verdict"] == "error"
    assert len(result["samples"]) == 9


def test_a_rule_that_no_reply_keeps_any_more_is_judged_against_the_accepted_set(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    cli.write("specs/colour.yaml", SPEC + "expect: [{contains: 초록}]\ncompare: {mode: none}\n")
    server.script.extend([*saying("초록", *["빨강"] * 9), *saying(*["빨강"] * 10)])
    assert cli("specs/colour.yaml").code == 0

    ran = cli("specs/colour.yaml")

    assert ran.code == 0
    assert "kept by 0 of 10 (0–28 %), before by 1 of 10 (2–40 %): p 0.5" in ran.err


def test_what_is_ignored_in_replies_is_no_warning_of_their_request(
    cli: Cli, asking: Cli, server: OpenAIServer
) -> None:
    cli.write(
        "specs/colour.yaml",
        SPEC + "compare: {mode: json, ignore: $.at, replace: {pattern: '\\d+', with: N}}\n",
    )
    server.reply = text('{"at": 5, "colour": "빨강 3"}')
    cli("specs/colour.yaml")

    ran = cli("specs/colour.yaml")

    assert ran.code == 0
    assert "selects nothing" not in ran.err
    assert "matches nothing" not in ran.err


def test_the_docs_show_what_really_comes(cli: Cli, asking: Cli, server: OpenAIServer) -> None:
    page = (Path(__file__).parents[2] / "docs/samples.md").read_text("utf-8")
    shown = page.partition("```\nchanged (reply)")[2].partition("```")[0]
    cli.write("specs/colour.yaml", SPEC + "expect: [{regex: ^(빨강|파랑|노랑)}]\n")
    first = [*["빨강입니다."] * 3, "파랑", *["초록입니다."] * 6]
    fresh = [*["빨강입니다."] * 4, *["초록입니다."] * 6]
    server.script.extend([*COMMON, *saying(*first), *saying(*fresh)])
    cli("specs/colour.yaml")

    ran = cli("specs/colour.yaml")

    # The docs show what the screen says before the hint. What was shown is the second look's rates.
    assert ran.err.partition("changed (reply)")[2].partition("hint:")[0] == shown
