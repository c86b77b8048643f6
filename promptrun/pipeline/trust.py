"""What the project at hand asks for, for the command that grants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.config import load_settings
from promptrun.config.trust import grant, is_trusted, revoke, trust_needed
from promptrun.files.tree import find_root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from promptrun.config import Settings
    from promptrun.config.trust import TrustRequest


class Trust:
    """The permissions that one project asks for, and giving or taking them."""

    def __init__(self, settings: Settings, request: TrustRequest | None) -> None:
        self._settings = settings
        self.lines = request.lines if request else ()
        self.digest = request.digest if request else None

    @property
    def granted(self) -> bool:
        """Whether exactly these permissions are given already."""
        return is_trusted(self._settings)

    def grant(self) -> None:
        """Give them; UsageError where the user's configuration cannot be written."""
        grant(self._settings)

    def revoke(self) -> bool:
        """Take them back; False where they were not given."""
        return revoke(self._settings)


def read_trust(folder: Path, environ: Mapping[str, str]) -> Trust:
    """What the project around `folder` asks for; no lines where it asks for nothing."""
    settings = load_settings(find_root(folder), environ=environ)
    return Trust(settings, trust_needed(settings))
