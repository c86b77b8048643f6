"""The embedded model: what it refuses, that it repeats itself, and that it always goes away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from promptrun.models import Failure, Reply, Request, Server
from promptrun.providers.local.engine import start_engine
from promptrun.providers.local.limits import unsupported
from promptrun.providers.local.model import LocalModel

T = TypeVar("T")
LOCAL = Server(name="local", kind="local", timeout=60)
CAPITAL = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]
COUNT = [
    {"role": "user", "content": "Count from one to three."},
    {"role": "assistant", "content": "one, two, three"},
    {"role": "user", "content": "Count from one to eight."},
]
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def request(**fields: Any) -> Request:
    body = {"model": "gpt-4o-mini", "messages": CAPITAL, "max_tokens": 8}
    return Request(body=body | fields)


def part(**fields: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": "Look."}, fields]}]


def with_model(use: Callable[[LocalModel], Awaitable[T]], server: Server = LOCAL) -> T:
    async def run() -> T:
        model = LocalModel(server)
        try:
            assert await model.open() is None
            return await use(model)
        finally:
            await model.close()

    return asyncio.run(run())


def ask(**fields: Any) -> Reply:
    outcome = with_model(lambda model: model.complete(request(**fields)))
    assert isinstance(outcome, Reply), outcome
    return outcome


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param(
            {"messages": part(type="image_url", image_url={"url": "https://a/b.png"})},
            "messages[0] holds an image",
            id="an image",
        ),
        pytest.param(
            {"messages": part(type="input_audio", input_audio={})}, "holds audio", id="audio"
        ),
        pytest.param({"messages": part(type="file", file={})}, "holds a file", id="a file"),
        pytest.param({"modalities": ["text", "audio"]}, "asks for audio", id="speech"),
        pytest.param({"tools": [{"type": "custom"}]}, "a tool is `custom`", id="a custom tool"),
        pytest.param({"n": 9}, "at most 8 choices", id="nine choices"),
    ],
)
def test_what_it_cannot_serve_is_known_without_starting_it(
    fields: dict[str, Any], reason: str
) -> None:
    assert reason in (unsupported(request(**fields)) or "")
    outcome = asyncio.run(LocalModel(LOCAL).complete(request(**fields)))
    assert isinstance(outcome, Failure)
    assert outcome.kind == "setup"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="plain text"),
        pytest.param({"messages": part(type="text", text="Well?")}, id="parts of text"),
        pytest.param({"tools": [{"type": "function"}], "n": 8}, id="functions and choices"),
        pytest.param({"messages": None, "tools": "none", "n": "2"}, id="nonsense is the engine's"),
    ],
)
def test_what_it_can_be_asked_is_not_refused(fields: dict[str, Any]) -> None:
    assert unsupported(request(**fields)) is None


def test_a_missing_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promptrun.providers.local.model.find_spec", lambda _: None)

    failure = asyncio.run(LocalModel(LOCAL).open())

    assert isinstance(failure, Failure)
    assert failure.kind == "setup"
    assert failure.hint == 'pip install "promptrun[local]"'


@pytest.mark.local
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"a text", "is not a GGUF file", id="another file"),
        pytest.param(b"GGUF" + b"\xff" * 500, "cannot load", id="a broken model"),
        pytest.param(b"GGUF\x03\0\0\0" + b"\0" * 16, "cannot load", id="an empty model"),
    ],
)
def test_a_file_that_is_no_model_is_an_error_that_names_it(
    content: bytes, reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.gguf"
    path.write_bytes(content)
    server = Server(name="local", kind="local", model_file=path)

    failure = asyncio.run(LocalModel(server).open())

    assert isinstance(failure, Failure)
    assert reason in failure.message
    assert str(path) in failure.message
    assert "PROMPTRUN_LOCAL_MODEL" in (failure.hint or "")
    assert capfd.readouterr() == ("", "")


VARIED = [
    request(logprobs=True, temperature=0),
    request(logprobs=True, temperature=0.9),
    request(logprobs=True, temperature=0.9, seed=7),
    request(logprobs=True, temperature=0.9, n=2),
    request(logprobs=True, messages=[{"role": "user", "content": "one two three " * 120}]),
    request(messages=[{"role": "user", "content": "안녕하세요!"}], stream=True),
    request(response_format={"type": "json_object"}),
]


def essence(outcome: Reply | Failure) -> str:
    assert isinstance(outcome, Reply), outcome
    return json.dumps(outcome.raw["choices"], ensure_ascii=False, sort_keys=True)


@pytest.mark.local
def test_a_reply_is_the_same_to_the_last_bit_whatever_surrounds_it() -> None:
    async def alone(model: LocalModel) -> list[str]:
        return [essence(await model.complete(one)) for one in VARIED]

    async def crowded(model: LocalModel) -> list[str]:
        many = [*reversed(VARIED), *VARIED]
        replies = await asyncio.gather(*map(model.complete, many))
        return [essence(reply) for reply in replies]

    expected = with_model(alone)
    found = with_model(crowded)

    assert found == [*reversed(expected), *expected]


@pytest.mark.local
def test_a_streamed_reply_says_what_a_whole_one_says() -> None:
    whole, streamed = ask(), ask(stream=True, stream_options={"include_usage": True})

    assert streamed.streamed
    assert streamed.choices[0].content == whole.choices[0].content
    assert streamed.raw["usage"]["completion_tokens"] == 8


@pytest.mark.local
def test_a_reply_names_the_model_that_gave_it() -> None:
    assert ask().raw["model"] == "SmolLM2-135M-Instruct"


@pytest.mark.local
@pytest.mark.parametrize(
    ("fields", "finish_reason", "content"),
    [
        pytest.param({"messages": COUNT, "stop": "three"}, "stop", None, id="stop"),
        pytest.param({"max_completion_tokens": 2}, "length", None, id="max_completion_tokens"),
        pytest.param(
            {
                "messages": [{"role": "user", "content": "John is 30 years old. Answer in JSON."}],
                "max_tokens": 60,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "person",
                        "schema": {
                            "type": "object",
                            "properties": {"age": {"type": "integer"}},
                            "required": ["age"],
                            "additionalProperties": False,
                        },
                    },
                },
            },
            "stop",
            {"age": 30},
            id="json_schema",
        ),
    ],
)
def test_parameters_are_kept(
    fields: dict[str, Any], finish_reason: str, content: dict[str, Any] | None
) -> None:
    reply = ask(**fields)

    assert reply.choices[0].finish_reason == finish_reason
    assert "three" not in (reply.choices[0].content or "")
    if content is not None:
        assert json.loads(reply.choices[0].content or "") == content


@pytest.mark.local
def test_choices_and_log_probabilities_come_as_asked() -> None:
    reply = ask(n=3, temperature=1.5, logprobs=True, top_logprobs=2)

    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    assert len({choice.content for choice in reply.choices}) > 1
    tokens = reply.raw["choices"][2]["logprobs"]["content"]
    assert {len(token["top_logprobs"]) for token in tokens} == {2}


@pytest.mark.local
def test_tools_reach_the_model_and_its_calls_are_read() -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
    call = {"name": "get_weather", "arguments": '{"city": "Busan"}'}
    messages = [
        {"role": "user", "content": "What is the weather in Busan?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": '{"weather": "cloudy"}'},
        {"role": "assistant", "content": "It is cloudy in Busan."},
        {"role": "user", "content": "What is the weather in Seoul?"},
    ]

    reply = ask(messages=messages, tools=[tool], tool_choice="required", max_tokens=40)

    assert reply.choices[0].finish_reason == "tool_calls"
    (found,) = reply.choices[0].message["tool_calls"]
    assert found["function"]["name"] == "get_weather"
    assert json.loads(found["function"]["arguments"]) == {"city": "Seoul"}


@pytest.mark.local
def test_a_prompt_that_is_too_long_is_a_failure_that_says_how_long_it_may_be() -> None:
    long = [{"role": "user", "content": "hello " * 6000}]

    outcome = with_model(lambda model: model.complete(request(messages=long)))

    assert isinstance(outcome, Failure)
    assert "4096" in outcome.message
    assert "4096 tokens" in (outcome.hint or "")


@pytest.mark.local
def test_a_reply_without_a_limit_ends() -> None:
    body = {key: value for key, value in request().body.items() if key != "max_tokens"}
    body |= {"ignore_eos": True, "messages": [{"role": "user", "content": "1 2 3"}]}

    outcome = with_model(lambda model: model.complete(Request(body=body)))

    assert isinstance(outcome, Reply)
    assert outcome.choices[0].finish_reason == "length"
    assert outcome.raw["usage"]["completion_tokens"] == 512


ENDLESS = {
    "type": "json_schema",
    "json_schema": {"name": "x", "schema": {"type": "string", "pattern": f"^{'a?' * 20000}$"}},
}


@pytest.mark.local
def test_a_request_that_hangs_the_engine_fails_alone() -> None:
    async def use(model: LocalModel) -> tuple[Reply | Failure, Reply | Failure]:
        return await model.complete(request(response_format=ENDLESS)), await model.complete(
            request()
        )

    hung, after = with_model(use, Server(name="local", kind="local", timeout=4))

    assert isinstance(hung, Failure)
    assert hung.kind == "timeout"
    assert isinstance(after, Reply)


@pytest.mark.local
@needs_proc
def test_an_engine_that_crashes_is_replaced() -> None:
    async def use(model: LocalModel) -> tuple[Reply | Failure, Reply | Failure]:
        asked = asyncio.create_task(model.complete(request(max_tokens=400, ignore_eos=True)))
        await asyncio.sleep(0.5)
        os.kill(engine_of(os.getpid()), signal.SIGSEGV)
        return await asked, await model.complete(request())

    crashed, after = with_model(use)

    assert isinstance(crashed, Failure)
    assert crashed.message == "the embedded engine ended while it worked on this request"
    assert isinstance(after, Reply)


@pytest.mark.local
def test_a_cancelled_request_holds_nobody_up() -> None:
    async def use(model: LocalModel) -> Reply | Failure:
        asked = asyncio.create_task(model.complete(request(response_format=ENDLESS)))
        await asyncio.sleep(0.5)
        asked.cancel()
        return await model.complete(request())

    assert isinstance(with_model(use), Reply)


@pytest.mark.local
def test_nothing_of_the_engine_reaches_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "(?=a)"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    with_model(lambda model: model.complete(request(response_format=wanted)))

    assert capfd.readouterr() == ("", "")


def engine_of(parent: int) -> int:
    """The process that `parent` started; it runs until the test ends it."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(children[-1])


