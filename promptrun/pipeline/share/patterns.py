"""What a project and its machine must not tell of themselves, as patterns."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from promptrun.pipeline.plan import Plan

_ADDRESSES: Final = ("OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT")


def compile_secrets(secrets: Sequence[str]) -> re.Pattern[str] | None:
    """The configured secrets in each of their spellings; None where there are none."""
    if not secrets:
        return None
    from promptrun.config.spellings import spellings_of

    forms = {form for secret in secrets for form in spellings_of(secret)}
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))


def compile_hosts(plan: Plan) -> re.Pattern[str] | None:
    """The servers that the settings and the environment name, as messages of failures have them."""
    from urllib.parse import urlsplit

    hosts: set[str] = set()
    for planned in plan.specs:
        settings = planned.project.settings
        urls = [table.base_url for table in settings.providers.values()]
        urls += [settings.environment.get(name) for name in _ADDRESSES]
        for url in urls:
            with suppress(ValueError):
                host = urlsplit(url or "").hostname
                hosts |= {host} if host else set()
    if not hosts:
        return None
    named = "|".join(map(re.escape, sorted(hosts, key=len, reverse=True)))
    return re.compile(rf"(?:https?://)?(?:{named})(?::\d+)?(?:/[\w./-]*)?", re.IGNORECASE)


def compile_paths(plan: Plan) -> re.Pattern[str] | None:
    """The folders that name a user or a machine: home, the project, where the command was typed.

    Each in its spellings, and as it was typed where that goes through a link. One that is as short
    as ``/root`` or ``/app`` names nobody, and stands in many texts.
    """
    folders = {plan.options.cwd, *(planned.project.root for planned in plan.specs)}
    with suppress(RuntimeError):  # a user without a home
        folders |= {Path.home(), Path(os.path.realpath(Path.home()))}
    typed = (plan.options.environ.get("PWD", ""), *plan.options.targets)
    folders |= {one for name in typed for one in _as_typed(name, folders)}
    telling = {str(one) for one in folders if len(one.parts) > 2}
    if not telling:
        return None
    forms = sorted({form for one in telling for form in _spell(one)}, key=len, reverse=True)
    # What follows may be a particle of Korean: a name that only begins so is taken for it.
    return re.compile(rf"(?:{'|'.join(map(re.escape, forms))})(?![A-Za-z0-9_-])")


def _as_typed(name: str, folders: Collection[Path]) -> list[Path]:
    """The folders above a typed path that are one of `folders`, by another name."""
    path = Path(name)
    if not path.is_absolute() or "\0" in name:
        return []
    above = (path, *path.parents)
    return [one for one in above if one not in folders and Path(os.path.realpath(one)) in folders]


def _spell(folder: str) -> Iterator[str]:
    """A folder as a disk, a URL or JSON writes it: some disks take Korean syllables apart."""
    from promptrun.config.spellings import spellings_of

    for form in ("NFC", "NFD"):
        yield from spellings_of(normalize(form, folder))
    yield folder
