"""Two runs held against each other, as they are typed and read."""

from __future__ import annotations

import json
import re
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from promptrun.models import CaseResult, Outcome, Timings, Verdict
from promptrun.pipeline.compare_runs import RunsDiff
from promptrun.runs import RecordedCase, RecordedReply
from tests.openai_server import Answer, OpenAIServer, Received, error, text
from tests.promptrun_cli import Cli, Ran
from tests.runs.examples import DIGESTS, ended, failed, keep, reply, said, start

SPEC = "specs/옛날이야기.yaml"
YAML = """\
model: gpt-4o-mini
messages: [{role: user, content: "{{ who }}의 이야기를 해 주세요."}]
expect: [{icontains: 옛날}]
cases:
  - {name: 호랑이와 곶감, vars: {who: 호랑이}}
  - {name: 견우와 직녀, vars: {who: 견우}}
  - {name: 콩쥐와 팥쥐, vars: {who: 콩쥐}}
"""
WELL = {
    "호랑이": "옛날 옛적에 호랑이가 살았다.",
    "견우": "옛날에 견우가 살았다.",
    "콩쥐": "옛날 콩쥐.",
}


def answer(server: OpenAIServer, **changed: str | Answer) -> None:
    """Say to each case what `WELL` has for it, or what is given here."""

    def say(received: Received) -> Answer:
        for who, said_of_it in (WELL | changed).items():
            if who in str(received.json):
                return text(said_of_it) if isinstance(said_of_it, str) else said_of_it
        raise AssertionError(received.json)

    server.reply = say


@pytest.fixture
def asked(asking: Cli, server: OpenAIServer) -> Cli:
    """A project that has one run in which everything was new."""
    asking.write(SPEC, YAML)
    answer(server)
    assert asking(SPEC).code == 0
    return asking


def kinds(ran: Ran) -> dict[str, str]:
    told = map(json.loads, ran.out.splitlines())
    return {one["id"].removeprefix(f"{SPEC}::"): one["kind"] for one in told}


def test_nothing_moved_between_two_equal_runs(asked: Cli) -> None:
    asked(SPEC)

    ran = asked("diff", "last~1", "last")

    assert ran.code == 0
    assert ran.err == ""
    assert ran.out.splitlines()[0] == "3 the same"


def test_each_case_is_told_with_what_it_became(asked: Cli, server: OpenAIServer) -> None:
    answer(server, 견우="견우가 살았다.", 콩쥐="옛날 팥쥐.")
    asked(SPEC)

    ran = asked("diff", "last~1", "last")

    assert ran.code == 1
    lines = ran.out.splitlines()
    assert lines[:9] == [
        f"worse    {SPEC}::견우와 직녀  new → failed",
        "  broken: icontains in choice 1",
        "    expected: `옛날`",
        "    found:    no `옛날` in `견우가 살았다.`",
        "  the reply differs",
        "    choice 1: 옛날에 견우가 살았다. → 견우가 살았다.",
        f"worse    {SPEC}::콩쥐와 팥쥐  new → changed",
        "  the reply differs",
        "    choice 1: 옛날 콩쥐. → 옛날 팥쥐.",
    ]
    assert lines[9:11] == ["", "2 got worse, 1 the same"]


def test_what_is_well_again_got_better(asked: Cli, server: OpenAIServer) -> None:
    answer(server, 견우="견우가 살았다.", 콩쥐=error(400, "no"))
    asked(SPEC)
    answer(server)
    asked(SPEC)

    ran = asked("diff", "last~1", "last", "--json")

    assert ran.code == 0
    assert kinds(ran) == {"호랑이와 곶감": "same", "견우와 직녀": "better", "콩쥐와 팥쥐": "better"}
    assert ran.err.splitlines()[0] == "2 got better, 1 the same"


def test_a_request_that_moved_is_told_though_the_reply_is_equal(
    asked: Cli, server: OpenAIServer
) -> None:
    asked.write(SPEC, YAML.replace("해 주세요", "들려 주세요"))
    asked(SPEC)
    asked(SPEC)

    assert set(kinds(asked("diff", "last~1", "last", "--json")).values()) == {"same"}
    # new → changed, since the snapshot is of another request
    assert set(kinds(asked("diff", "last~2", "last", "--json")).values()) == {"worse"}
    told = asked("diff", "last~2", "last", f"{SPEC}::견우와 직녀").out
    assert "견우의 이야기를 해 주세요. → 견우의 이야기를 들려 주세요." in told


