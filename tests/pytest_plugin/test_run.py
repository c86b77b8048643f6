from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tests.openai_server import error, text
from tests.pytest_plugin.conftest import SPEC, TWO, InPytest

if TYPE_CHECKING:
    from tests.openai_server import Answer, OpenAIServer, Received

NAMES = ("a", "b", "c", "d")
FOUR = f"{SPEC}cases:\n" + "".join(
    f"  - {{name: {name}, vars: {{greeting: {name}}}}}\n" for name in NAMES
)


def fail_first(received: Received) -> Answer:
    """An error for the first of the four cases at once; the others would take long."""
    is_first = received.json["messages"][0]["content"].startswith("a!")
    return error(400, "no") if is_first else text("네.", delay=20)


def test_a_first_run_passes_and_writes_the_snapshots(tested: InPytest) -> None:
    ran = tested("--promptrun", "-v")

    assert (ran.code, ran.outcomes) == (0, {"passed": 2})
    assert "specs/hello.yaml::정중 PASSED" in ran.text
    assert "promptrun wrote 2 snapshots" in ran.text
    assert tested.files("snapshots") == ["snapshots/hello/반말.yaml", "snapshots/hello/정중.yaml"]


def test_the_selected_cases_are_asked_for_at_once(tested: InPytest, server: OpenAIServer) -> None:
    server.reply = text("네.", delay=0.5)
    tested.write("specs/four.yaml", FOUR)

    assert tested("--promptrun", "--deselect", "specs/hello.yaml::반말").code == 0
    assert len(server.requests) == 5
    assert server.most_in_flight == 5


def test_collecting_sends_nothing(tested: InPytest, server: OpenAIServer) -> None:
    assert tested("--promptrun", "--collect-only").code == 0
    assert server.accepted == 0


def test_a_change_fails_with_the_difference_and_no_traceback(
    tested: InPytest, server: OpenAIServer
) -> None:
    tested("--promptrun")
    tested.write("specs/hello.yaml", TWO.replace("존이라고", "지수라고"))

    ran = tested("--promptrun", "specs/hello.yaml::정중")

    assert (ran.code, ran.outcomes) == (1, {"failed": 1})
    assert "\nchanged (prompt, reply)  specs/hello.yaml::정중  openai, " in ran.text
    assert "안녕하세요! 저는 존이라고 합니다! → 안녕하세요! 저는 지수라고 합니다!" in ran.text
    assert "hint: promptrun accept 'specs/hello.yaml::정중' takes what changed" in ran.text
    assert ".py" not in ran.text
    assert tested.files(".promptrun/pending") == [
        ".promptrun/pending/snapshots/hello/정중.yaml",
        ".promptrun/pending/snapshots/hello/정중.yaml.json",
    ]


def test_what_update_accepts_passes(tested: InPytest) -> None:
    tested("--promptrun")
    tested.write("specs/hello.yaml", TWO.replace("존이라고", "지수라고"))

    assert tested("--promptrun", "--promptrun-update", "changed").outcomes == {"passed": 2}
    assert tested("--promptrun").outcomes == {"passed": 2}


def test_a_broken_expectation_fails_with_what_was_found(tested: InPytest) -> None:
    tested.write("specs/hello.yaml", f"{SPEC}expect: [{{contains: 지수}}]\n")

    ran = tested("--promptrun")

    assert ran.outcomes == {"failed": 1}
    assert "broken: contains" in ran.text
    assert "promptrun accept" not in ran.text


def test_a_case_without_a_reply_fails_with_the_reason(
    tested: InPytest, server: OpenAIServer
) -> None:
    server.reply = error(400, "이 모델은 없습니다", code="model_not_found")

    ran = tested("--promptrun")

    assert ran.outcomes == {"failed": 2}
    assert "error: 이 모델은 없습니다 (status 400, code model_not_found" in ran.text
    assert ".py" not in ran.text


