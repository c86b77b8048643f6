"""The example specs: each request is checked field by field on the loopback server."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from promptrun.models import Case
from promptrun.pipeline.options import Options
from promptrun.pipeline.plan import make_plan
from promptrun.render import render_request
from tests.openai_server import OpenAIServer
from tests.promptrun_cli import Cli

ROOT = Path(__file__).parent.parent
NAMES = sorted(path.stem for path in (ROOT / "specs").glob("[!_]*.yaml"))


def system(content: str) -> dict[str, Any]:
    return {"role": "system", "content": content}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


HISTORY = {
    "model": "gpt-4o-mini",
    "messages": [
        system("Answer with one word."),
        user("My cat is called Nabi. What is my cat called?"),
        assistant("Nabi"),
        user("My name is John. What is my name?"),
        assistant("John"),
        user("And what is my cat called?"),
    ],
    "temperature": 0,
    "max_tokens": 8,
}
COUNT = {
    "model": "gpt-4o-mini",
    "messages": [
        system("You count."),
        user("Count from one to three."),
        assistant("one, two, three"),
        user("Count from one to eight."),
    ],
    "temperature": 0,
    "seed": 7,
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Seoul", "Busan"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def people(story: str) -> dict[str, Any]:
    return {
        "model": "gpt-4o-mini",
        "messages": [
            system('인물 목록을 다음 json형식으로 출력해 주세요.\n{"people": ["aaa", "bbb"]}\n'),
            user("어느 마을에 왕과 왕비가 살고 있었습니다"),
            assistant('{"people": ["왕", "왕비"]}'),
            user("Yesterday a king and a queen walked in the garden."),
            assistant('{"people": ["king", "queen"]}'),
            user(story),
        ],
        "temperature": 0,
        "max_tokens": 60,
        "response_format": {"type": "json_object"},
    }


SENT: dict[str, list[dict[str, Any]]] = {
    "hello": [
        {
            "model": "gpt-4o-mini",
            "messages": [
                system("You are a helpful assistant."),
                user("안녕하세요! 저는 존이라고 합니다!"),
            ],
            "temperature": 0,
            "max_tokens": 40,
        }
    ],
    "history": [HISTORY],
    "history_from_file": [HISTORY],
    "stream": [
        {
            "model": "gpt-4o-mini",
            "messages": [
                system("You are a helpful assistant."),
                user("안녕하세요 저는 존입니다."),
            ],
            "temperature": 0,
            "max_tokens": 40,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ],
    "parameters": [
        COUNT | {"temperature": 0.8, "n": 2, "max_tokens": 12},
        COUNT | {"stop": "three", "max_tokens": 40},
        COUNT | {"stop": [" five", " seven"], "max_tokens": 40},
        COUNT | {"logprobs": True, "top_logprobs": 2, "max_tokens": 4},
        COUNT | {"top_p": 0.5, "frequency_penalty": 0.2, "presence_penalty": 0.2, "max_tokens": 12},
        COUNT | {"max_completion_tokens": 4},
    ],
    "json_people": [
        people("옛날 옛적에 할아버지와 할머니가 살고 있었습니다"),
        people("Once upon a time there lived a grandfather and a grandmother."),
    ],
    "vision_url": [
        {
            "model": "gpt-4o-mini",
            "messages": [
                user(
                    [
                        {"type": "text", "text": "이미지를 설명해 주세요."},
                        {
                            "type": "image_url",
                            "image_url": {
                                "url": "https://raw.githubusercontent.com/ychoi-kr/"
                                "langchain-book/main/cover.jpg"
                            },
                        },
                    ]
                )
            ],
            "max_tokens": 200,
        }
    ],
    "vision_file": [
        {
            "model": "gpt-4o-mini",
            "messages": [
                user(
                    [
                        {"type": "text", "text": "이 그림에 어떤 색의 도형이 있나요?"},
                        {
                            "type": "image_url",
                            "image_url": {
                                "url": "data:image/png;base64,"
                                + base64.b64encode(
                                    (ROOT / "specs/images/shapes.png").read_bytes()
                                ).decode(),
                                "detail": "low",
                            },
                        },
                    ]
                )
            ],
            "temperature": 0,
            "max_tokens": 100,
        }
    ],
}


@pytest.fixture
def project(asking: Cli) -> Cli:
    """The example specs in a project that asks the loopback server in OpenAI's place."""
    shutil.copytree(ROOT / "specs", asking.folder / "specs")
    return asking