def test_the_rules_of_the_spec_say_what_an_equal_reply_is(asked: Cli, server: OpenAIServer) -> None:
    answer(server, 콩쥐="옛날 팥쥐.")
    asked(SPEC, "--update", "all")
    asked(SPEC, "--update", "all")
    answer(server)
    asked(SPEC, "--update", "all", "--model", "gpt-4o-mini")
    assert kinds(asked("diff", "last~1", "last", "--json"))["콩쥐와 팥쥐"] == "worse"

    asked.write(SPEC, f"{YAML}compare: {{mode: shape}}\n")

    one = json.loads(asked("diff", "last~1", "last", f"{SPEC}::콩쥐와 팥쥐", "--json").out)
    assert one["differences"] == {"request": [], "reply": []}


def test_cases_of_one_run_alone_are_told(asked: Cli, server: OpenAIServer) -> None:
    asked.write(SPEC, YAML.replace("콩쥐와 팥쥐", "콩쥐팥쥐"))
    asked(SPEC)

    ran = asked("diff", "last~1", "last", "--json")

    assert (ran.code, kinds(ran)) == (
        0,
        {
            "호랑이와 곶감": "same",
            "견우와 직녀": "same",
            "콩쥐팥쥐": "added",
            "콩쥐와 팥쥐": "gone",
        },
    )


def test_latencies_tokens_and_cost_stand_side_by_side(asked: Cli) -> None:
    asked(f"{SPEC}::콩쥐와 팥쥐")

    head, *rows = asked("diff", "last~1", "last").out.splitlines()[-7:]

    assert [len(re.findall(r"\d{8}T", head)), *(row.split()[0] for row in rows)] == [
        2, "cases", "passed", "median", "p95", "tokens", "cost",
    ]  # fmt: skip
    assert rows[0].split() == ["cases", "3", "new", "1", "passed"]
    assert rows[1].split() == ["passed", "100", "%", "100", "%"]


def test_a_path_limits_it(asked: Cli, server: OpenAIServer) -> None:
    answer(server, 견우="견우가 살았다.")
    asked(SPEC)

    assert asked("diff", "last~1", "last", f"{SPEC}::콩쥐와 팥쥐").code == 0
    assert asked("diff", "last~1", "last", "specs").code == 1
    one = asked(
        "diff", "last~1", "last", "옛날이야기.yaml::견우와 직녀", cwd=asked.folder / "specs"
    )
    assert one.out.splitlines()[-8] == "1 got worse"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("last~1", "last"), "error: no run `last~1` is recorded: the oldest one is `last~0`"),
        (("last", "gone"), "error: no run `gone` is recorded in `.promptrun/runs`"),
        (("last", "last", "specs/gone.yaml"), "error: neither run has a case of what was named"),
        (("last",), "error: missing argument"),
    ],
)
def test_what_cannot_be_compared_is_an_error(
    asked: Cli, arguments: Sequence[str], message: str
) -> None:
    ran = asked("diff", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.casefold().startswith(message)


def test_a_run_is_the_same_as_itself(asked: Cli) -> None:
    ran = asked("diff", "last", "last", "--json")

    assert set(kinds(ran).values()) == {"same"}


SAMPLED = """\
model: gpt-4o-mini
messages: [{role: user, content: 색 이름을 하나 말해 주세요.}]
samples: 10
expect: [{contains: 색}]
"""


RATES = "kept by 2 of 10 (6–51 %), before by 10 of 10 (72–100 %)"


def ask_ten(cli: Cli, server: OpenAIServer, *replies: str) -> None:
    server.script.extend(text(one) for one in replies)
    cli("specs/colour.yaml", "--samples", "10")


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        pytest.param(["빨간색"] * 10, ["빨간색"] * 10, "same", id="equal sets"),
        pytest.param(
            ["빨간색", "파란색"] * 5, ["파란색", "빨간색"] * 5, "same", id="another order"
        ),
        pytest.param(
            ["빨간색"] * 10, ["I see a 색 of some kind"] * 10, "reply", id="other replies"
        ),
        pytest.param(
            ["빨간색"] * 10, ["빨간색"] * 2 + ["빨강"] * 8, "worse", id="a rule seldom kept"
        ),
        pytest.param(
            ["빨간색"] * 2 + ["빨강"] * 8, ["빨간색"] * 10, "better", id="a rule kept again"
        ),
    ],
)
def test_samples_are_compared_as_sets(
    asking: Cli, server: OpenAIServer, before: list[str], now: list[str], kind: str
) -> None:
    asking.write("specs/colour.yaml", SAMPLED)
    ask_ten(asking, server, *before)
    ask_ten(asking, server, *now)

    ran = asking("diff", "last~1", "last", "--json")

    told = json.loads(ran.out)
    assert (told["kind"], told["now"]["replies"]) == (kind, 10)
    assert (told["statistics"]["before"], told["statistics"]["now"]) == (10, 10)
    assert ran.code == int(kind == "worse")