def test_a_bad_row_fails_and_the_others_go_on(tested: InPytest) -> None:
    tested.write("specs/hello.yaml", f"{SPEC}cases: {{file: rows.csv}}\n")
    tested.write("specs/rows.csv", "name,greeting\n첫째,안녕\nbad\n")

    ran = tested("--promptrun", "-v")

    assert "columns: 1 in the row, 2 in the header" in ran.text
    assert "--> specs/rows.csv:3:1" in ran.text
    assert "specs/hello.yaml::첫째 PASSED" in ran.text
    assert "specs/hello.yaml::row at line 3 FAILED" in ran.text


def test_a_row_with_the_name_of_a_bad_row_does_not_make_it_pass(tested: InPytest) -> None:
    between = "".join(f"{number},hi\n" for number in range(3, 9))
    tested.write("specs/hello.yaml", f"{SPEC}cases: {{file: rows.csv}}\n")
    tested.write("specs/rows.csv", f"name,greeting\nrow at line 9,안녕\n{between}bad\n")

    ran = tested("--promptrun", "--promptrun-jobs", "1")

    assert ran.outcomes == {"failed": 2, "passed": 6}


def test_what_the_provider_cannot_serve_is_skipped_with_the_reason(tested: InPytest) -> None:
    image = "{type: image_url, image_url: {url: 'https://example.com/a.png'}}"
    tested.write("specs/hello.yaml", f"model: m\nmessages: [{{role: user, content: [{image}]}}]\n")

    ran = tested("--promptrun", "--promptrun-provider", "local", "-rs")

    assert (ran.code, ran.outcomes) == (0, {"skipped": 1})
    assert "SKIPPED [1] specs/hello.yaml:1: " in ran.text
    assert "holds an image" in ran.text


def test_in_ci_nothing_is_written(tested: InPytest) -> None:
    ran = tested("--promptrun", CI="true")

    assert ran.outcomes == {"failed": 2}
    assert "missing  specs/hello.yaml::정중" in ran.text
    assert "takes it as the first snapshot" in ran.text
    assert tested.files("snapshots") == []


def test_a_replay_needs_no_key_and_no_network(tested: InPytest, server: OpenAIServer) -> None:
    tested("--promptrun")
    asked = len(server.requests)

    ran = tested("--promptrun", "--promptrun-replay", OPENAI_API_KEY="")

    assert ran.outcomes == {"passed": 2}
    assert len(server.requests) == asked


def test_without_a_key_each_case_says_what_to_do(project: InPytest) -> None:
    project.write("specs/hello.yaml", TWO)

    ran = project("--promptrun")

    assert ran.outcomes == {"failed": 2}
    assert "OPENAI_API_KEY" in ran.text
    assert ".py" not in ran.text


def test_the_provider_may_stand_in_the_ini_file(project: InPytest) -> None:
    project.write("specs/hello.yaml", SPEC)
    project.write("pytest.ini", "[pytest]\npromptrun = true\npromptrun_provider = nobody\n")

    assert "no provider `nobody`" in project().text


def test_a_warning_of_a_package_that_sends_fails_no_case(tested: InPytest) -> None:
    tested.write(
        "conftest.py",
        "import warnings\n"
        "import promptrun.pipeline.run as run\n"
        "real = run.run_plan\n"
        "def warning(plan):\n"
        "    warnings.warn('old', DeprecationWarning)\n"
        "    yield from real(plan)\n"
        "run.run_plan = warning\n",
    )

    assert tested("--promptrun").outcomes == {"passed": 2}


def test_projects_of_their_own_are_told_apart(tested: InPytest) -> None:
    for name, reply in (("one", "하나"), ("two", "둘")):
        tested.write(f"{name}/promptrun.toml", "")
        expected = f"expect: [{{contains: {reply}}}]\n"
        tested.write(f"{name}/specs/a.yaml", f"{SPEC}{expected}".replace("존", "하나"))

    ran = tested("--promptrun", "-v", "one", "two")

    assert "one/specs/a.yaml::default PASSED" in ran.text
    assert "two/specs/a.yaml::default FAILED" in ran.text


def test_the_batch_is_through_before_a_test_of_another_kind_begins(tested: InPytest) -> None:
    tested.write("specs/four.yaml", FOUR)
    tested.write(
        "test_it.py",
        "from pathlib import Path\n"
        "def test_it():\n"
        "    assert len(list(Path('snapshots').rglob('*.yaml'))) == 6\n",
    )

    assert tested("--promptrun", "specs/hello.yaml", "test_it.py", "specs/four.yaml").code == 0


