from __future__ import annotations

import asyncio
from pathlib import Path

import openai
import pytest

import promptrun
from promptrun.errors import SpecErrors, UsageError
from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - role: user
    content: "{{ story }} json"
temperature: "{{ heat }}"
reasoning_effort: low
extra_body: {own_field: 1}
response_format: {type: json_object}
vars: {story: 옛날 옛적에, heat: 0.5}
cases:
  - name: english
    vars: {story: Once upon a time}
"""


@pytest.fixture
def spec(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(cli.folder)
    cli.write("promptrun.toml", "")
    return cli.write("specs/people.yaml", SPEC)


def test_a_loaded_spec_gives_the_arguments_that_send_its_request(
    spec: Path, server: OpenAIServer
) -> None:
    client = openai.OpenAI(base_url=server.base_url, api_key="sk-test-0123456789", max_retries=0)

    client.chat.completions.create(**promptrun.load(spec).request(story="호랑이가"))

    assert server.requests[0].json == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "호랑이가 json"}],
        "temperature": 0.5,
        "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
        "own_field": 1,
    }


def test_a_case_brings_its_own_variables(spec: Path) -> None:
    arguments = promptrun.load(f"{spec}::english").request()

    assert arguments["messages"][0]["content"] == "Once upon a time json"


def test_variables_keep_their_types(spec: Path) -> None:
    assert promptrun.load(spec).request(heat=1)["temperature"] == 1


def test_a_value_that_cannot_be_sent_is_an_error(spec: Path) -> None:
    with pytest.raises(SpecErrors, match="temperature"):
        promptrun.load(spec).request(heat="hot")


def test_a_case_that_is_not_there_is_an_error(spec: Path) -> None:
    with pytest.raises(UsageError, match="no case `englis`") as caught:
        promptrun.load(f"{spec}::englis")
    assert "specs/people.yaml::english" in (caught.value.hint or "")


def test_a_folder_is_no_spec(spec: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        promptrun.load(spec.parent)


def run(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return [str(result.verdict) for result in promptrun.run(["specs"])]


def test_run_gives_the_results(
    spec: Path, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reply = text("{}")

    assert run(server, monkeypatch) == ["new"]
    assert run(server, monkeypatch) == ["passed"]
    assert [str(one.verdict) for one in promptrun.run([spec], replay=True)] == ["passed"]


def test_run_works_inside_a_running_loop(
    spec: Path, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def notebook() -> list[str]:
        return run(server, monkeypatch)

    assert asyncio.run(notebook()) == ["new"]


def test_the_public_names_are_these() -> None:
    assert sorted(promptrun.__all__) == ["PromptrunError", "Spec", "load", "run"]
    assert all(getattr(promptrun, name) for name in promptrun.__all__)
