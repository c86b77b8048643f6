from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from promptrun.config import Flags, is_strict, key_variable, resolve_server
from promptrun.config.trust import grant, trust_needed
from promptrun.errors import TrustError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.config.conftest import Load

KEY = "sk-0123456789"
AZURE = '[providers.azure]\nkind = "azure"\n'
CORP = '[providers.corp]\nbase_url = "https://llm.corp.com/v1"\napi_key_env = "CORP_API_KEY"\n'


def test_openai_reads_what_the_sdk_reads(load: Load) -> None:
    environ = {
        "OPENAI_API_KEY": f" {KEY}\n",
        "OPENAI_BASE_URL": "https://proxy.example.com/v1/",
        "OPENAI_ORG_ID": "org-1",
        "OPENAI_PROJECT_ID": "proj_1",
    }
    server = resolve_server(load("", environ), "openai")
    assert (server.name, server.kind) == ("openai", "openai")
    assert server.api_key == KEY
    assert server.base_url == "https://proxy.example.com/v1"
    assert (server.organization, server.project) == ("org-1", "proj_1")


def test_openai_without_a_base_url_is_the_official_host(load: Load) -> None:
    assert resolve_server(load("", {"OPENAI_API_KEY": KEY}), "openai").base_url is None


@pytest.mark.parametrize("value", [None, "", "  \n"])
def test_openai_without_a_key_names_the_three_ways_out(load: Load, value: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_server(load("", {} if value is None else {"OPENAI_API_KEY": value}), "openai")
    hint = caught.value.hint or ""
    assert all(way in hint for way in ("`OPENAI_API_KEY`", "--provider local", "--replay"))


@pytest.mark.parametrize("value", ["sk-0123 456", "sk-0123\r\nX-Evil: 1", "sk-가나다", "sk-\x7f"])
def test_what_cannot_be_a_key_is_refused_unseen(load: Load, value: str) -> None:
    with pytest.raises(UsageError, match="cannot be a key") as caught:
        resolve_server(load("", {"OPENAI_API_KEY": value}), "openai")
    assert value not in str(caught.value)


def test_a_header_of_the_environment_cannot_hold_a_line_end(load: Load) -> None:
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "a\r\nX: y"}
    with pytest.raises(UsageError, match="OPENAI_ORG_ID"):
        resolve_server(load("", environ), "openai")


def test_the_users_own_base_url_may_be_plain_http(load: Load) -> None:
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://litellm:4000"}
    assert resolve_server(load("", environ), "openai").base_url == "http://litellm:4000"


def test_the_users_own_base_url_is_read_as_strictly(load: Load) -> None:
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://u:p@evil.com"}
    with pytest.raises(UsageError, match="OPENAI_BASE_URL"):
        resolve_server(load("", environ), "openai")


def test_a_key_of_the_shell_does_not_go_to_a_host_of_an_env_file(load: Load) -> None:
    settings = load("", {"OPENAI_API_KEY": KEY}, env_text="OPENAI_BASE_URL=https://evil.com/v1")
    with pytest.raises(UsageError, match="in a file") as caught:
        resolve_server(settings, "openai")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "env_text"),
    [
        pytest.param(
            {}, f"OPENAI_API_KEY={KEY}\nOPENAI_BASE_URL=https://a.com", id="both in the file"
        ),
        pytest.param(
            {"OPENAI_BASE_URL": "https://a.com"}, f"OPENAI_API_KEY={KEY}", id="the key in the file"
        ),
        pytest.param(
            {"OPENAI_API_KEY": KEY},
            "OPENAI_BASE_URL=https://api.openai.com/v1",
            id="the official host in the file",
        ),
    ],
)
def test_a_key_goes_to_the_host_that_it_was_set_with(
    load: Load, environ: dict[str, str], env_text: str
) -> None:
    assert resolve_server(load("", environ, env_text=env_text), "openai").api_key == KEY


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("opnai", "did you mean `openai`?", id="a typo"),
        pytest.param("crop", "did you mean `corp`?", id="a typo of a configured one"),
        pytest.param("zzz", "`openai`, `local`, `corp`", id="a name like none"),
        pytest.param("replay", "--replay", id="replay"),
        pytest.param("../corp", "[providers.NAME]", id="a path"),
    ],
)
def test_an_unknown_provider_names_the_known(load: Load, name: str, hint: str) -> None:
    settings = load(CORP)
    for resolve in (resolve_server, is_strict):
        with pytest.raises(UsageError, match="no provider") as caught:
            resolve(settings, name)
        assert hint in (caught.value.hint or "")


