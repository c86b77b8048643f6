from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from promptrun.config import Flags, choose_provider, load_settings, resolve_server
from promptrun.config.settings import DEFAULT_JOBS
from promptrun.errors import UsageError, UsageErrors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.config.conftest import Load

OLLAMA = '[providers.ollama]\nbase_url = "http://localhost:11434/v1"\n'


def test_a_project_without_a_file_has_the_defaults(root: Path) -> None:
    settings = load_settings(root, environ={})
    assert choose_provider(settings, None) == "openai"
    assert settings.jobs == DEFAULT_JOBS
    assert settings.defaults == {}
    assert not settings.in_ci
    assert settings.locate("defaults") is None


@pytest.mark.parametrize(
    ("flag", "spec", "variable", "file", "chosen"),
    [
        pytest.param("local", "a", "b", "c", "local", id="the flag leads"),
        pytest.param(None, "a", "b", "c", "a", id="then the spec"),
        pytest.param(None, None, "b", "c", "b", id="then the environment"),
        pytest.param(None, None, "", "c", "c", id="then the file, for an empty variable"),
        pytest.param(None, None, "", "", "openai", id="then openai"),
    ],
)
def test_the_provider_is_chosen_in_order(
    load: Load, flag: str | None, spec: str | None, variable: str, file: str, chosen: str
) -> None:
    text = f'provider = "{file}"\n' if file else ""
    text += '[providers.c]\nbase_url = "http://localhost/v1"\n'
    environ = {"PROMPTRUN_PROVIDER": variable, "OPENAI_API_KEY": "sk-0123456789"}
    settings = load(text, environ, flags=Flags(provider=flag))
    assert choose_provider(settings, spec) == chosen


def test_a_key_in_the_environment_never_chooses(load: Load) -> None:
    settings = load('provider = "local"', {"OPENAI_API_KEY": "sk-0123456789"})
    assert choose_provider(settings, None) == "local"


@pytest.mark.parametrize(
    ("flag", "file", "jobs"), [(3, "jobs = 5", 3), (None, "jobs = 5", 5), (None, "", DEFAULT_JOBS)]
)
def test_jobs_come_from_the_flag_then_the_file(
    load: Load, flag: int | None, file: str, jobs: int
) -> None:
    assert load(file, flags=Flags(jobs=flag)).jobs == jobs


@pytest.mark.parametrize(
    ("flag", "table", "file", "timeout"),
    [
        pytest.param(1.5, "timeout = 2", "timeout = 3", 1.5, id="the flag leads"),
        pytest.param(None, "timeout = 2.5", "timeout = 3", 2.5, id="then the provider's table"),
        pytest.param(None, "", "timeout = 3", 3, id="then the file"),
        pytest.param(None, "", "", 600, id="then ten minutes"),
    ],
)
def test_the_timeout_is_chosen_in_order(
    load: Load, flag: float | None, table: str, file: str, timeout: float
) -> None:
    settings = load(f"{file}\n{OLLAMA}{table}", flags=Flags(timeout=flag))
    assert resolve_server(settings, "ollama").timeout == timeout


@pytest.mark.parametrize(
    ("value", "in_ci"),
    [("1", True), ("true", True), ("woodpecker", True), ("0", False), ("", False),
     ("false", False), ("False", False)],
)  # fmt: skip
def test_ci_is_a_variable_that_is_not_off(load: Load, value: str, in_ci: bool) -> None:
    assert load("", {"CI": value}).in_ci is in_ci


def test_a_file_cannot_say_that_this_is_no_ci(load: Load) -> None:
    assert load("", {"CI": "1"}, env_text="CI=0").in_ci
    assert not load("", {}, env_text="CI=1").in_ci


def test_pyproject_serves_where_there_is_no_other_file(root: Path) -> None:
    text = '[tool.promptrun]\nprovider = "local"\n[tool.promptrun.defaults]\nmodel = "m"\n'
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    settings = load_settings(root, environ={})
    assert choose_provider(settings, None) == "local"
    assert settings.defaults == {"model": "m"}
    assert str(settings.locate("defaults", "model")) == "pyproject.toml:4:1"


def test_two_files_of_settings_are_a_mistake(root: Path) -> None:
    (root / "promptrun.toml").write_text("jobs = 1", encoding="utf-8")
    (root / "pyproject.toml").write_text("[tool.promptrun]\njobs = 2", encoding="utf-8")
    with pytest.raises(UsageError, match=r"pyproject\.toml:1:7: .*promptrun\.toml"):
        load_settings(root, environ={})


@pytest.mark.parametrize(
    "text",
    ["[tool.ruff]\n", "x = [\n", "dependencies = ['promptrun']\n", "# promptrun\nx = [\n"],
    ids=["other tools", "broken", "a dependency", "broken with the word in it"],
)
def test_a_pyproject_of_others_does_not_matter(root: Path, text: str) -> None:
    (root / "promptrun.toml").write_text("jobs = 1", encoding="utf-8")
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    assert load_settings(root, environ={}).jobs == 1


