"""One mistake in a value, with the path to it, and the collector that checks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Path = tuple[str | int, ...]

_MAX_PROBLEMS = 100
_MAX_NAME = 80


class Problem(NamedTuple):
    """What is wrong at a path of a JSON value."""

    path: Path
    message: str
    hint: str | None = None
    lenient: bool = False
    """A range or an enumeration: an error for OpenAI, only a warning for other servers."""
    key: bool = False
    """Whether the key at the end of the path is meant, and not its value."""


class Report:
    """The problems of one value, as its checks find them."""

    __slots__ = ("problems", "rendered")

    def __init__(self, *, rendered: bool = False) -> None:
        self.problems: list[Problem] = []
        self.rendered = rendered
        """Whether templates are filled in: ``{{`` is then text like any other."""

    def add(
        self,
        path: Path,
        message: str,
        hint: str | None = None,
        *,
        lenient: bool = False,
        key: bool = False,
    ) -> None:
        """Note a problem; after a hundred, more of them help nobody."""
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(Problem(path, message, hint, lenient, key))

    def open(self, value: Any) -> bool:
        """Whether `value` is a template that can be judged only when it is rendered."""
        return not self.rendered and is_template(value)


if TYPE_CHECKING:
    Check = Callable[[Any, Path, Report], None]


def is_template(value: Any) -> bool:
    """Whether Jinja would change this value: a text with ``{{``, ``{%`` or ``{#`` in it."""
    return isinstance(value, str) and "{" in value and any(m in value for m in ("{{", "{%", "{#"))


def shown(value: Any) -> str:
    """A value in backticks for a message, as JSON, cut where it is long."""
    from json import dumps

    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = value if isinstance(value, str) else dumps(value)
    return f"`{text[:60]}…`" if len(text) > 60 else f"`{text}`"


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice that `name` was probably meant to be; None where none is close."""
    from difflib import get_close_matches

    if len(name) > _MAX_NAME:
        return None
    by_lower = {choice.lower(): choice for choice in choices}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.65)
    return by_lower[close[0]] if close else None


def did_you_mean(name: str, choices: Iterable[str]) -> str | None:
    """A hint with the nearest choice."""
    near = nearest(name, choices)
    return f"did you mean `{near}`?" if near else None