def test_a_local_server_of_the_project_needs_no_trust_and_has_no_key(load: Load) -> None:
    settings = load(
        '[providers.ollama]\nbase_url = "http://localhost:11434/v1"', {"OPENAI_API_KEY": KEY}
    )
    server = resolve_server(settings, "ollama")
    assert server.base_url == "http://localhost:11434/v1"
    assert server.api_key is None


def test_a_trusted_server_gets_its_own_key_and_no_other(load: Load) -> None:
    environ = {"CORP_API_KEY": "corp-0123456789", "OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-1"}
    settings = load(CORP, environ)
    grant(settings)
    server = resolve_server(settings, "corp")
    assert (server.base_url, server.api_key) == ("https://llm.corp.com/v1", "corp-0123456789")
    assert server.organization is None


def test_a_key_that_is_not_set_is_named(load: Load) -> None:
    settings = load(CORP, {"OPENAI_API_KEY": KEY})
    grant(settings)
    with pytest.raises(UsageError, match=r"promptrun\.toml:3:1: .*`CORP_API_KEY` is not set"):
        resolve_server(settings, "corp")


def test_showing_a_request_needs_neither_key_nor_trust(load: Load) -> None:
    settings = load(CORP + AZURE, {"CORP_API_KEY": "corp-0123456789", "OPENAI_API_KEY": KEY})
    for name in ("corp", "openai", "local", "azure"):
        assert resolve_server(settings, name, sends=False).api_key is None
    assert resolve_server(settings, "corp", sends=False).base_url == "https://llm.corp.com/v1"


AZURE_ENVIRON = {
    "AZURE_OPENAI_API_KEY": "azure-0123456789",
    "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/",
    "OPENAI_API_VERSION": "2024-10-21",
}


def test_azure_from_the_users_environment_alone_needs_no_trust(load: Load) -> None:
    server = resolve_server(load(AZURE, AZURE_ENVIRON), "azure")
    assert (server.name, server.kind) == ("azure", "azure")
    assert server.base_url == "https://mine.openai.azure.com"
    assert server.api_key == "azure-0123456789"
    assert server.api_version == "2024-10-21"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('base_url = "https://evil.com"', id="its own host for the user's key"),
        pytest.param('base_url = "http://127.0.0.1:1"', id="a port of this machine"),
        pytest.param('api_key_env = "AWS_SECRET_ACCESS_KEY"', id="its own key"),
    ],
)
def test_azure_with_a_choice_of_the_project_needs_trust(load: Load, line: str) -> None:
    with pytest.raises(TrustError):
        resolve_server(load(AZURE + line, AZURE_ENVIRON), "azure")


@pytest.mark.parametrize("variable", ["AZURE_OPENAI_ENDPOINT", "OPENAI_API_VERSION"])
def test_azure_names_what_is_missing(load: Load, variable: str) -> None:
    environ = {name: value for name, value in AZURE_ENVIRON.items() if name != variable}
    with pytest.raises(UsageError, match=variable):
        resolve_server(load(AZURE, environ), "azure")


def test_a_table_of_azure_wins_over_the_environment(load: Load) -> None:
    text = AZURE + 'base_url = "https://ours.openai.azure.com"\napi_version = "2025-01-01"\n'
    settings = load(text, AZURE_ENVIRON)
    grant(settings)
    server = resolve_server(settings, "azure")
    assert server.base_url == "https://ours.openai.azure.com"
    assert server.api_version == "2025-01-01"


def test_an_azure_key_of_the_shell_does_not_go_to_an_endpoint_of_an_env_file(load: Load) -> None:
    environ = {"AZURE_OPENAI_API_KEY": KEY, "OPENAI_API_VERSION": "2024-10-21"}
    settings = load(AZURE, environ, env_text="AZURE_OPENAI_ENDPOINT=https://evil.com")
    with pytest.raises(UsageError, match="in a file"):
        resolve_server(settings, "azure")


TERMS = """
timeout = 30
connect_timeout = 2.5
idle_timeout = 7
requests_per_minute = 500
tokens_per_minute = 200_000
"""


