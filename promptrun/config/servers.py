"""From the name of a provider to a server: its URL, its key, and whether that key may go there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from promptrun.config.checker import is_plain, shown, suggest
from promptrun.config.provider_tables import BUILT_IN
from promptrun.config.settings import DEFAULT_TIMEOUT
from promptrun.errors import UsageError
from promptrun.models.server import Server

if TYPE_CHECKING:
    from promptrun.config.provider_tables import ProviderTable, ServerTerms
    from promptrun.config.settings import Settings

OPENAI_HOST = "api.openai.com"
NO_KEY = "YOUR_API_KEY"
"""Stands where a command that people copy would name the variable of a key, and there is none."""


def choose_provider(settings: Settings, spec_provider: str | None) -> str:
    """The name of the provider for a spec: the flag, the spec's own, the environment, the file.

    Whether a key is set never chooses. The name may be unknown: `resolve_server` and `is_strict`
    say so.
    """
    return (
        settings.flags.provider
        or spec_provider
        or settings.environment.get("PROMPTRUN_PROVIDER")
        or settings.project.provider
        or "openai"
    )


def is_strict(settings: Settings, name: str) -> bool:
    """Whether OpenAI's own ranges hold for a provider; UsageError where there is none of the name.

    It asks for no key and no trust, so a replay and a check can know it, too.
    """
    table = _find(settings, name)
    return table.kind == "azure" if table else name == "openai"


def resolve_server(settings: Settings, name: str, *, sends: bool = True) -> Server:
    """The server that a provider's name stands for.

    ``sends=False`` is for what only shows a request: no key is read, and nothing has to be there
    or to be trusted. Raises UsageError for an unknown name, a key or an
    endpoint that is missing, and TrustError for a table that nobody has trusted.
    """
    table = _find(settings, name)
    if table:
        return _configured(settings, table, sends=sends)
    if name == "local":
        return _local(settings, sends=sends)
    return _openai(settings, sends=sends)


def key_variable(settings: Settings, name: str) -> str:
    """The environment variable that holds the key of a provider, for a command to be copied.

    `NO_KEY` where there is none, and where nobody has trusted the table that names it: the command
    would carry the key to the host of a stranger. UsageError for an unknown name.
    """
    table = _find(settings, name)
    if table is None:
        return "OPENAI_API_KEY" if name == "openai" else NO_KEY
    if table.needs_trust:
        from promptrun.config.trust import is_trusted

        # A user's configuration that cannot be relied on grants nothing.
        with suppress(UsageError):
            return (table.key_name or NO_KEY) if is_trusted(settings) else NO_KEY
        return NO_KEY
    return table.key_name or NO_KEY


def _find(settings: Settings, name: str) -> ProviderTable | None:
    """The table of that name; None for one of promptrun's own providers."""
    if name in settings.providers:
        return settings.providers[name]
    if name in BUILT_IN:
        return None
    if name == "replay":
        raise UsageError("no provider `replay`", hint="`--replay` is a flag of its own")
    known = (*BUILT_IN, *settings.providers)
    raise UsageError(
        f"no provider `{shown(name)}`",
        hint=f"{suggest(name, known)} (others stand in `promptrun.toml` as `[providers.NAME]`)",
    )


def _timeout(settings: Settings, own: float | None = None) -> float:
    return settings.flags.timeout or own or settings.project.timeout or DEFAULT_TIMEOUT


def _with_terms(server: Server, settings: Settings, terms: ServerTerms) -> Server:
    return replace(
        server,
        timeout=_timeout(settings, terms.timeout),
        connect_timeout=terms.connect_timeout or server.connect_timeout,
        idle_timeout=terms.idle_timeout or server.idle_timeout,
        requests_per_minute=terms.requests_per_minute,
        tokens_per_minute=terms.tokens_per_minute,
    )


def _local(settings: Settings, *, sends: bool) -> Server:
    model_file = None
    if name := settings.environment.get("PROMPTRUN_LOCAL_MODEL"):
        model_file = Path(name).expanduser().absolute()
        if sends and not model_file.is_file():
            raise UsageError(
                f"no model file `{shown(name)}`",
                hint="`PROMPTRUN_LOCAL_MODEL` names a GGUF file; without it SmolLM2 is used",
            )
    return Server(name="local", kind="local", model_file=model_file, timeout=_timeout(settings))


