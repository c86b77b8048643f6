"""Settings, trust and secrets: everything that is decided before a run, and by whom.

A project's own file is written by anybody; the environment and the flags are the user's.
"""

from promptrun.config.environment import Environment
from promptrun.config.project import Project
from promptrun.config.provider_tables import ProviderTable
from promptrun.config.secrets import Masker, MaskStream, secrets_of
from promptrun.config.servers import choose_provider, is_strict, key_variable, resolve_server
from promptrun.config.settings import Flags, Settings, load_settings
from promptrun.config.trust import (
    TrustRequest,
    grant,
    is_trusted,
    python_allowed,
    require_trust,
    revoke,
    trust_needed,
)

__all__ = [
    "Environment",
    "Flags",
    "MaskStream",
    "Masker",
    "Project",
    "ProviderTable",
    "Settings",
    "TrustRequest",
    "choose_provider",
    "grant",
    "is_strict",
    "is_trusted",
    "key_variable",
    "load_settings",
    "python_allowed",
    "require_trust",
    "resolve_server",
    "revoke",
    "secrets_of",
    "trust_needed",
]