@pytest.mark.parametrize(
    ("table", "name"),
    [
        pytest.param("[providers.openai]\n", "openai", id="OpenAI's own"),
        pytest.param(CORP, "corp", id="the project's"),
        pytest.param(AZURE, "azure", id="Azure's"),
    ],
)
@pytest.mark.parametrize("sends", [True, False], ids=["to be asked", "to be shown"])
def test_a_server_is_asked_as_its_table_says(
    load: Load, table: str, name: str, sends: bool
) -> None:
    environ = AZURE_ENVIRON | {"OPENAI_API_KEY": KEY, "CORP_API_KEY": KEY}
    settings = load(table + TERMS, environ)
    grant(settings)
    server = resolve_server(settings, name, sends=sends)
    assert (server.timeout, server.connect_timeout, server.idle_timeout) == (30, 2.5, 7)
    assert (server.requests_per_minute, server.tokens_per_minute) == (500, 200_000)


@pytest.mark.parametrize("name", ["openai", "corp", "local"])
def test_what_a_table_leaves_out_has_its_default(load: Load, name: str) -> None:
    server = resolve_server(load("timeout = 9\n" + CORP), name, sends=False)
    assert (server.timeout, server.connect_timeout, server.idle_timeout) == (9, 15, 120)
    assert (server.requests_per_minute, server.tokens_per_minute) == (None, None)


def test_the_terms_of_one_server_are_not_those_of_another(load: Load) -> None:
    settings = load("[providers.openai]" + TERMS + CORP)
    for name in ("corp", "local"):
        assert resolve_server(settings, name, sends=False).requests_per_minute is None


def test_the_flag_leads_before_the_table_of_openai(load: Load) -> None:
    settings = load("[providers.openai]" + TERMS, flags=Flags(timeout=1.5))
    assert resolve_server(settings, "openai", sends=False).timeout == 1.5


def test_how_openai_is_asked_needs_no_trust_and_adds_no_provider(load: Load) -> None:
    settings = load("[providers.openai]" + TERMS, {"OPENAI_API_KEY": KEY})
    assert trust_needed(settings) is None
    assert not settings.providers
    server = resolve_server(settings, "openai")
    assert (server.base_url, server.api_key, server.strict) == (None, KEY, True)


@pytest.mark.parametrize(
    ("name", "strict"), [("openai", True), ("azure", True), ("local", False), ("corp", False)]
)
def test_openais_own_ranges_hold_for_openai_and_azure(load: Load, name: str, strict: bool) -> None:
    settings = load(AZURE + CORP, AZURE_ENVIRON)
    assert is_strict(settings, name) is strict
    assert resolve_server(settings, name, sends=False).strict is strict


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("local", "YOUR_API_KEY"),
        ("ollama", "YOUR_API_KEY"),
        ("azure", "AZURE_OPENAI_API_KEY"),
        ("corp", "CORP_API_KEY"),
    ],
)
def test_a_command_to_copy_names_the_key_of_its_own_server(
    load: Load, name: str, variable: str
) -> None:
    settings = load(AZURE + CORP + '[providers.ollama]\nbase_url = "http://localhost:11434/v1"')
    grant(settings)
    assert key_variable(settings, name) == variable


def test_a_command_to_copy_names_no_key_for_a_table_that_nobody_trusts(
    load: Load, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(CORP)
    assert key_variable(settings, "corp") == "YOUR_API_KEY"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(root))
    assert key_variable(settings, "corp") == "YOUR_API_KEY"


def test_local_needs_nothing(load: Load) -> None:
    server = resolve_server(load(""), "local")
    assert (server.kind, server.model_file, server.api_key) == ("local", None, None)


def test_local_takes_a_model_of_the_users_own(load: Load, root: Path) -> None:
    model = root / "m.gguf"
    model.touch()
    settings = load("", {"PROMPTRUN_LOCAL_MODEL": str(model)})
    assert resolve_server(settings, "local").model_file == model


def test_a_model_file_that_is_missing_is_an_error(load: Load) -> None:
    settings = load("", {"PROMPTRUN_LOCAL_MODEL": "/nowhere/m.gguf"})
    with pytest.raises(UsageError, match="no model file"):
        resolve_server(settings, "local")