@pytest.mark.parametrize("name", NAMES)
def test_each_spec_is_sent_byte_for_byte_and_nothing_more(
    name: str, project: Cli, server: OpenAIServer
) -> None:
    target = f"specs/{name}.yaml"
    plan = make_plan(Options(targets=(target,), cwd=project.folder, environ={}), sends=False)
    cases = [case for _, case in plan.all_cases() if isinstance(case, Case)]
    expected = [
        json.dumps(render_request(case).body, ensure_ascii=False, separators=(",", ":"))
        for case in cases
        for _ in range(case.samples.count)
    ]

    project(target, "-j", "1")

    assert [received.body.decode() for received in server.requests] == expected
    assert all(received.path == "/v1/chat/completions" for received in server.requests)


@pytest.mark.parametrize("name", SENT)
def test_each_field_of_a_spec_arrives(name: str, project: Cli, server: OpenAIServer) -> None:
    project(f"specs/{name}.yaml", "-j", "1")

    assert [received.json for received in server.requests] == SENT[name]


def test_a_schema_arrives_whole(project: Cli, server: OpenAIServer) -> None:
    project("specs/json_schema.yaml")

    sent = server.requests[0].json["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["strict"] is True
    assert sent["json_schema"]["schema"]["required"] == ["name", "item", "count"]
    assert sent["json_schema"]["schema"]["additionalProperties"] is False


def test_greetings_fill_their_templates(project: Cli, server: OpenAIServer) -> None:
    project("specs/greetings.yaml::formal,language=korean", "--var", "name=지수")

    style, question = (message["content"] for message in server.requests[0].json["messages"])
    assert "존댓말을 쓴다." in style
    assert question.startswith("Write a formal greeting in Korean for 지수.")
    assert len(server.requests) == 1


def test_greetings_are_selected_by_keyword(project: Cli, server: OpenAIServer) -> None:
    project("specs/greetings.yaml", "-k", "korean and not formal")

    assert len(server.requests) == 1
    assert "friendly" in server.requests[0].json["messages"][1]["content"]


def test_the_picture_is_what_its_program_draws(tmp_path: Path) -> None:
    program = tmp_path / "draw.py"
    shutil.copy(ROOT / "specs/images/draw.py", program)

    subprocess.run([sys.executable, program], check=True)

    assert (tmp_path / "shapes.png").read_bytes() == (ROOT / "specs/images/shapes.png").read_bytes()


EVERY_FIELD = """\
model: gpt-4o-mini
messages:
  - {role: developer, content: Answer in JSON., name: house}
  - {role: user, content: 안녕하세요}
temperature: 0.7
top_p: 0.9
n: 2
stop: ["끝", "\\n\\n"]
max_completion_tokens: 50
logprobs: true
top_logprobs: 5
seed: -7
presence_penalty: -0.5
frequency_penalty: 2
logit_bias: {"50256": -100}
response_format: {type: json_object}
tools:
  - type: function
    function: {name: get_weather, strict: true, parameters: {type: object, properties: {}}}
tool_choice: {type: function, function: {name: get_weather}}
parallel_tool_calls: false
reasoning_effort: low
verbosity: high
metadata: {team: 서울}
store: false
service_tier: flex
user: someone
safety_identifier: abc
prompt_cache_key: shared
prompt_cache_retention: 24h
modalities: [text]
prediction: {type: content, content: 네}
web_search_options: {search_context_size: low}
stream: true
stream_options: {include_usage: true}
extra_body: {own_field: {deep: [1, null]}}
"""


def test_every_field_of_the_api_is_sent_as_it_is_written(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("specs/every.yaml", EVERY_FIELD)
    expected = yaml.safe_load(EVERY_FIELD)
    expected |= expected.pop("extra_body")

    ran = project("specs/every.yaml")

    assert server.requests, ran.err
    assert server.requests[0].json == expected
    assert list(server.requests[0].json) == list(expected)


@pytest.mark.parametrize(
    "line",
    [
        "temperature: 2.1",
        "top_p: 1.5",
        "n: 129",
        "n: 0",
        "presence_penalty: -3",
        "frequency_penalty: 2.5",
        "logit_bias: {'1': 101}",
        "stop: [a, b, c, d, e]",
        "reasoning_effort: extreme",
        "verbosity: loud",
        "service_tier: first",
        "max_tokens: 1.5",
        "seed: x",
        "metadata: {a: 1}",
        "tools: {}",
        "logprobs: 1",
    ],
)
def test_a_field_out_of_its_range_is_never_sent(
    line: str, project: Cli, server: OpenAIServer
) -> None:
    text = f"model: gpt-4o-mini\nmessages:\n  - {{role: user, content: hi}}\n{line}\n"
    project.write("specs/bad.yaml", text)

    ran = project("specs/bad.yaml")

    assert ran.code == 2
    assert "--> specs/bad.yaml:4:" in ran.err
    assert not server.requests
