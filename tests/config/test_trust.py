from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from promptrun.config import Settings, load_settings, resolve_server
from promptrun.config.trust import grant, is_trusted, python_allowed, revoke, trust_needed
from promptrun.errors import TrustError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.config.conftest import Load

CORP = '[providers.corp]\nbase_url = "https://llm.corp.com/v1"\napi_key_env = "CORP_API_KEY"\n'
SECRETS = {
    "OPENAI_API_KEY": "sk-0123456789",
    "AWS_SECRET_ACCESS_KEY": "aws-0123456789",
    "HOME": "/home/somebody",
    "CORP_API_KEY": "corp-0123456789",
}


def digest_of(settings: Settings) -> str:
    request = trust_needed(settings)
    assert request
    return request.digest


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="no file"),
        pytest.param('provider = "local"\n[defaults]\nmodel = "m"', id="no providers"),
        pytest.param('[providers.x]\nbase_url = "http://localhost:1/v1"', id="this machine"),
        pytest.param('[providers.x]\nbase_url = "http://127.0.0.1:1/v1"', id="its address"),
        pytest.param('[providers.x]\nkind = "azure"', id="the user's own Azure"),
        pytest.param("allow_python = false", id="no Python code"),
    ],
)
def test_a_harmless_project_needs_no_trust(load: Load, text: str) -> None:
    settings = load(text)
    assert trust_needed(settings) is None
    assert is_trusted(settings)
    assert grant(settings) is None


ATTACKS = [
    pytest.param('base_url = "https://evil.com/v1"', "https://evil.com", id="a host without a key"),
    pytest.param('base_url = "http://192.168.0.9/v1"', "unencrypted", id="plain http"),
    pytest.param(
        'base_url = "https://evil.com/v1"\napi_key_env = "OPENAI_API_KEY"',
        "your OpenAI key, at a host that is not OpenAI's",
        id="the OpenAI key to another host",
    ),
    pytest.param(
        'base_url = "https://api.openai.com.evil.com/v1"\napi_key_env = "OPENAI_API_KEY"',
        "not OpenAI's",
        id="the OpenAI key to a host that looks right",
    ),
    pytest.param(
        'base_url = "https://api.openai.com:8443/v1"\napi_key_env = "OPENAI_API_KEY"',
        "not OpenAI's",
        id="the OpenAI key to another port",
    ),
    pytest.param(
        'base_url = "https://evil.com/v1"\napi_key_env = "AWS_SECRET_ACCESS_KEY"',
        "`AWS_SECRET_ACCESS_KEY` as the key (its name is not that of an API key)",
        id="another secret",
    ),
    pytest.param(
        'base_url = "https://evil.com/v1"\napi_key_env = "HOME"',
        "`HOME` as the key (its name is not that of an API key)",
        id="a variable that is no key",
    ),
    pytest.param(
        'base_url = "http://127.0.0.1:9999/v1"\napi_key_env = "CORP_API_KEY"',
        "`http://127.0.0.1:9999`, with the value of `CORP_API_KEY`",
        id="a key to another port of this machine",
    ),
    pytest.param('base_url = "http://127.0.0.1.evil.com/v1"', "evil.com", id="a lookalike"),
    pytest.param('base_url = "http://[::ffff:127.0.0.1]/v1"', "::ffff", id="a mapped address"),
    pytest.param(
        'kind = "azure"\nbase_url = "https://evil.com"', "AZURE_OPENAI_API", id="Azure"
    ),
]  # fmt: skip


