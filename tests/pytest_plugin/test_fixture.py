from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.openai_server import error, text
from tests.pytest_plugin.conftest import SPEC, TWO, InPytest

if TYPE_CHECKING:
    from tests.openai_server import OpenAIServer

CALL = 'promptrun("specs/hello.yaml::정중")'
CALL_WITH = 'promptrun("specs/hello.yaml::정중", greeting="하이")'
CHECK = 'promptrun.check("specs/hello.yaml::정중")'


def write_test(tested: InPytest, *lines: str) -> None:
    tested.write("test_it.py", "\n    ".join(["def test_it(promptrun):", *lines]) + "\n")


def test_a_reply_has_its_texts_and_what_became_of_it(tested: InPytest) -> None:
    tested.write(
        "specs/hello.yaml",
        f"{SPEC}n: 2\nresponse_format: {{type: json_object}}\n".replace("존", "json"),
    )
    write_test(
        tested,
        'reply = promptrun("specs/hello.yaml", greeting="하이")',
        'assert reply.json() == {"said": "하이! 저는 json이라고 합니다!"}',
        "assert reply.choices[0] == reply.text",
        "assert len(reply.choices) == 2",
        'assert reply.raw["object"] == "chat.completion"',
        'assert reply.result.id == "specs/hello.yaml::default"',
    )

    ran = tested()

    assert ran.outcomes == {"passed": 1}, ran.text


def test_a_call_with_variables_keeps_nothing(tested: InPytest, server: OpenAIServer) -> None:
    write_test(tested, f'assert {CALL_WITH}.text == "하이! 저는 존이라고 합니다!"')

    assert tested("--promptrun-update", "all").outcomes == {"passed": 1}
    assert tested.files("snapshots") == tested.files(".promptrun/pending") == []


def test_variables_keep_their_types(tested: InPytest, server: OpenAIServer) -> None:
    tested.write(
        "specs/hello.yaml",
        f'{SPEC}temperature: "{{{{ heat }}}}"\nvars: {{heat: 0}}\n'.replace(
            "vars: {greeting: 안녕하세요}\n", ""
        ).replace("{{ greeting }}", "안녕"),
    )
    write_test(tested, 'promptrun("specs/hello.yaml", heat=0.5)')

    assert tested().outcomes == {"passed": 1}
    assert server.requests[0].json["temperature"] == 0.5


@pytest.mark.parametrize("line", [CALL, f"{CALL}.assert_snapshot()", CHECK])
def test_without_variables_snapshots_are_written_as_update_says(
    tested: InPytest, line: str
) -> None:
    write_test(tested, line)

    assert tested("--promptrun-update", "none").code == (0 if line == CALL else 1)
    assert tested.files("snapshots") == []
    assert tested().outcomes == {"passed": 1}
    assert tested.files("snapshots") == ["snapshots/hello/정중.yaml"]


@pytest.mark.parametrize(
    "line", [f"{CALL}.assert_snapshot()", f"{CALL_WITH}.assert_snapshot()", CHECK]
)
def test_a_change_fails_the_test_with_the_difference(
    tested: InPytest, server: OpenAIServer, line: str
) -> None:
    tested("--promptrun")
    server.reply = text("반갑습니다!")
    write_test(tested, line)

    ran = tested()

    assert ran.outcomes == {"failed": 1}
    assert "the reply differs" in ran.text
    assert "반갑습니다!" in ran.text
    assert "def test_it" not in ran.text


@pytest.mark.parametrize("line", [CALL, CHECK])
def test_no_reply_fails_the_test_with_the_reason(
    tested: InPytest, server: OpenAIServer, line: str
) -> None:
    server.reply = error(400, "이 모델은 없습니다")
    write_test(tested, line)

    ran = tested()

    assert ran.outcomes == {"failed": 1}
    assert "error: 이 모델은 없습니다 (status 400" in ran.text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('promptrun("specs/hello.yaml")', "`specs/hello.yaml` has several cases"),
        ('promptrun("specs/hello.yaml::정종")', "no case `정종` in `specs/hello.yaml`"),
        ('promptrun("specs/helo.yaml")', "did you mean `specs/hello.yaml`?"),
        ('promptrun("specs/hello.yaml::정중", greting="하이")', "mentions no variable `greting`"),
        ('promptrun("specs/hello.yaml::정중", greet="하이")', "mentions no variable `greet`"),
    ],
    ids=[
        "a spec with several cases",
        "no such case",
        "no such spec",
        "a misspelled variable",
        "a part of a variable's name",
    ],
)
def test_a_call_that_means_no_case_fails_and_sends_nothing(
    tested: InPytest, server: OpenAIServer, line: str, told: str
) -> None:
    write_test(tested, line)

    ran = tested()

    assert ran.outcomes == {"failed": 1}
    assert told in ran.text
    assert server.accepted == 0


def test_a_path_starts_at_the_rootdir_or_else_beside_the_test(tested: InPytest) -> None:
    tested.write("tests/own.yaml", SPEC)
    tested.write("tests/specs/hello.yaml", SPEC.replace("존", "지수"))
    tested.write(
        "tests/test_it.py",
        "def test_it(promptrun):\n"
        '    assert "존" in promptrun("own.yaml").text\n'
        f'    assert "존" in {CALL}.text\n',
    )

    assert tested("tests").outcomes == {"passed": 1}


def test_an_asynchronous_test_may_call_it(tested: InPytest) -> None:
    write_test(
        tested,
        "import asyncio",
        "async def ask():",
        f"    return {CALL_WITH}.text",
        'assert asyncio.run(ask()).startswith("하이")',
    )

    ran = tested()

    assert ran.outcomes == {"passed": 1}, ran.text


def test_a_replay_gives_accepted_replies_and_no_others(
    tested: InPytest, server: OpenAIServer
) -> None:
    tested("--promptrun")
    asked = len(server.requests)
    write_test(
        tested, f'assert {CALL}.text.startswith("안녕하세요")', CHECK, CALL_WITH, "assert False"
    )

    ran = tested("--promptrun-replay", "-rs", OPENAI_API_KEY="")

    assert ran.outcomes == {"skipped": 1}
    assert "a replay has no reply to these variables" in ran.text
    assert len(server.requests) == asked


def test_a_replay_fails_where_the_request_moved_since(tested: InPytest) -> None:
    tested("--promptrun")
    tested.write("specs/hello.yaml", TWO.replace("존이라고", "지수라고"))
    write_test(tested, CALL)

    ran = tested("--promptrun-replay")

    assert ran.outcomes == {"failed": 1}
    assert "the request moved" in ran.text
