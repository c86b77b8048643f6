"""How the parts of a recorded reply are read before they are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from promptrun.compare.ignore import Ignore
from promptrun.compare.replace import Replacer
from promptrun.compare.write import write_json
from promptrun.files.json import parse_faithfully

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.compare.mode import Mode
    from promptrun.models import CompareRules


class Json(NamedTuple):
    """Content that is read as JSON, so that a JSON text is not taken for a text."""

    value: Any


class Reader:
    """Reads replies under a mode, without what is ignored and with what is replaced.

    Once `gave_up` is true a replacement ran out of its time or space, and everything has to be
    read anew by a Reader without replacements.
    """

    def __init__(self, mode: Mode, rules: CompareRules) -> None:
        self._reads = mode.reads
        self._ignore = Ignore(rules.ignore) if rules.ignore else None
        self._replacer = Replacer(rules.replace) if rules.replace else None

    @property
    def gave_up(self) -> bool:
        """Whether what was read counts for nothing, because a replacement could not be made."""
        return self._replacer is not None and self._replacer.gave_up

    def content(self, choice: dict[str, Any]) -> Json | str | None:
        """The content of a recorded choice: JSON or a text as the mode reads it, or none.

        A reply that was accepted in a mode of JSON and is read as text now is its canonical text.
        """
        content = _read(choice, self._reads)
        if isinstance(content, Json):
            return Json(self.json(content.value))
        return None if content is None else self.text(content)

    def text(self, text: str) -> str:
        """A text of a reply, as it is compared."""
        return self._replacer.text(text) if self._replacer else text

    def json(self, value: Any) -> Any:
        """A JSON value of a reply, as it is compared. Ignores see it first."""
        if self._ignore:
            value = self._ignore.drop(value)
        return self._replacer.json(value) if self._replacer else value

    def warnings(self) -> Iterator[str]:
        """What the author of the rules should know, after all was read."""
        for part in (self._ignore, self._replacer):
            if part:
                yield from part.warnings()


def as_text(content: Json | str | None) -> str | None:
    """Content as it is shown, JSON laid out over lines."""
    return write_json(content.value) if isinstance(content, Json) else content


def _read(choice: dict[str, Any], reads: str) -> Json | str | None:
    """An empty text is none: servers write either for a tool call."""
    text: str | None = choice.get("content") or None
    if "json" in choice:
        value = choice["json"]
        if reads == "json" or (reads == "structures" and isinstance(value, (dict, list))):
            return Json(value)
        return write_json(value)
    if text is None or reads == "text":
        return text
    if reads == "structures" and not text.lstrip(" \t\r\n").startswith(("{", "[")):
        return text
    try:
        return Json(parse_faithfully(text))
    except ValueError:
        return text
