"""The table of expectations: a row a kind; its module is imported when the kind is first used.

Most specs state few of them, and a replay has no time to load them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from promptrun.expect.family import Check, Family
    from promptrun.protocol import Path, Problem


class Row(NamedTuple):
    """Where a family stands, and what has to be known of it before it is loaded."""

    place: str
    """The module of this folder and the name in it: ``words.CONTAINS``."""
    whole: bool = False
    """Whether it judges the reply as a whole, so that `on:` means nothing for it."""
    always: bool = False
    """Whether it holds where a spec does not state it."""
    joined: bool = False
    """Whether a list means all of its texts: under `not:` that says less than it seems to."""


ROWS: Final[dict[str, Row]] = {
    "finish_reason": Row("finish_reason.FAMILY", always=True),
    "refusal": Row("refusal.FAMILY", always=True),
    "contains": Row("words.CONTAINS", joined=True),
    "icontains": Row("words.ICONTAINS", joined=True),
    "starts_with": Row("words.STARTS_WITH"),
    "equals": Row("words.EQUALS"),
    "one_of": Row("words.ONE_OF"),
    "regex": Row("regex.FAMILY"),
    "max_words": Row("size.MAX_WORDS"),
    "max_chars": Row("size.MAX_CHARS"),
    "is_json": Row("is_json.FAMILY"),
    "json_schema": Row("json_schema.FAMILY"),
    "json": Row("json.FAMILY"),
    "tool_call": Row("tool_call.FAMILY"),
    "similar": Row("similar.FAMILY"),
    "max_latency": Row("live.MAX_LATENCY", whole=True),
    "max_first_token": Row("live.MAX_FIRST_TOKEN", whole=True),
    "max_tokens": Row("live.MAX_TOKENS", whole=True),
    "max_cost": Row("live.MAX_COST", whole=True),
    "python": Row("python.FAMILY"),
    "judge": Row("judge_model.FAMILY"),
}
"""What may stand under `expect:`."""


class _Families(Mapping[str, "Family"]):
    """Each family by its kind, loaded once."""

    def __init__(self) -> None:
        self._loaded: dict[str, Family] = {}

    def __getitem__(self, kind: str) -> Family:
        if kind not in self._loaded:
            module, _, name = ROWS[kind].place.partition(".")
            family: Family = getattr(import_module(f"promptrun.expect.{module}"), name)
            self._loaded[kind] = family
        return self._loaded[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(ROWS)

    def __len__(self) -> int:
        return len(ROWS)


FAMILIES: Final[Mapping[str, Family]] = _Families()


def _check_of(kind: str) -> Check:
    def check(argument: Any, path: Path) -> list[Problem]:
        return FAMILIES[kind].check(argument, path)

    return check


KINDS: Final[dict[str, Callable[[Any, Any], Any]]] = {kind: _check_of(kind) for kind in ROWS}
"""For the loader of specs: which mistakes an expectation's argument has."""
WHOLE: Final = frozenset(kind for kind, row in ROWS.items() if row.whole)
ALWAYS: Final = tuple(kind for kind, row in ROWS.items() if row.always)
JOINED: Final = frozenset(kind for kind, row in ROWS.items() if row.joined)
