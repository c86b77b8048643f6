from __future__ import annotations

import json
from typing import Any

import pytest

from promptrun.providers.openai_chat.completion import describe_miscount, describe_misfit
from tests.openai_server import Answer, OpenAIServer
from tests.providers.support import BODY, ask_failure, server_at


def choice(**fields: Any) -> dict[str, Any]:
    return {"message": {"content": "x"}, "finish_reason": "stop"} | fields


@pytest.mark.parametrize(
    "choices",
    [
        pytest.param([choice(index=0)], id="one"),
        pytest.param([choice(index=1), choice(index=0)], id="two, not in order"),
        pytest.param([choice(), choice()], id="without indexes"),
        pytest.param([choice(finish_reason=None)], id="without a finish reason"),
    ],
)
def test_a_completion_fits(choices: list[Any]) -> None:
    assert describe_misfit({"choices": choices}) is None


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        pytest.param([], "it has no `choices`", id="a list"),
        pytest.param({"choices": {}}, "it has no `choices`", id="choices that are no list"),
        pytest.param({"choices": []}, "without a choice", id="no choice"),
        pytest.param({"choices": ["x"]}, "choice 0 of the reply has no message", id="text"),
        pytest.param(
            {"choices": [choice(), choice(message=None)]},
            "choice 1 of the reply has no message",
            id="no message",
        ),
        pytest.param(
            {"choices": [choice(index="0")]}, "has no index of its own", id="an index that is text"
        ),
        pytest.param(
            {"choices": [choice(index=1), choice(index=1)]},
            "choice 1 of the reply has no index of its own",
            id="one index twice",
        ),
        pytest.param(
            {"choices": [choice(finish_reason=7)]},
            "has a `finish_reason` that is no text",
            id="a finish reason that is a number",
        ),
    ],
)
def test_what_others_would_trip_over_is_no_completion(raw: Any, problem: str) -> None:
    assert problem in (describe_misfit(raw) or "")


def test_a_reply_has_as_many_choices_as_were_asked_for() -> None:
    two = {"choices": [choice(index=0), choice(index=1)]}
    assert describe_miscount(two, 2) is None
    assert describe_miscount(two, 3) == "the reply has 2 of the 3 choices that were asked for"
    assert describe_miscount(two, 1) is not None


def test_a_whole_reply_with_too_few_choices_is_asked_for_again() -> None:
    sent = json.dumps({"choices": [choice(index=0)]}).encode()
    with OpenAIServer(Answer(body=sent, headers=(("content-type", "application/json"),))) as server:
        failure = ask_failure(server_at(server), BODY | {"n": 3})
    assert (failure.kind, failure.again) == ("protocol", True)
    assert "1 of the 3 choices" in failure.message
