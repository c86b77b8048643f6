"""``[providers.NAME]``: a server that a project names, and whether naming it needs trust."""

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
KEY_HINT = "a key stands in no file: `api_key_env` names the environment variable that holds it"

PROVIDER_KEYS = (
    "kind",
    "base_url",
    "api_key_env",
    "api_version",
    "organization",
    "project",
    "timeout",
)
_PROVIDER_HINTS = {"api_key": KEY_HINT, "model": "put it under `[defaults]`"}


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
    timeout: float | None = None

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
        if name in RESERVED:
            checker.fail(path, f"`{name}` is a provider of promptrun's own", "choose another name")
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
        timeout=checker.seconds(values, path, "timeout", most=MAX_TIMEOUT),
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
