"""Reading values out of a table of settings, and remembering every mistake with its place."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from promptrun.errors import UsageError, UsageErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import NoReturn

    from promptrun.config.toml_file import KeyPath, TomlFile

MAX_ERRORS = 50
"""More than these help nobody, and a hostile file could hold a hundred thousand."""
MAX_TEXT = 2000

_TYPE_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table",
}


class Checker:
    """One file's mistakes; every reader gives None for a value that is missing or wrong."""

    def __init__(self, file: TomlFile) -> None:
        self.file = file
        self.errors: list[UsageError] = []

    def fail(self, path: KeyPath, message: str, hint: str | None = None) -> None:
        """Remember a mistake in the value at `path`."""
        self.errors.append(UsageError(message, location=self.file.locate(path), hint=hint))
        if len(self.errors) == MAX_ERRORS:
            self.finish()

    def finish(self) -> NoReturn:
        """Raise all that was found, in the order of the lines."""
        raise UsageErrors(sorted(self.errors, key=lambda error: error.location or ()))

    def keys(
        self,
        table: Mapping[str, Any],
        path: KeyPath,
        known: Iterable[str],
        hints: Mapping[str, str] | None = None,
    ) -> None:
        """Refuse keys that are not `known`; `hints` tell where a misplaced one belongs."""
        known = tuple(known)
        for key in table:
            if key not in known:
                hint = (hints or {}).get(key) or suggest(key, known)
                self.fail((*path, key), f"unknown key `{shown(key)}`", hint)

    def table(self, values: Mapping[str, Any], path: KeyPath, key: str) -> dict[str, Any]:
        """A table below `path`; an empty one where it is missing."""
        value = self._typed(values, path, key, dict)
        return value if value is not None else {}

    def flag(self, values: Mapping[str, Any], path: KeyPath, key: str) -> bool:
        """True or false; false where it is missing."""
        return self._typed(values, path, key, bool) is True

    def whole(
        self, values: Mapping[str, Any], path: KeyPath, key: str, *, least: int, most: int
    ) -> int | None:
        """A whole number within bounds."""
        value: int | None = self._typed(values, path, key, int)
        if value is None or least <= value <= most:
            return value
        self.fail((*path, key), f"`{key}` must lie between {least} and {most}")
        return None

    def seconds(
        self, values: Mapping[str, Any], path: KeyPath, key: str, *, most: float
    ) -> float | None:
        """A time above zero."""
        value: float | None = self._typed(values, path, key, float)
        if value is None or (isfinite(value) and 0 < value <= most):
            return value
        self.fail((*path, key), f"`{key}` must be above 0 and at most {most:g} seconds")
        return None

    def text(
        self,
        values: Mapping[str, Any],
        path: KeyPath,
        key: str,
        *,
        allowed: Callable[[str], bool] | None = None,
        must: str = "",
    ) -> str | None:
        """Printable ASCII without spaces, for names, URLs and headers, or what `allowed` takes.

        The value is never quoted: people paste keys into the wrong place.
        """
        value = self._typed(values, path, key, str)
        if value is None:
            return None
        if not is_plain(value):
            must = "printable ASCII without spaces, and not empty"
        elif allowed is None or allowed(value):
            return str(value)
        self.fail((*path, key), f"`{key}` must be {must}")
        return None

    def _typed(self, values: Mapping[str, Any], path: KeyPath, key: str, kind: type) -> Any:
        """The value if it is of the type; a whole number is a number, true is not a number."""
        if key not in values:
            return None
        value = values[key]
        if type(value) is kind or (kind is float and type(value) is int):
            return value
        found = _TYPE_NAMES.get(type(value), "a date or a time")
        self.fail((*path, key), f"`{key}` must be {_TYPE_NAMES[kind]}, not {found}")
        return None


def is_plain(text: str) -> bool:
    """Whether a text can stand in a header or a URL as it is, and shows what it is."""
    return 0 < len(text) <= MAX_TEXT and text.isascii() and text.isprintable() and " " not in text


def suggest(word: str, known: Iterable[str]) -> str | None:
    """A hint with the nearest of the known words, else with all of them."""
    from promptrun.protocol import did_you_mean

    known = tuple(known)
    everything = f"known are {', '.join(f'`{one}`' for one in known)}" if known else None
    return did_you_mean(word, known) or everything


def shown(text: str) -> str:
    """At most 60 characters of a text, with nothing that could steer a terminal."""
    text = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text[:61])
    return text if len(text) <= 60 else f"{text[:59]}…"