def test_a_session_that_stops_early_cancels_what_is_under_way(
    tested: InPytest, server: OpenAIServer
) -> None:
    tested.write("specs/hello.yaml", FOUR)
    server.reply = fail_first

    ran = tested("--promptrun", "-x")

    assert ran.outcomes == {"failed": 1}
    assert tested.files("snapshots") == []
    assert server.wait_idle()


def test_maxfail_counts_cases(tested: InPytest, server: OpenAIServer) -> None:
    tested.write("specs/hello.yaml", FOUR)
    server.reply = error(400, "no")

    assert tested("--promptrun", "--maxfail", "2").outcomes == {"failed": 2}


def test_junit_has_each_case_with_the_time_of_its_reply(
    tested: InPytest, server: OpenAIServer
) -> None:
    tested.write("specs/hello.yaml", FOUR.replace("name: a", "name: 하나"))
    server.reply = text("네.", delay=0.3)

    tested("--promptrun", "--promptrun-jobs", "1", "--junitxml", "junit.xml")

    cases = list(ET.parse(tested.folder / "junit.xml").iter("testcase"))  # noqa: S314 - our own
    assert [one.get("name") for one in cases] == ["하나", "b", "c", "d"]
    assert {one.get("classname") for one in cases} == {"specs.hello.yaml"}
    times = [float(one.get("time", 0)) for one in cases]
    # One after the other they took four times as long, and the first waited for openai's import.
    assert all(0.3 <= seconds < 0.9 for seconds in times), times
    assert [one.get("value") for one in cases[0].iter("property")] == ["new", "true"]


@pytest.mark.parametrize(
    "how",
    [
        ("-n", "0"),
        ("-n", "2"),
        ("-n", "2", "--dist", "loadfile"),
        ("-n", "3", "--dist", "worksteal"),
    ],
    ids=" ".join,
)
def test_workers_send_each_case_once(
    tested: InPytest, server: OpenAIServer, how: tuple[str, ...]
) -> None:
    tested.write("specs/four.yaml", FOUR)
    tested.write("specs/더.yaml", TWO)
    server.reply = text("네.", delay=0.2)

    ran = tested("--promptrun", *how, TMPDIR=str(tested.folder))

    assert ran.outcomes == {"passed": 8}, ran.text
    assert len(server.requests) == 8
    assert server.most_in_flight == 8
    assert "promptrun wrote 8 snapshots" in ran.text
    assert len(tested.files("snapshots")) == 8
    assert not list(tested.folder.glob("promptrun-*"))


def test_workers_report_what_the_leader_found(tested: InPytest, server: OpenAIServer) -> None:
    tested.write("specs/hello.yaml", FOUR)
    tested("--promptrun")
    server.reply = text("아니요.")

    ran = tested("--promptrun", "-n", "2")

    assert ran.outcomes == {"failed": 4}, ran.text
    assert ran.text.count("the reply differs") == 4
    assert ".py" not in ran.text.partition("FAILURES")[2].replace("python", "")
    assert len(server.requests) == 8


def test_a_leader_that_dies_hangs_nobody(tested: InPytest) -> None:
    tested.write("specs/hello.yaml", FOUR)
    tested.write(
        "conftest.py",
        "import os\n"
        "import promptrun.pipeline.run as run\n"
        "def dying(plan):\n"
        "    os._exit(3)\n"
        "    yield\n"
        "run.run_plan = dying\n",
    )

    ran = tested("--promptrun", "-n", "2")

    assert ran.code == 1
    assert ran.outcomes == {"failed": 4}, ran.text
    assert "crashed while running 'specs/hello.yaml::" in ran.text
    assert "no result: the worker that asked ended before this case" in ran.text


def test_workers_stop_at_the_first_failure(tested: InPytest, server: OpenAIServer) -> None:
    tested.write("specs/hello.yaml", FOUR)
    server.reply = fail_first

    ran = tested("--promptrun", "-n", "2", "-x")

    assert ran.code != 0, ran.text
    assert "error: no (status 400" in ran.text
    assert server.wait_idle()