def is_gone(process: int) -> bool:
    ends = time.monotonic() + 10
    while Path(f"/proc/{process}").exists():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


OPENED = """
import asyncio
from promptrun.models import Server
from promptrun.providers.local.model import LocalModel

async def main():
    model = LocalModel(Server(name="local", kind="local"))
    try:
        assert await model.open() is None
        print("open", flush=True)
        await asyncio.sleep(60)
    finally:
        await model.close()
        print("closed", flush=True)

asyncio.run(main())
"""


@pytest.mark.local
@needs_proc
@pytest.mark.parametrize(
    ("sent", "said"),
    [
        pytest.param(signal.SIGINT, "closed\n", id="Ctrl-C"),
        pytest.param(signal.SIGKILL, "", id="a kill"),
    ],
)
def test_the_engine_never_outlives_what_started_it(sent: signal.Signals, said: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OPENED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        engine = engine_of(process.pid)

        process.send_signal(sent)
        output, errors = process.communicate(timeout=20)

    assert output == said
    assert "llama" not in errors
    assert is_gone(engine)


@pytest.mark.local
def test_the_engine_asks_for_its_key() -> None:
    from urllib.error import HTTPError
    from urllib.request import urlopen

    from promptrun.providers.local.weights import fetch_weights

    async def run() -> int:
        engine = await start_engine(
            model=fetch_weights(), alias="x", template="", slots=1, context=256
        )
        try:
            with pytest.raises(HTTPError) as caught:
                await asyncio.to_thread(urlopen, f"{engine.url}/v1/chat/completions", b"{}")
            caught.value.close()
            return caught.value.code
        finally:
            await engine.stop()

    assert asyncio.run(run()) == 401
