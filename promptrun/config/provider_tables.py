"""``[providers.NAME]``: a server that a project names, and whether naming it needs trust.

``[providers.openai]`` is the server that the user's own environment names. A project says only how
it is to be asked, which permits nothing and needs no trust.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from promptrun.config.checker import Checker, shown
from promptrun.config.environment import is_variable_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from promptrun.config.toml_file import KeyPath
    from promptrun.config.urls import Url

BUILT_IN = ("openai", "local")
RESERVED = (*BUILT_IN, "replay")
MAX_TIMEOUT = 86_400.0
MAX_RATE = 1_000_000_000
KEY_HINT = "a key stands in no file: `api_key_env` names the environment variable that holds it"

TERMS_KEYS = (
    "timeout",
    "connect_timeout",
    "idle_timeout",
    "requests_per_minute",
    "tokens_per_minute",
)
PROVIDER_KEYS = (
    "kind",
    "base_url",
    "api_key_env",
    "api_version",
    "organization",
    "project",
    *TERMS_KEYS,
)
_RESERVED_HINTS = {
    "local": "it runs on this machine and has no limits; another server needs another name",
    "replay": "choose another name",
}
_PROVIDER_HINTS = {"api_key": KEY_HINT, "model": "put it under `[defaults]`"}


class ServerTerms(Struct, frozen=True, kw_only=True):
    """How a server is asked: seconds to wait for it, and its limits; None where nobody says."""

    timeout: float | None = None
    connect_timeout: float | None = None
    idle_timeout: float | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class ProviderTable(Struct, frozen=True, kw_only=True):
    """One ``[providers.NAME]``."""

    name: str
    kind: Literal["openai", "azure"] = "openai"
    base_url: str | None = None
    """In its one spelling; None only for `azure`, whose endpoint the environment then names."""
    origin: str | None = None
    """Scheme, host and port of the base URL."""
    loopback: bool = False
    api_key_env: str | None = None
    api_version: str | None = None
    organization: str | None = None
    project: str | None = None
    terms: ServerTerms = ServerTerms()

    @property
    def key_name(self) -> str | None:
        """The environment variable that holds its key; Azure has one without naming it."""
        return self.api_key_env or ("AZURE_OPENAI_API_KEY" if self.kind == "azure" else None)

    @property
    def needs_trust(self) -> bool:
        """Whether it chooses a key, or a host that is not this machine.

        An Azure table that names neither takes both from the user's own environment, and chooses
        nothing.
        """
        if self.base_url is None:
            return self.api_key_env is not None
        return not self.loopback or self.key_name is not None


def read_providers(checker: Checker, tables: Mapping[str, Any]) -> dict[str, ProviderTable]:
    """The tables that are right; every mistake is left with the checker."""
    providers: dict[str, ProviderTable] = {}
    for name in tables:
        path = ("providers", name)
        if name == "openai":
            continue
        if name in RESERVED:
            checker.fail(path, f"`{name}` is a provider of promptrun's own", _RESERVED_HINTS[name])
        elif not _is_provider_name(name):
            checker.fail(
                path,
                f"`{shown(name)}` cannot name a provider",
                "a name begins with a small letter and goes on with `a-z`, `0-9`, `_` and `-`",
            )
        elif not isinstance(tables[name], dict):
            checker.fail(path, f"`{name}` must be a table", f"write `[providers.{name}]`")
        else:
            providers[name] = _read_provider(checker, name, tables[name])
    return providers


def read_openai(checker: Checker, tables: Mapping[str, Any]) -> ServerTerms:
    """How ``[providers.openai]`` wants OpenAI's server to be asked."""
    path = ("providers", "openai")
    values = checker.table(tables, ("providers",), "openai")
    for key in PROVIDER_KEYS:
        if key in values and key not in TERMS_KEYS:
            checker.fail(
                (*path, key),
                f"`{key}` cannot be set for `openai`, which takes its server and its key from "
                "your environment",
                "give a server of the project's another name, `[providers.NAME]`",
            )
    others = {key: value for key, value in values.items() if key not in PROVIDER_KEYS}
    checker.keys(others, path, TERMS_KEYS, _PROVIDER_HINTS)
    return _read_terms(checker, values, path)


def _is_provider_name(name: str) -> bool:
    # Names stand in the paths of snapshots, `snapshots/@NAME/`, on systems that fold letter case.
    letters = "abcdefghijklmnopqrstuvwxyz"
    rest = f"{letters}0123456789_-"
    return 0 < len(name) <= 40 and name[0] in letters and all(one in rest for one in name)


def _read_provider(checker: Checker, name: str, values: Mapping[str, Any]) -> ProviderTable:
    path = ("providers", name)
    checker.keys(values, path, PROVIDER_KEYS, _PROVIDER_HINTS)
    kind = checker.text(
        values, path, "kind", allowed={"openai", "azure"}.__contains__, must="`openai` or `azure`"
    )
    key_name = checker.text(
        values,
        path,
        "api_key_env",
        allowed=is_variable_name,
        must="the name of an environment variable, not a key",
    )
    is_azure = kind == "azure"
    url = _read_base_url(checker, values, path, has_key=is_azure or "api_key_env" in values)
    if not is_azure and "base_url" not in values:
        checker.fail(path, "`base_url` is missing", 'write `base_url = "https://…/v1"`')
    if not is_azure and "api_version" in values:
        checker.fail((*path, "api_version"), "`api_version` is Azure's", 'add `kind = "azure"`')
    return ProviderTable(
        name=name,
        kind="azure" if is_azure else "openai",
        base_url=url.text if url else None,
        origin=url.origin if url else None,
        loopback=url.loopback if url else False,
        api_key_env=key_name,
        api_version=checker.text(values, path, "api_version"),
        organization=checker.text(values, path, "organization"),
        project=checker.text(values, path, "project"),
        terms=_read_terms(checker, values, path),
    )


def _read_terms(checker: Checker, values: Mapping[str, Any], path: KeyPath) -> ServerTerms:
    def seconds(key: str) -> float | None:
        return checker.seconds(values, path, key, most=MAX_TIMEOUT)

    def rate(key: str) -> int | None:
        value = values.get(key)
        if type(value) is int and value < 1:
            hint = "leave it out where the server has no such limit"
            checker.fail((*path, key), f"`{key}` must be at least 1", hint)
            return None
        return checker.whole(values, path, key, least=1, most=MAX_RATE)

    return ServerTerms(
        timeout=seconds("timeout"),
        connect_timeout=seconds("connect_timeout"),
        idle_timeout=seconds("idle_timeout"),
        requests_per_minute=rate("requests_per_minute"),
        tokens_per_minute=rate("tokens_per_minute"),
    )


def _read_base_url(
    checker: Checker, values: Mapping[str, Any], path: KeyPath, *, has_key: bool
) -> Url | None:
    from promptrun.config.urls import UrlProblem, read_url

    text = checker.text(values, path, "base_url")
    if text is None:
        return None
    try:
        url = read_url(text)
    except UrlProblem as problem:
        checker.fail((*path, "base_url"), problem.message, problem.hint)
        return None
    if has_key and not url.encrypted and not url.loopback:
        checker.fail(
            (*path, "base_url"),
            f"a key must not go to `{url.origin}` unencrypted",
            "use `https://`, or leave the key out where the server needs none",
        )
    return url
