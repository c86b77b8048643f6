"""By which programs a run is made."""

from __future__ import annotations


def openai_version() -> str | None:
    """Of the package, which is not loaded for that: it takes half a second. None without one."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("openai")
    except PackageNotFoundError:
        return None