@pytest.mark.parametrize("place", ["promptrun.toml", "pyproject.toml"])
@pytest.mark.parametrize(("table", "shown"), ATTACKS)
def test_a_strangers_project_gets_no_key_and_no_prompt(
    root: Path, table: str, shown: str, place: str
) -> None:
    header = "[providers.x]" if place == "promptrun.toml" else "[tool.promptrun.providers.x]"
    (root / place).write_text(f"{header}\n{table}\n", encoding="utf-8")
    settings = load_settings(root, environ=SECRETS)
    assert not is_trusted(settings)
    with pytest.raises(TrustError) as caught:
        resolve_server(settings, "x")
    error = caught.value
    assert shown in error.message
    assert "promptrun trust" in (error.hint or "")
    assert f"PROMPTRUN_TRUST={digest_of(settings)}" in (error.hint or "")
    assert error.location
    assert error.location.file == place
    assert not any(secret in str(error) for secret in SECRETS.values())


def test_an_untrusted_table_does_not_stop_other_providers(load: Load) -> None:
    settings = load(CORP, SECRETS)
    assert resolve_server(settings, "openai").api_key == "sk-0123456789"
    assert resolve_server(settings, "local").kind == "local"


def test_trust_lasts_until_it_is_revoked(load: Load) -> None:
    settings = load(CORP, SECRETS)
    assert not revoke(settings)
    grant(settings)
    assert is_trusted(settings)
    assert resolve_server(load(CORP, SECRETS), "corp").api_key == "corp-0123456789"
    assert revoke(settings)
    assert not is_trusted(settings)


def test_the_note_tells_people_what_they_trusted(load: Load, config_home: Path, root: Path) -> None:
    settings = load(CORP)
    path = grant(settings)
    assert path
    assert path.is_relative_to(config_home)
    note = json.loads(path.read_text(encoding="utf-8"))["projects"][str(root)][digest_of(settings)]
    assert "https://llm.corp.com" in note["what"][0]
    assert note["when"].endswith("Z")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("llm.corp.com", "llm.corp.com.evil.com", id="the host"),
        pytest.param("/v1", "/v2", id="the path"),
        pytest.param("https://llm.corp.com", "https://llm.corp.com:444", id="the port"),
        pytest.param("CORP_API_KEY", "AWS_SECRET_ACCESS_KEY", id="the key"),
        pytest.param("providers.corp", "providers.other", id="the name"),
        pytest.param("api_key_env", 'kind = "azure"\napi_key_env', id="the kind"),
        pytest.param("api_key_env", 'organization = "x"\napi_key_env', id="the organization"),
        pytest.param("api_key_env", 'project = "x"\napi_key_env', id="the project"),
        pytest.param("[prov", "allow_python = true\n[prov", id="Python code"),
        pytest.param("[prov", "[providers.b]\nbase_url = 'https://b.com'\n[prov", id="a new table"),
    ],
)
def test_a_change_of_what_matters_ends_trust(load: Load, old: str, new: str) -> None:
    grant(load(CORP))
    assert old in CORP
    assert not is_trusted(load(CORP.replace(old, new)))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("# note\n\n" + CORP.replace(" = ", "   =  "), id="formatting"),
        pytest.param(
            '[providers]\ncorp = {api_key_env = "CORP_API_KEY", '
            'base_url = "https://llm.corp.com/v1"}\n',
            id="an inline table in another order",
        ),
        pytest.param(CORP.replace("https://llm", "HTTPS://LLM").replace("/v1", ":443/v1/"),
                     id="another spelling of the URL"),
        pytest.param(CORP + "timeout = 5", id="a timeout"),
        pytest.param(CORP + "[defaults]\nmodel = 'm'", id="defaults"),
        pytest.param("jobs = 3\n" + CORP, id="jobs"),
        pytest.param("[providers.o]\nbase_url = 'http://localhost:1'\n" + CORP, id="this machine"),
    ],
)  # fmt: skip
def test_a_change_of_nothing_that_matters_keeps_trust(load: Load, text: str) -> None:
    grant(load(CORP))
    assert is_trusted(load(text))


def test_the_order_of_tables_does_not_matter(load: Load) -> None:
    other = '[providers.a]\nbase_url = "https://a.com"\n'
    assert digest_of(load(CORP + other)) == digest_of(load(other + CORP))


