from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.openai_server import OpenAIServer
from tests.promptrun_cli import KEY, Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - role: system
    content: |
      It's "here": $HOME `id` \\\\ \\n
      JSON
      둘째 줄 😀
  - role: user
    content: "{{ greeting }}"
  - role: assistant
    content: null
    tool_calls:
      - {id: call_1, type: function, function: {name: f, arguments: "{\\"a\\": 1}"}}
  - {role: tool, tool_call_id: call_1, content: "21"}
temperature: 0
stop: ["끝", "\\n\\n"]
seed: null
reasoning_effort: low
extra_body: {own_field: [1, 2.5, true]}
vars: {greeting: 안녕하세요}
"""
BODY = {
    "model": "gpt-4o-mini",
    "messages": [
        {"role": "system", "content": 'It\'s "here": $HOME `id` \\\\ \\n\nJSON\n둘째 줄 😀\n'},
        {"role": "user", "content": "안녕하세요"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"a": 1}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "21"},
    ],
    "temperature": 0,
    "stop": ["끝", "\n\n"],
    "seed": None,
    "reasoning_effort": "low",
    "own_field": [1, 2.5, True],
}


@pytest.fixture
def project(asking: Cli) -> Cli:
    asking.write("specs/hello.yaml", SPEC)
    return asking


def shown(cli: Cli, form: str) -> str:
    ran = cli("show", "specs/hello.yaml", "--as", form)
    assert ran.code == 0
    assert KEY not in ran.out + ran.err
    return ran.out


def test_a_run_sends_the_same_body(project: Cli, server: OpenAIServer) -> None:
    project("specs/hello.yaml")

    assert server.requests[0].json == BODY
    assert list(server.requests[0].json) == list(BODY)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_curl_command_sends_the_same_body(project: Cli, server: OpenAIServer) -> None:
    subprocess.run(["sh", "-c", shown(project, "curl")], check=True, capture_output=True)

    assert server.requests[0].json == BODY
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_python_program_sends_the_same_body(
    project: Cli, server: OpenAIServer, stream: bool
) -> None:
    if stream:
        project.write("specs/hello.yaml", f"{SPEC}stream: true\n")

    ran = subprocess.run(
        [sys.executable, "-c", shown(project, "python")],
        check=True,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )

    assert server.requests[0].json == BODY | ({"stream": True} if stream else {})
    assert ran.stdout


def test_the_json_is_the_body(project: Cli) -> None:
    import json

    assert json.loads(shown(project, "json")) == BODY


def test_the_conversation_tells_where_each_field_comes_from(project: Cli) -> None:
    project.write("promptrun.toml", "[defaults]\nmodel = 'gpt-4o'\nparameters = {top_p = 0.5}\n")

    text = project("show", "specs/hello.yaml", "--seed", "7").out

    assert "[user]\n안녕하세요\n" in text
    assert "top_p: 0.5  ([defaults] of the project)" in text
    assert "seed: 7  (the command line)" in text
    assert "temperature: 0  (specs/hello.yaml:15)" in text


MINE = "[providers.mine]\nbase_url = 'https://llm.example.com/v1'\napi_key_env = 'MY_API_KEY'\n"


def test_a_trusted_server_is_named_with_its_own_key(project: Cli) -> None:
    project.write("promptrun.toml", MINE)
    project("trust", "--yes")

    curl = project("show", "specs/hello.yaml", "--as", "curl", "--provider", "mine").out
    program = project("show", "specs/hello.yaml", "--as", "python", "--provider", "mine").out

    assert "curl https://llm.example.com/v1/chat/completions" in curl
    assert '"Authorization: Bearer $MY_API_KEY"' in curl
    assert "base_url='https://llm.example.com/v1'" in program
    assert "os.environ['MY_API_KEY']" in program


def test_no_command_carries_a_key_to_a_server_that_nobody_trusted(project: Cli) -> None:
    project.write("promptrun.toml", MINE)

    curl = project("show", "specs/hello.yaml", "--as", "curl", "--provider", "mine").out

    assert "MY_API_KEY" not in curl
    assert "$YOUR_API_KEY" in curl


def test_the_embedded_model_is_shown_as_openai_would_be_asked(project: Cli) -> None:
    curl = project("show", "specs/hello.yaml", "--as", "curl", "--provider", "local").out

    assert '"Authorization: Bearer $OPENAI_API_KEY"' in curl


def test_azure_is_named_by_its_deployment(project: Cli) -> None:
    project.write(
        "promptrun.toml",
        "[providers.blue]\nkind = 'azure'\nbase_url = 'https://blue.openai.azure.com'\n"
        "api_version = '2024-10-21'\n",
    )
    project("trust", "--yes")

    curl = project("show", "specs/hello.yaml", "--as", "curl", "--provider", "blue").out
    program = project("show", "specs/hello.yaml", "--as", "python", "--provider", "blue").out

    assert (
        "https://blue.openai.azure.com/openai/deployments/gpt-4o-mini/chat/completions"
        "?api-version=2024-10-21" in curl
    )
    assert '"api-key: $AZURE_OPENAI_API_KEY"' in curl
    assert "AzureOpenAI(azure_endpoint='https://blue.openai.azure.com'" in program
