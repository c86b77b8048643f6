"""Where requests go, with everything that is needed to get there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct


class Server(Struct, frozen=True, kw_only=True):
    """One provider, resolved from the settings, the environment and the flags.

    The key belongs to this host alone; it is never shown, not even in a repr.
    """

    name: str
    """``openai``, ``local``, or the NAME of a ``[providers.NAME]`` table."""
    kind: Literal["openai", "azure", "local"]
    base_url: str | None = None
    """None: the official host (or, for `local`, a port that the engine picks)."""
    api_key: str | None = None
    organization: str | None = None
    project: str | None = None
    api_version: str | None = None
    """Azure's ``api-version``."""
    model_file: Path | None = None
    """For `local`: a GGUF file of the user's own."""
    timeout: float = 600.0
    """Seconds for one whole reply."""
    connect_timeout: float = 15.0
    """Seconds until the server accepts a connection."""
    idle_timeout: float = 120.0
    """Seconds between two chunks of a reply that has begun to come."""
    requests_per_minute: int | None = None
    """How often it may be asked, retries included; None for as often as it lets us."""
    tokens_per_minute: int | None = None
    """Tokens of requests and replies together."""

    @property
    def strict(self) -> bool:
        """Whether OpenAI's own ranges and enumerations hold; other servers may have wider ones."""
        return self.kind == "azure" or (self.kind == "openai" and self.name == "openai")

    def __repr__(self) -> str:
        return f"Server({self.name!r}, {self.kind!r}, base_url={self.base_url!r})"
