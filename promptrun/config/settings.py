"""The settings of one root: defaults < the project's file < the environment < flags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from promptrun.config.environment import Environment
from promptrun.config.project import Project, load_project
from promptrun.errors import UsageError, UsageErrors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from promptrun.config.provider_tables import ProviderTable
    from promptrun.errors import Location

DEFAULT_JOBS = 16
DEFAULT_TIMEOUT = 600.0


class Flags(Struct, frozen=True, kw_only=True):
    """What the command line says; None where it says nothing. Bounds are checked there."""

    provider: str | None = None
    jobs: int | None = None
    timeout: float | None = None


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that is set for one root, resolved once."""

    root: Path
    """A real path."""
    environment: Environment
    flags: Flags
    project: Project
    in_ci: bool
    jobs: int
    """How many requests are under way at once."""

    @property
    def defaults(self) -> dict[str, Any]:
        """``[defaults]`` as it was written: JSON values that nobody has checked further."""
        return self.project.defaults

    @property
    def providers(self) -> Mapping[str, ProviderTable]:
        """The ``[providers.NAME]`` tables; what they ask for still needs trust."""
        return self.project.providers

    def locate(self, *path: str | int) -> Location | None:
        """Where a key of the project's file stands, such as ``"defaults", "model"``."""
        return self.project.file.locate(path) if self.project.file else None


def load_settings(
    root: Path,
    *,
    environ: Mapping[str, str],
    env_file: Path | None = None,
    flags: Flags | None = None,
) -> Settings:
    """Resolve the settings of `root`.

    `env_file` adds variables that `environ` does not have; neither is ever changed. Raises
    UsageErrors with every mistake in the project's file and in `env_file`.
    """
    errors: list[UsageError] = []
    variables: dict[str, str] = {}
    project = Project()
    root = root.resolve()
    try:
        project = load_project(root)
    except UsageError as error:
        errors.extend(_each(error))
    try:
        variables = _read_variables(env_file)
    except UsageError as error:
        errors.extend(_each(error))
    if errors:
        raise UsageErrors(errors)
    flags = flags or Flags()
    environment = Environment(environ, variables)
    return Settings(
        root=root,
        environment=environment,
        flags=flags,
        project=project,
        in_ci=(environment.own("CI") or "0").lower() not in {"0", "false"},
        jobs=flags.jobs or project.jobs or DEFAULT_JOBS,
    )


def _read_variables(env_file: Path | None) -> dict[str, str]:
    if env_file is None:
        return {}
    from promptrun.config.env_file import read_env_file

    return read_env_file(env_file)


def _each(error: UsageError) -> tuple[UsageError, ...]:
    return error.errors if isinstance(error, UsageErrors) else (error,)
