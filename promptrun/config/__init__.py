"""Settings, trust and secrets: everything that is decided before a run, and by whom.

A project's own file is written by anybody; the environment and the flags are the user's. What only
`promptrun trust` and a server that needs it use stands in `promptrun.config.trust`.
"""

from promptrun.config.environment import Environment
from promptrun.config.project import Project
from promptrun.config.provider_tables import ProviderTable
from promptrun.config.secrets import Masker, MaskStream, secrets_of
from promptrun.config.servers import choose_provider, is_strict, key_variable, resolve_server
from promptrun.config.settings import Flags, Settings, load_settings

__all__ = [
    "Environment",
    "Flags",
    "MaskStream",
    "Masker",
    "Project",
    "ProviderTable",
    "Settings",
    "choose_provider",
    "is_strict",
    "key_variable",
    "load_settings",
    "resolve_server",
    "secrets_of",
]
