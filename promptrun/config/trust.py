"""Which permissions a project asks for, and whether the user has given them.

A stranger's ``promptrun.toml`` may name any host and any variable. Such tables count only once
``promptrun trust`` has noted their digest, together with the project's place, in the user's own
configuration; or, for a CI job, once ``PROMPTRUN_TRUST`` names the digest. The place counts
because ``allow_python = true`` has the same digest everywhere and means other code in each project.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from promptrun.errors import TrustError, UsageError

if TYPE_CHECKING:
    from promptrun.config.provider_tables import ProviderTable
    from promptrun.config.settings import Settings

FORMAT = 1
FILE_NAME = "trust.json"


class TrustRequest(Struct, frozen=True, kw_only=True):
    """What a project asks for."""

    root: Path
    digest: str
    """64 hex digits; the same for any order and any formatting of the tables."""
    lines: tuple[str, ...]
    """One sentence for each permission, for people."""


def trust_needed(settings: Settings) -> TrustRequest | None:
    """The permissions that the project asks for, granted or not; None where it asks for none."""
    tables = [table for table in settings.providers.values() if table.needs_trust]
    if not tables and not settings.project.allow_python:
        return None
    lines = [_describe(table) for table in sorted(tables, key=lambda table: table.name)]
    if settings.project.allow_python:
        lines.append(f"Python code below `{settings.root}` may run with all your rights")
    return TrustRequest(
        root=settings.root,
        digest=_digest(tables, allow_python=settings.project.allow_python),
        lines=tuple(lines),
    )


def is_trusted(settings: Settings) -> bool:
    """Whether all that the project asks for is granted.

    Raises UsageError where the user's own configuration cannot be relied on.
    """
    request = trust_needed(settings)
    return request is None or _is_granted(settings, request)


def python_allowed(settings: Settings) -> bool:
    """Whether the project wants to run Python code and may."""
    return settings.project.allow_python and is_trusted(settings)


def require_trust(settings: Settings, what: str, *path: str) -> None:
    """Raise TrustError unless the project is trusted.

    `what` begins the message, and `path` is the key in the project's file that asks.
    """
    request = trust_needed(settings)
    if request is None or _is_granted(settings, request):
        return
    asked = "\n".join(f"- {line}" for line in request.lines)
    raise TrustError(
        f"{what} is not trusted yet. The settings of this project ask that\n{asked}",
        location=settings.locate(*path),
        hint="if you want that, run `promptrun trust`; "
        f"in a CI job set `PROMPTRUN_TRUST={request.digest}`",
    )


def grant(settings: Settings) -> Path | None:
    """Note that the user trusts the project as it is now; the file of the note, None for nothing.

    Raises UsageError where the user's own configuration cannot be relied on or be written.
    """
    request = trust_needed(settings)
    if request is None:
        return None
    import time

    path = _store(settings.root)
    projects = _read(path)
    projects.setdefault(str(request.root), {})[request.digest] = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "what": list(request.lines),
    }
    _write(path, projects)
    return path


def revoke(settings: Settings) -> bool:
    """Forget everything that was granted to the project; whether there was anything."""
    path = _store(settings.root)
    projects = _read(path)
    if projects.pop(str(settings.root), None) is None:
        return False
    _write(path, projects)
    return True


def _is_granted(settings: Settings, request: TrustRequest) -> bool:
    # Only the process itself speaks for the user: a project could ship a file for `--env-file`.
    named = settings.environment.own("PROMPTRUN_TRUST") or ""
    if request.digest in named.replace(",", " ").split():
        return True
    return request.digest in _read(_store(settings.root)).get(str(request.root), {})


def _digest(tables: list[ProviderTable], *, allow_python: bool) -> str:
    """A timeout is left out: it permits nothing, and a change to it should not stop a CI job."""
    from hashlib import sha256

    from promptrun.files.json import canonical

    asked = {
        "promptrun_trust": FORMAT,
        "allow_python": allow_python,
        "providers": {
            table.name: {
                "kind": table.kind,
                "base_url": table.base_url,
                "api_key_env": table.api_key_env,
                "api_version": table.api_version,
                "organization": table.organization,
                "project": table.project,
            }
            for table in tables
        },
    }
    return sha256(canonical(asked).encode()).hexdigest()


def _describe(table: ProviderTable) -> str:
    host = f"`{table.origin}`" if table.origin else "the host in `AZURE_OPENAI_ENDPOINT`"
    key = table.key_name
    if key is None:
        unencrypted = ", unencrypted" if (table.origin or "").startswith("http:") else ""
        return f"prompts of provider `{table.name}` go to {host}{unencrypted}, without a key"
    line = f"prompts of provider `{table.name}` go to {host}, with the value of `{key}` as the key"
    if key == "OPENAI_API_KEY" and table.origin != "https://api.openai.com":
        return f"{line} (your OpenAI key, at a host that is not OpenAI's)"
    if not key.endswith(("API_KEY", "API_TOKEN")):
        return f"{line} (its name is not that of an API key)"
    return line


def _store(root: Path) -> Path:
    """The user's own note of what is trusted; never a file that the project could bring along."""
    from platformdirs import user_config_dir

    path = Path(user_config_dir("promptrun", appauthor=False)) / FILE_NAME
    if not path.is_absolute() or path.resolve().is_relative_to(root):
        raise UsageError(
            f"your configuration, `{path}`, lies inside the project `{root}`",
            hint="set `XDG_CONFIG_HOME` to a folder outside, "
            "or put a `promptrun.toml` into the folder of the specs",
        )
    return path


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """The digests that are trusted, by the root of their project."""
    from promptrun.files.json import parse

    try:
        content = parse(path.read_bytes().decode("utf-8", "surrogatepass"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        content = None
    if isinstance(content, dict) and content.get("promptrun_trust") == FORMAT:
        projects = content.get("projects")
        if isinstance(projects, dict) and all(isinstance(one, dict) for one in projects.values()):
            return projects
    raise UsageError(
        f"`{path}` cannot be read as promptrun's note of trusted projects",
        hint="delete it, and run `promptrun trust` in each project that you trust",
    )


def _write(path: Path, projects: dict[str, dict[str, Any]]) -> None:
    from promptrun.files.atomic import write_atomic
    from promptrun.files.json import pretty

    content = pretty({"promptrun_trust": FORMAT, "projects": projects})
    try:
        # The name of a folder need not be Unicode.
        write_atomic(path, f"{content}\n".encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise UsageError(f"cannot write `{path}`: {error.strerror}") from None