def test_samples_that_differ_are_told_with_their_p(asking: Cli, server: OpenAIServer) -> None:
    asking.write("specs/colour.yaml", SAMPLED)
    ask_ten(asking, server, *["빨간색"] * 10)
    ask_ten(asking, server, *["빨간색"] * 2, *["빨강"] * 8)

    assert asking("diff", "last~1", "last").out.splitlines()[:11] == [
        "worse    specs/colour.yaml::default  missing",
        "  10 replies against 10 of the first run: they differ (p 0.0007), effect 0.80",
        "  typical, first run",
        "    - 빨간색",
        "  typical, second run",
        "    + 빨강",
        "    + 빨간색",
        f"  contains `색`: {RATES}: p 0.0004, fewer than before",
        "",
        "1 got worse",
        "by chance alone, up to 0.1 of this sampled case would differ",
    ]


def test_without_numpy_samples_are_compared_by_what_they_keep(
    asking: Cli, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking.write("specs/colour.yaml", SAMPLED)
    ask_ten(asking, server, *["빨간색"] * 10)
    ask_ten(asking, server, *["빨간색"] * 2, *["빨강"] * 8)
    monkeypatch.setitem(sys.modules, "numpy", None)

    ran = asking("diff", "last~1", "last")

    assert ran.code == 1
    assert "10 replies against 10 of the first run: compared by the expectations alone" in ran.out
    assert "`samples` needs numpy, which is not installed; pip install" in ran.err


def write(cli: Cli, run_id: str, *added: RecordedReply | RecordedCase) -> None:
    """A run as some promptrun recorded it."""
    cli.write("promptrun.toml", "")
    writer = start(cli.folder, run_id)
    keep(writer, *added)
    writer.close("finished", 0)


def pair(case: str, verdict: Verdict, content: Any = "옛날", **fields: Any) -> list[Any]:
    """A case and its reply."""
    of = ended(case, verdict=verdict, digests=DIGESTS, **fields)
    return [said(case=of.id, reply=reply(content, timings=Timings(total=1.0))), of]


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (Verdict.PASSED, Verdict.FAILED, "worse"),
        (Verdict.PASSED, Verdict.CHANGED, "worse"),
        (Verdict.PASSED, Verdict.MISSING, "worse"),
        (Verdict.NEW, Verdict.ERROR, "worse"),
        (Verdict.CHANGED, Verdict.FAILED, "worse"),
        (Verdict.FAILED, Verdict.CHANGED, "better"),
        (Verdict.FAILED, Verdict.NEW, "better"),
        (Verdict.ERROR, Verdict.PASSED, "better"),
        (Verdict.ERROR, Verdict.FAILED, "verdict"),
        (Verdict.FAILED, Verdict.ERROR, "verdict"),
        (Verdict.CHANGED, Verdict.MISSING, "verdict"),
        (Verdict.PASSED, Verdict.SKIPPED, "verdict"),
        (Verdict.SKIPPED, Verdict.FAILED, "verdict"),
        (Verdict.NEW, Verdict.PASSED, "same"),
        (Verdict.FAILED, Verdict.FAILED, "same"),
    ],
)
def test_a_pair_of_verdicts_is_worse_better_or_neither(
    cli: Cli, before: Verdict, now: Verdict, kind: str
) -> None:
    write(cli, "run-1", *pair("가", before))
    write(cli, "run-2", *pair("가", now))

    ran = cli("diff", "run-1", "run-2", "--json")

    assert json.loads(ran.out)["kind"] == kind
    assert ran.code == int(kind == "worse")


RULES = ("contains `옛날`", "contains `할머니`")


def judged(*kept: bool) -> tuple[Outcome, ...]:
    return tuple(
        Outcome(kind="contains", kept=one, expected=rule)
        for rule, one in zip(RULES, kept, strict=True)
    )


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (judged(False, True), judged(False, False), "worse"),
        (judged(False, False), judged(False, True), "better"),
        (judged(False, True), judged(True, False), "worse"),
        (judged(False, True), judged(False, True), "same"),
        (judged(False, True), judged(False, True)[:1], "same"),
        (
            judged(False, True),
            (judged(False, True)[0], Outcome(kind="contains", kept=False, error="out of time")),
            "same",
        ),
    ],
    ids=[
        "one more is broken",
        "one less is broken",
        "one is mended and another broke",
        "the same ones",
        "a rule that is gone",
        "a rule that could not be judged",
    ],
)
def test_a_failed_case_is_worse_where_it_breaks_a_rule_that_it_kept(
    cli: Cli, before: tuple[Outcome, ...], now: tuple[Outcome, ...], kind: str
) -> None:
    for run_id, outcomes in (("run-1", before), ("run-2", now)):
        told, case = pair("가", Verdict.FAILED)
        assert isinstance(case, RecordedCase)
        result = CaseResult(
            spec=case.spec,
            case=case.case,
            verdict=case.verdict,
            provider=case.provider,
            outcomes=outcomes,
        )
        write(cli, run_id, told, structs.replace(case, result=result))

    ran = cli("diff", "run-1", "run-2", "--json")

    assert json.loads(ran.out)["kind"] == kind
    assert ran.code == int(kind == "worse")