def test_trust_in_one_project_is_none_in_another(load: Load, tmp_path: Path) -> None:
    mine = load("allow_python = true")
    grant(mine)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "promptrun.toml").write_text("allow_python = true", encoding="utf-8")
    settings = load_settings(stranger, environ={})
    assert digest_of(settings) == digest_of(mine)
    assert not is_trusted(settings)


def test_a_nested_project_has_no_share_in_the_outer_ones_trust(load: Load, root: Path) -> None:
    grant(load("allow_python = true\n" + CORP))
    nested = root / "vendor"
    nested.mkdir()
    (nested / "promptrun.toml").write_text("allow_python = true\n" + CORP, encoding="utf-8")
    assert not is_trusted(load_settings(nested, environ={}))


def test_a_link_to_a_trusted_project_is_the_project(load: Load, root: Path, tmp_path: Path) -> None:
    grant(load(CORP))
    (tmp_path / "link").symlink_to(root)
    assert is_trusted(load_settings(tmp_path / "link", environ={}))


def test_python_code_needs_the_permission_and_trust(load: Load) -> None:
    assert not python_allowed(load(""))
    settings = load("allow_python = true")
    assert not python_allowed(settings)
    grant(settings)
    assert python_allowed(settings)


@pytest.mark.parametrize("form", ["{}", " {} ", "0000,{}", "0000 {}"])
def test_a_ci_job_names_the_digest(load: Load, form: str) -> None:
    digest = digest_of(load(CORP))
    environ = {**SECRETS, "PROMPTRUN_TRUST": form.format(digest)}
    assert resolve_server(load(CORP, environ), "corp").api_key == "corp-0123456789"


@pytest.mark.parametrize("form", ["", "1", "true", "*", "all"])
def test_nothing_but_the_digest_gives_trust(load: Load, form: str) -> None:
    digest = digest_of(load(CORP))
    for value in (form, digest[:-1], digest[:16], digest + "0"):
        assert not is_trusted(load(CORP, {"PROMPTRUN_TRUST": value}))


def test_an_env_file_cannot_give_trust(load: Load) -> None:
    digest = digest_of(load(CORP))
    assert not is_trusted(load(CORP, env_text=f"PROMPTRUN_TRUST={digest}"))


@pytest.mark.parametrize("place", ["", ".config", "a/b"])
def test_a_configuration_inside_the_project_is_not_believed(
    load: Load, root: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(root / place))
    settings = load(CORP)
    for ask in (is_trusted, grant, revoke):
        with pytest.raises(UsageError, match="lies inside the project"):
            ask(settings)


def test_a_link_into_the_project_is_not_believed(load: Load, root: Path, config_home: Path) -> None:
    config_home.mkdir()
    (config_home / "promptrun").symlink_to(root)
    with pytest.raises(UsageError, match="lies inside the project"):
        is_trusted(load(CORP))


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"promptrun_trust": 2, "projects": {}}', '{"promptrun_trust": 1}',
     '{"promptrun_trust": 1, "projects": {"x": []}}', "[" * 100_000, "\udcff"],
    ids=["empty", "a list", "cut", "newer", "no projects", "a list of digests", "deep", "no UTF-8"],
)  # fmt: skip
def test_a_damaged_note_is_neither_believed_nor_overwritten(
    load: Load, config_home: Path, content: str
) -> None:
    path = config_home / "promptrun" / "trust.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    settings = load(CORP)
    for ask in (is_trusted, grant, revoke):
        with pytest.raises(UsageError, match="cannot be read"):
            ask(settings)
    assert path.read_bytes() == content.encode("utf-8", "surrogateescape")


def test_one_project_is_forgotten_alone(load: Load, tmp_path: Path) -> None:
    mine = load(CORP)
    other_root = tmp_path / "other"
    other_root.mkdir()
    (other_root / "promptrun.toml").write_text(CORP, encoding="utf-8")
    other = load_settings(other_root, environ={})
    grant(mine)
    grant(other)
    revoke(mine)
    assert is_trusted(other)