def _openai(settings: Settings, *, sends: bool) -> Server:
    base_url, origin = _own_url(settings, "OPENAI_BASE_URL")
    api_key = None
    if sends:
        if origin != f"https://{OPENAI_HOST}":
            _refuse_foreign_url(settings, "OPENAI_BASE_URL", "OPENAI_API_KEY")
        api_key = _key(settings, "OPENAI_API_KEY")
        if api_key is None:
            raise UsageError(
                "provider `openai` needs a key, and `OPENAI_API_KEY` is not set",
                hint="set `OPENAI_API_KEY`, or run the embedded model with `--provider local`, "
                "or judge the accepted replies with `--replay`",
            )
    server = Server(
        name="openai",
        kind="openai",
        base_url=base_url,
        api_key=api_key,
        organization=_header(settings, "OPENAI_ORG_ID"),
        project=_header(settings, "OPENAI_PROJECT_ID"),
    )
    return _with_terms(server, settings, settings.project.openai)


def _configured(settings: Settings, table: ProviderTable, *, sends: bool) -> Server:
    if sends and table.needs_trust:
        from promptrun.config.trust import require_trust

        require_trust(settings, f"provider `{table.name}`", "providers", table.name)
    base_url, api_version = table.base_url, table.api_version
    key_name = table.key_name
    if key_name and table.kind == "azure":
        api_version = api_version or _header(settings, "OPENAI_API_VERSION")
        if base_url is None:
            base_url, _ = _own_url(settings, "AZURE_OPENAI_ENDPOINT")
        if sends:
            if table.base_url is None:
                _refuse_foreign_url(settings, "AZURE_OPENAI_ENDPOINT", key_name)
            _require(settings, table, "base_url", base_url, "AZURE_OPENAI_ENDPOINT")
            _require(settings, table, "api_version", api_version, "OPENAI_API_VERSION")
    api_key = None
    if sends and key_name:
        api_key = _key(settings, key_name)
        if api_key is None:
            raise UsageError(
                f"provider `{table.name}` needs a key, and `{key_name}` is not set",
                location=settings.locate("providers", table.name, "api_key_env"),
                hint=f"set `{key_name}` in the environment or in the file of `--env-file`",
            )
    server = Server(
        name=table.name,
        kind=table.kind,
        base_url=base_url,
        api_key=api_key,
        organization=table.organization,
        project=table.project,
        api_version=api_version,
    )
    return _with_terms(server, settings, table.terms)


def _require(
    settings: Settings, table: ProviderTable, key: str, value: str | None, variable: str
) -> None:
    if value is None:
        raise UsageError(
            f"provider `{table.name}` has no `{key}`",
            location=settings.locate("providers", table.name),
            hint=f"write it into the table, or set `{variable}`",
        )


def _own_url(settings: Settings, variable: str) -> tuple[str | None, str | None]:
    """The base URL and the origin that the user's own environment names, if it names one.

    Unlike a project's, it may be plain http: whoever sets it also sets the key.
    """
    from promptrun.config.urls import UrlProblem, read_url

    text = settings.environment.get(variable)
    if text is None:
        return None, None
    try:
        url = read_url(text.strip())
    except UrlProblem as problem:
        raise UsageError(f"`{variable}`: {problem.message}", hint=problem.hint) from None
    return url.text, url.origin


def _refuse_foreign_url(settings: Settings, url_name: str, key_name: str) -> None:
    """Keep a key of the shell from a host that only the file of ``--env-file`` names."""
    environment = settings.environment
    if environment.is_from_file(url_name) and environment.own(key_name):
        raise UsageError(
            f"`{key_name}` is set in the environment, but its host, `{url_name}`, in a file",
            hint="a key goes only to the host that it was set with: put both in the same place",
        )


def _key(settings: Settings, variable: str) -> str | None:
    value = (settings.environment.get(variable) or "").strip()
    if value and not is_plain(value):
        raise UsageError(
            f"the value of `{variable}` cannot be a key",
            hint="a key is printable ASCII without spaces or line ends",
        )
    return value or None


def _header(settings: Settings, variable: str) -> str | None:
    value = (settings.environment.get(variable) or "").strip()
    if value and not is_plain(value):
        raise UsageError(f"the value of `{variable}` is not printable ASCII without spaces")
    return value or None