def test_another_reply_with_the_same_verdict_is_told(cli: Cli) -> None:
    write(cli, "run-1", *pair("가", Verdict.FAILED, "호랑이"))
    write(cli, "run-2", *pair("가", Verdict.FAILED, "곶감"))

    ran = cli("diff", "run-1", "run-2")

    assert ran.code == 0
    assert ran.out.startswith(
        "reply    specs/이야기.yaml::가  failed\n"
        "  the reply differs\n"
        "    choice 1: 호랑이 → 곶감\n"
        "\n1 with another reply\n"
    )


def test_cases_come_in_the_order_of_the_second_run(cli: Cli) -> None:
    write(cli, "run-1", *(row for name in "나다라가" for row in pair(name, Verdict.PASSED)))
    write(cli, "run-2", *(row for name in "라가마" for row in pair(name, Verdict.PASSED)))

    ran = cli("diff", "run-1", "run-2", "--json")

    names = [json.loads(line)["id"].rpartition("::")[2] for line in ran.out.splitlines()]
    assert names == ["라", "가", "마", "나", "다"]


def test_a_case_without_a_reply_is_compared_by_its_request(cli: Cli) -> None:
    other = structs.replace(DIGESTS, settings="0" * 16)
    write(
        cli,
        "run-1",
        failed(case=ended("가").id),
        ended("가", verdict=Verdict.ERROR, digests=DIGESTS),
    )
    write(cli, "run-2", ended("가", verdict=Verdict.ERROR, digests=other))

    told = json.loads(cli("diff", "run-1", "run-2", "--json").out)

    assert (told["kind"], told["causes"]) == ("request", ["settings"])
    assert told["before"]["replies"] == told["now"]["replies"] == 0


HOSTILE = "\x1b[2J\u202e\r\n::error::x \ud800 </script>"


def test_a_record_of_a_stranger_cannot_steer_the_terminal(cli: Cli) -> None:
    outcome = Outcome(kind="contains", kept=False, expected=HOSTILE, found=HOSTILE, where=HOSTILE)
    write(cli, "run-1", *pair(HOSTILE, Verdict.PASSED, HOSTILE))
    row, case = pair(HOSTILE, Verdict.FAILED, f"{HOSTILE}!", reason=HOSTILE)
    told = CaseResult(
        spec=case.spec, case=case.case, verdict=Verdict.FAILED, provider="openai",
        reason=HOSTILE, outcomes=(outcome,),
    )  # fmt: skip
    write(cli, "run-2", row, structs.replace(case, result=told))

    ran = cli("diff", "run-1", "run-2")
    lines = cli("diff", "run-1", "run-2", "--json").out.splitlines()

    assert ran.code == 1
    assert not set("\x1b\u202e\r") & set(ran.out)
    assert json.loads(lines[0])["id"] == f"specs/이야기.yaml::{HOSTILE}"


@pytest.mark.parametrize("spec", ["../outside.yaml", "/etc/passwd", "specs", "link.yaml", "\0"])
def test_a_record_cannot_make_it_read_what_is_no_spec_of_the_project(
    cli: Cli, tmp_path: Path, spec: str
) -> None:
    (tmp_path / "outside.yaml").write_text("compare: {mode: none}\n" + YAML, "utf-8")
    cli.write("specs/a.yaml", YAML)
    (cli.folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    for run_id, content in (("run-1", "호랑이"), ("run-2", "곶감")):
        row, case = pair("가", Verdict.PASSED, content)
        case = structs.replace(case, spec=spec)
        write(cli, run_id, structs.replace(row, case=case.id), case)

    told = json.loads(cli("diff", "run-1", "run-2", "--json").out)

    # With the rules of that file nothing would be compared.
    assert told["kind"] == "reply"


def test_memory_does_not_grow_with_the_number_of_cases(cli: Cli) -> None:
    peaks = []
    for size in (100, 1000):
        for number in (1, 2):
            rows = [
                row for at in range(size) for row in pair(f"{at}", Verdict.PASSED, f"{at}" * 500)
            ]
            write(cli, f"run-{size}-{number}", *rows)
            del rows
        with RunsDiff((f"run-{size}-1", f"run-{size}-2"), (), cwd=cli.folder) as runs:
            assert sum(1 for _ in runs.cases()) == size  # what is loaded once is loaded
            tracemalloc.start()
            assert sum(1 for _ in runs.cases()) == size
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    assert peaks[1] < 1.2 * peaks[0] + 20_000