def test_a_file_of_a_folder_below_does_not_count(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "promptrun.toml").write_text("jobs = 1", encoding="utf-8")
    assert load_settings(root, environ={}).jobs == DEFAULT_JOBS


def test_an_env_file_of_the_project_is_not_read_unasked(load: Load, root: Path) -> None:
    (root / ".env").write_text("OPENAI_API_KEY=sk-0123456789", encoding="utf-8")
    with pytest.raises(UsageError, match="needs a key"):
        resolve_server(load(""), "openai")


def test_an_env_file_feeds_keys_and_settings_and_leaves_the_environment(load: Load) -> None:
    environ = {"PROMPTRUN_PROVIDER": ""}
    text = "OPENAI_API_KEY=sk-0123456789\nPROMPTRUN_PROVIDER=local\n"
    settings = load("", environ, env_text=text)
    assert choose_provider(settings, None) == "local"
    assert resolve_server(settings, "openai").api_key == "sk-0123456789"
    assert environ == {"PROMPTRUN_PROVIDER": ""}


def test_the_environment_wins_over_an_env_file(load: Load) -> None:
    settings = load("", {"OPENAI_API_KEY": "from-process"}, env_text="OPENAI_API_KEY=from-file")
    assert resolve_server(settings, "openai").api_key == "from-process"


def test_a_repr_shows_no_key(load: Load) -> None:
    settings = load("", {"OPENAI_API_KEY": "sk-0123456789"}, env_text="A=sk-9876543210")
    shown = repr(settings) + repr(resolve_server(settings, "openai"))
    assert "sk-0123456789" not in shown
    assert "sk-9876543210" not in shown


def test_every_mistake_of_every_file_is_told_at_once(load: Load) -> None:
    with pytest.raises(UsageErrors) as caught:
        load("jobs = 0\nmodle = 1\n", env_text="A\n")
    places = [str(error.location).rpartition("/")[2] for error in caught.value.errors]
    assert places == ["promptrun.toml:1:1", "promptrun.toml:2:1", ".env:1:1"]


