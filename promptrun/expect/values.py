"""JSON in replies: read, compared and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.expect.family import Finding, place_of, quote
from promptrun.files.json import canonical, parse_faithfully
from promptrun.matching.jsonpath import write_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from promptrun.expect.family import Choice

LONGEST: Final = 120
"""Characters of a value that are shown."""

_KINDS: Final[dict[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def judge_json(choice: Choice, test: Callable[[Any], Finding]) -> Finding:
    """What `test` finds in the JSON of a choice; broken, with the place, where it has none."""
    if "json" in choice.recorded:
        return test(choice.recorded["json"])
    text = choice.text
    if text is None:
        return Finding(kept=False, found=choice.instead)
    try:
        value = parse_faithfully(text)
    except ValueError as error:
        offset = getattr(error, "pos", None)
        where = "" if offset is None else place_of(text, offset)
        found = f"no JSON: {_reason(text, offset, error)}"
        return Finding(kept=False, found=found, where=where)
    return test(value)


def _reason(text: str, offset: int | None, error: ValueError) -> str:
    """Why a text is no JSON; `offset` is where its reader stopped, None where it read it all."""
    if offset is None:
        return str(error)
    stripped = text.strip()
    if stripped.startswith("```"):
        return "a code fence stands around it"
    if not text[:offset].strip():
        return quote(stripped) if stripped else "an empty text"
    if not text[offset:].strip():
        return "it ends in the middle"
    reason = str(getattr(error, "msg", error))
    if reason == "Extra data":
        return f"behind a value follows {quote(text[offset:].strip())}"
    return reason[:1].lower() + reason[1:]


def kind_of(value: Any) -> str:
    """What kind of JSON a value is: ``an object``."""
    return _KINDS[type(value)]


def same_json(one: Any, other: Any) -> bool:
    """Whether both are one JSON value: ``1`` is ``1.0``, `true` is not 1, keys in any order."""
    pairs = [(one, other)]
    while pairs:
        one, other = pairs.pop()
        if kind_of(one) != kind_of(other):
            return False
        if isinstance(one, dict):
            if one.keys() != other.keys():
                return False
            pairs += [(value, other[name]) for name, value in one.items()]
        elif isinstance(one, list):
            if len(one) != len(other):
                return False
            pairs += zip(one, other, strict=True)
        elif one != other:
            return False
    return True


def show_json(value: Any, longest: int = LONGEST) -> str:
    """A value on one line, cut where it is long."""
    try:
        text = canonical(value)
    except RecursionError:
        return f"{kind_of(value)}, nested too deeply to be shown"
    return text if len(text) <= longest else f"{text[:longest]}…"


def quote_key(name: str) -> str:
    """A key of an object in backticks, cut where it is long."""
    return f"`{name[:60]}…`" if len(name) > 60 else f"`{name}`"


def write_path(steps: Iterable[str | int]) -> str:
    """A place in a JSON value as a JSONPath: ``$.people[0]['first name']``."""
    written = (f"[{step}]" if isinstance(step, int) else write_name(step) for step in steps)
    return "$" + "".join(written)
