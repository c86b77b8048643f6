"""What a project's own file says: ``promptrun.toml``, or ``[tool.promptrun]`` in pyproject.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from promptrun.config.checker import Checker, shown, suggest
from promptrun.config.environment import is_variable_name
from promptrun.config.provider_tables import (
    BUILT_IN,
    KEY_HINT,
    MAX_TIMEOUT,
    TERMS_KEYS,
    ProviderTable,
    ServerTerms,
    read_openai,
    read_providers,
)
from promptrun.config.runs_table import RunsTable, read_runs
from promptrun.config.toml_file import TomlFile, read_toml
from promptrun.errors import UsageError
from promptrun.files.tree import has_tool_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from promptrun.config.toml_file import KeyPath

FILE_NAME = "promptrun.toml"
MAX_JOBS = 1000

KEYS = ("provider", "jobs", "timeout", "secrets", "allow_python", "defaults", "providers", "runs")
_HINTS = {
    **dict.fromkeys(
        ("model", "parameters", "compare", "expect", "samples"), "put it under `[defaults]`"
    ),
    **dict.fromkeys(
        ("base_url", "api_key_env", "api_version", *TERMS_KEYS), "put it under `[providers.NAME]`"
    ),
    **dict.fromkeys(("keep", "days", "record"), "put it under `[runs]`"),
    "api_key": KEY_HINT,
    "update": "it is a flag: `--update`",
    "trust": "nobody can trust himself: see `promptrun trust`",
}


class Project(Struct, frozen=True, kw_only=True):
    """The settings of one root, as its file gives them."""

    file: TomlFile | None = None
    provider: str | None = None
    jobs: int | None = None
    timeout: float | None = None
    secrets: tuple[str, ...] = ()
    allow_python: bool = False
    defaults: dict[str, Any] = field(default_factory=dict)
    providers: dict[str, ProviderTable] = field(default_factory=dict)
    openai: ServerTerms = ServerTerms()
    """How the server of the provider `openai` is asked."""
    runs: RunsTable = RunsTable()


def load_project(root: Path) -> Project:
    """Read the settings of `root`, where it has any.

    Raises UsageErrors with every mistake, UsageError where nothing can be read at all. Settings
    in both files are a mistake: one of them would silently count for nothing.
    """
    own, shared = root / FILE_NAME, root / "pyproject.toml"
    file = read_toml(own) if own.is_file() else None
    try:
        table = read_toml(shared, ("tool", "promptrun")) if has_tool_table(shared) else None
    except UsageError:
        # A broken pyproject.toml is the business of its own tools as long as nothing here needs it.
        if file is None:
            raise
        table = None
    if file and table:
        raise UsageError(
            f"settings stand in `{FILE_NAME}` and in `pyproject.toml`",
            location=table.locate(()),
            hint="keep one of them",
        )
    file = file or table
    return _check(file) if file else Project()


def _check(file: TomlFile) -> Project:
    checker, values = Checker(file), file.values
    checker.keys(values, (), KEYS, _HINTS)
    tables = checker.table(values, (), "providers")
    providers = read_providers(checker, tables)
    project = Project(
        file=file,
        provider=_read_choice(checker, values, providers),
        jobs=checker.whole(values, (), "jobs", least=1, most=MAX_JOBS),
        timeout=checker.seconds(values, (), "timeout", most=MAX_TIMEOUT),
        secrets=_read_secrets(checker, values),
        allow_python=checker.flag(values, (), "allow_python"),
        defaults=_read_defaults(checker, checker.table(values, (), "defaults")),
        providers=providers,
        openai=read_openai(checker, tables),
        runs=read_runs(checker, values),
    )
    if checker.errors:
        checker.finish()
    return project


def _read_choice(
    checker: Checker, values: Mapping[str, Any], providers: Mapping[str, ProviderTable]
) -> str | None:
    name = checker.text(values, (), "provider")
    # A table with a mistake of its own is still the one that is meant.
    known = (*BUILT_IN, *providers, *(values.get("providers") or ()))
    if name is not None and name not in known:
        checker.fail(("provider",), f"no provider `{shown(name)}`", _provider_hint(name, known))
    return name


def _provider_hint(name: str, known: tuple[str, ...]) -> str | None:
    return "`--replay` is a flag of its own" if name == "replay" else suggest(name, known)


def _read_secrets(checker: Checker, values: Mapping[str, Any]) -> tuple[str, ...]:
    names = values.get("secrets", [])
    if not isinstance(names, list) or not all(
        isinstance(name, str) and is_variable_name(name) for name in names
    ):
        checker.fail(("secrets",), "`secrets` must be a list of names of environment variables")
        return ()
    return tuple(names)


def _read_defaults(checker: Checker, defaults: dict[str, Any]) -> dict[str, Any]:
    """The table as it is, with nothing in it that JSON has not; the spec loader checks the rest."""
    pending: list[tuple[KeyPath, Any]] = [(("defaults",), defaults)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            pending.extend(((*path, key), inner) for key, inner in value.items())
        elif isinstance(value, list):
            pending.extend(((*path, index), inner) for index, inner in enumerate(value))
        elif isinstance(value, float) and value - value != 0:
            checker.fail(path, "`nan` and `inf` are not JSON")
        elif not isinstance(value, bool | int | float | str):
            checker.fail(path, "a date or a time is not JSON", "write it in quotes")
    return defaults