MISTAKES = [
    pytest.param("jbos = 1", "unknown key `jbos`", "did you mean `jobs`?", id="a typo"),
    pytest.param("zzz = 1", "unknown key `zzz`", "known are", id="a key that is like none"),
    pytest.param("model = 'm'", "unknown key `model`", "[defaults]", id="a default at the top"),
    pytest.param("update = 'all'", "unknown key `update`", "--update", id="a flag as a key"),
    pytest.param("api_key = 'x'", "unknown key `api_key`", "api_key_env", id="a key in the file"),
    pytest.param("jobs = '8'", "`jobs` must be a whole number, not text", "", id="a quoted number"),
    pytest.param("jobs = true", "not true or false", "", id="true for a number"),
    pytest.param("jobs = 1.0", "`jobs` must be a whole number", "", id="a fraction"),
    pytest.param("jobs = 0", "between 1 and 1000", "", id="no jobs"),
    pytest.param("jobs = 1000000000", "between 1 and 1000", "", id="too many jobs"),
    pytest.param("timeout = 0", "above 0", "", id="no time"),
    pytest.param("timeout = inf", "above 0", "", id="endless time"),
    pytest.param("timeout = nan", "above 0", "", id="no number of seconds"),
    pytest.param("timeout = 2020-01-01", "not a date or a time", "", id="a date"),
    pytest.param("allow_python = 'true'", "must be true or false", "", id="true in quotes"),
    pytest.param("secrets = 'A'", "`secrets` must be a list", "", id="one secret"),
    pytest.param("secrets = ['a b']", "`secrets` must be a list", "", id="a secret with a space"),
    pytest.param("defaults = 1", "`defaults` must be a table", "", id="a number for a table"),
    pytest.param("[[defaults]]", "`defaults` must be a table, not a list", "", id="list of tables"),
    pytest.param("[defaults]\na = 2020-01-01", "not JSON", "in quotes", id="a date in defaults"),
    pytest.param("[defaults]\na = [{b = nan}]", "not JSON", "", id="nan in defaults"),
    pytest.param("provider = 'lokal'", "no provider `lokal`", "`local`", id="a provider's typo"),
    pytest.param("provider = 'replay'", "no provider `replay`", "--replay", id="replay"),
    pytest.param("provider = ''", "not empty", "", id="an empty provider"),
    pytest.param("[providers.local]", "promptrun's own", "this machine", id="the name local"),
    pytest.param("[providers.replay]", "promptrun's own", "another", id="the name replay"),
    pytest.param("[providers.Corp]", "cannot name a provider", "small", id="a capital"),
    pytest.param("[providers.'../x']", "cannot name a provider", "small", id="a path for a name"),
    pytest.param("[providers.'']", "cannot name a provider", "small", id="an empty name"),
    pytest.param("[providers.'ｃorp']", "cannot name a provider", "small", id="a full-width name"),
    pytest.param("[providers]\nx = 1", "`x` must be a table", "[providers.x]", id="no table"),
    pytest.param("[providers.x]", "`base_url` is missing", "base_url =", id="no URL"),
    pytest.param(OLLAMA + "bas_url = 1", "unknown key `bas_url`", "`base_url`", id="an inner typo"),
    pytest.param(OLLAMA + "headers = {}", "unknown key `headers`", "known", id="a header"),
    pytest.param(OLLAMA + "kind = 'aws'", "must be `openai` or `azure`", "", id="another kind"),
    pytest.param(OLLAMA + "api_version = '1'", "is Azure's", "kind", id="Azure's key elsewhere"),
    pytest.param(OLLAMA + "project = 'a\\r\\nX: y'", "printable ASCII", "", id="a line end"),
    pytest.param(OLLAMA + "api_key_env = 'A=B'", "the name of an environment", "", id="no name"),
    pytest.param(OLLAMA + "api_key_env = ''", "not empty", "", id="an empty name of a key"),
    pytest.param(OLLAMA + "requests_per_minute = 0", "at least 1", "leave it", id="no request"),
    pytest.param(OLLAMA + "requests_per_minute = 0.5", "a whole number", "", id="half a request"),
    pytest.param(OLLAMA + "tokens_per_minute = -1", "at least 1", "leave it", id="below zero"),
    pytest.param(OLLAMA + "tokens_per_minute = '9k'", "not text", "", id="tokens in words"),
    pytest.param(OLLAMA + "connect_timeout = 0", "above 0", "", id="no time to connect"),
    pytest.param(OLLAMA + "idle_timeout = inf", "above 0", "", id="endless idleness"),
    pytest.param("tokens_per_minute = 9", "unknown key", "[providers.NAME]", id="a rate on top"),
    pytest.param(OLLAMA + "tokens_per_minute = 10_000_000_000", "between", "", id="a huge rate"),
    pytest.param("idle_timeout = 9", "unknown key", "[providers.NAME]", id="a pause at the top"),
    pytest.param("[providers]\nopenai = 1", "`openai` must be a table", "", id="openai, no table"),
    pytest.param("[providers.openai]\ntimeout = 0", "above 0", "", id="no time for openai"),
    pytest.param(
        "[providers.openai]\nrequest_per_minute = 9",
        "unknown key `request_per_minute`",
        "did you mean `requests_per_minute`?",
        id="a typo for openai",
    ),
    pytest.param(
        "[providers.openai]\nbase_url = 'https://evil.com/v1'",
        "`base_url` cannot be set for `openai`, which takes its server and its key from",
        "[providers.NAME]",
        id="a server for openai",
    ),
    pytest.param(
        "[providers.openai]\napi_key_env = 'MY_API_KEY'",
        "`api_key_env` cannot be set for `openai`",
        "[providers.NAME]",
        id="a key for openai",
    ),
    pytest.param(
        "[providers.openai]\nheaders = {}", "unknown key `headers`", "known", id="openai's headers"
    ),
    pytest.param(
        "[providers.x]\nbase_url = 'http://evil.com/v1'\napi_key_env = 'X_API_KEY'",
        "a key must not go to `http://evil.com` unencrypted",
        "https",
        id="a key over plain http",
    ),
    pytest.param(
        "[providers.x]\nkind = 'azure'\nbase_url = 'http://evil.com'",
        "a key must not go to `http://evil.com` unencrypted",
        "https",
        id="Azure's own key over plain http",
    ),
    pytest.param(
        "[providers.x]\nbase_url = 'http://localhost@evil.com'",
        "must not hold a user name",
        "api_key_env",
        id="a user in the URL",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "hint"), MISTAKES)
def test_a_mistake_is_told_with_what_mends_it(
    load: Load, text: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageErrors) as caught:
        load(text)
    (error,) = caught.value.errors
    assert message in error.message
    assert hint in (error.hint or "")
    assert error.location
    assert error.location.file == "promptrun.toml"


@pytest.mark.parametrize(
    "line",
    [
        'api_key = "sk-0123456789"',
        'api_key_env = "sk-0123456789"',
        'base_url = "https://user:sk-0123456789@example.com"',
        "api_key_env = sk-0123456789",
    ],
)
def test_a_key_in_the_wrong_place_is_not_quoted(load: Load, line: str) -> None:
    with pytest.raises(UsageErrors) as caught:
        load(f"[providers.x]\n{line}")
    for error in caught.value.errors:
        assert "sk-0123456789" not in str(error)
        assert "sk-0123456789" not in (error.location.source if error.location else "")


def test_a_hostile_key_cannot_steer_a_terminal(load: Load) -> None:
    with pytest.raises(UsageErrors) as caught:
        load(f'"\\u001b[2J{"x" * 5000}" = 1')
    (error,) = caught.value.errors
    assert "\x1b" not in error.message
    assert len(error.message) < 100


def test_a_file_of_mistakes_ends_after_some(load: Load) -> None:
    with pytest.raises(UsageErrors) as caught:
        load("\n".join(f"k{number} = 1" for number in range(20_000)))
    assert len(caught.value.errors) == 50
