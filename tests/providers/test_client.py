from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from promptrun.models import Server
from tests.openai_server import Answer, OpenAIServer, redirect, text
from tests.providers.support import (
    BODY,
    STREAM,
    ask_failure,
    ask_reply,
    azure_at,
    server_at,
)

pytestmark = pytest.mark.usefixtures("library")

KEY = "sk-test-0123456789"
ENVIRONMENT = {
    "OPENAI_API_KEY": "sk-environment",
    "OPENAI_ADMIN_KEY": "sk-admin-environment",
    "OPENAI_BASE_URL": "http://127.0.0.1:1/environment",
    "OPENAI_ORG_ID": "org-environment",
    "OPENAI_PROJECT_ID": "proj-environment",
    "OPENAI_WEBHOOK_SECRET": "whsec-environment",
    "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer environment\nX-Environment: environment",
    "OPENAI_API_TYPE": "azure",
    "OPENAI_API_VERSION": "version-environment",
    "AZURE_OPENAI_API_KEY": "azure-environment",
    "AZURE_OPENAI_AD_TOKEN": "token-environment",
    "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:1/environment",
    "HTTP_PROXY": "http://environment:environment@127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "ALL_PROXY": "http://127.0.0.1:1",
    "NO_PROXY": "",
}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
        if name.endswith("PROXY"):
            monkeypatch.setenv(name.lower(), value)


def sent_headers(server: OpenAIServer) -> dict[str, str]:
    plumbing = {"host", "connection", "content-length", "user-agent"}
    return {k: v for k, v in server.requests[-1].headers.items() if k not in plumbing}


PLAIN = {
    "accept": "application/json",
    "accept-encoding": "identity",
    "content-type": "application/json",
}


@pytest.mark.usefixtures("variables")
def test_nothing_of_the_environment_is_sent() -> None:
    with OpenAIServer() as server:
        ask_reply(server_at(server), BODY)
        assert sent_headers(server) == PLAIN | {"authorization": f"Bearer {KEY}"}
        ask_reply(azure_at(server), BODY)
        assert sent_headers(server) == PLAIN | {"api-key": KEY}
        assert server.requests[-1].query == {"api-version": ["2024-06-01"]}
    for request in server.requests:
        assert "environment" not in repr(request)


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("at", [server_at, azure_at], ids=["openai", "azure"])
def test_a_server_without_a_key_gets_none(at: Any) -> None:
    with OpenAIServer() as server:
        ask_reply(at(server, api_key=None), BODY)
    assert sent_headers(server) == PLAIN


def test_organization_and_project_are_sent_where_the_settings_name_them() -> None:
    with OpenAIServer() as server:
        ask_reply(server_at(server, organization="org-1", project="proj-1"), BODY)
    headers = sent_headers(server)
    assert headers["openai-organization"] == "org-1"
    assert headers["openai-project"] == "proj-1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("at", [server_at, azure_at], ids=["openai", "azure"])
@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
def test_a_key_never_reaches_another_host(at: Any, status: int, body: dict[str, Any]) -> None:
    with OpenAIServer() as stranger, OpenAIServer() as server:
        server.reply = redirect(f"{stranger.base_url}/chat/completions", status)
        failure = ask_failure(at(server), body)
    assert not stranger.requests
    assert failure.message == f"the server redirects to `{stranger.base_url}/chat/completions`"
    assert failure.hint
    assert "set `base_url`" in failure.hint


@pytest.mark.parametrize(
    "model", ["../../../admin", "a/b?c=d#e", "//evil.test/x", "http://evil.test", "gpt 4o", "모델"]
)
def test_a_model_cannot_leave_its_place_in_azures_path(model: str) -> None:
    with OpenAIServer() as server:
        ask_reply(azure_at(server), BODY | {"model": model})
    path = server.requests[0].path
    assert path.startswith("/openai/deployments/")
    assert path.endswith("/chat/completions")
    assert path.count("/") == 5
    assert server.requests[0].query == {"api-version": ["2024-06-01"]}
    assert server.requests[0].json["model"] == model


@pytest.mark.parametrize("end", ["", "/"], ids=["bare", "with a slash"])
def test_a_closing_slash_of_an_address_changes_nothing(end: str) -> None:
    with OpenAIServer() as server:
        ask_reply(server_at(server, base_url=server.base_url + end), BODY)
        ask_reply(azure_at(server, base_url=server.host + end), BODY)
    assert [request.path for request in server.requests] == [
        "/v1/chat/completions",
        "/openai/deployments/gpt-4o-mini/chat/completions",
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(
            {"api_key": "sk-secret\n"},
            "`api_key` holds a space, a line end or a character that no header may hold",
            id="a line end in the key",
        ),
        pytest.param(
            {"api_key": "sk-비밀"},
            "`api_key` holds a space, a line end or a character that no header may hold",
            id="Korean in the key",
        ),
        pytest.param(
            {"organization": "a\r\nx: y"},
            "`organization` holds a space, a line end or a character that no header may hold",
            id="a header in the organization",
        ),
        pytest.param({"base_url": "ftp://x/"}, "`ftp://x/` is no address of a server", id="ftp"),
        pytest.param({"base_url": "example"}, "`example` is no address of a server", id="a word"),
        pytest.param(
            {"base_url": "http://[::1"}, "`http://[::1` is no address of a server", id="bad IPv6"
        ),
        pytest.param(
            {"kind": "azure", "base_url": "http://127.0.0.1:1", "api_version": None},
            "Azure needs its endpoint as `base_url`, and an `api_version`",
            id="Azure without its version",
        ),
        pytest.param(
            {"kind": "azure", "base_url": None, "api_version": "1"},
            "Azure needs its endpoint as `base_url`, and an `api_version`",
            id="Azure without its endpoint",
        ),
    ],
)
def test_settings_that_cannot_work_are_told_without_a_secret(
    fields: dict[str, Any], message: str
) -> None:
    failure = ask_failure(Server(**{"name": "x", "kind": "openai"} | fields), BODY)
    assert (failure.kind, failure.message) == ("setup", message)


def test_a_proxy_that_cannot_be_used_is_a_setup_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:1")
    failure = ask_failure(Server(name="x", kind="openai", base_url="http://192.0.2.1/v1"), BODY)
    assert failure.kind == "setup"
    assert failure.hint
    assert "ALL_PROXY" in failure.hint


def test_a_server_elsewhere_is_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with OpenAIServer(text("through the proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.host)
        monkeypatch.setenv("http_proxy", proxy.host)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        server = Server(name="x", kind="openai", base_url="http://models.test/v1", timeout=5)
        reply = ask_reply(server, BODY)
    assert reply.choices[0].content == "through the proxy"


def test_an_encoded_reply_was_not_asked_for_and_is_bounded_all_the_same() -> None:
    import zlib

    bomb = zlib.compress(b'{"choices": [' + b" " * 2**27)
    headers = (("content-type", "application/json"), ("content-encoding", "deflate"))
    with OpenAIServer(Answer(body=bomb, headers=headers)) as server:
        failure = ask_failure(server_at(server), BODY)
    assert failure.message == "the reply is larger than 64 MiB"


def test_importing_the_table_of_providers_imports_no_engine() -> None:
    program = (
        "import sys, promptrun.providers, promptrun.execute;"
        "print([n for n in ('asyncio', 'openai', 'httpx', 'httpx2', 'pydantic', 'xllamacpp')"
        " if n in sys.modules])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.strip() == "[]"
