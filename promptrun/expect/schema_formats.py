"""The formats of JSON Schema that are checked, each the same on every machine."""

from __future__ import annotations

import re
from datetime import date, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final
from uuid import UUID

from promptrun.matching.patterns import check_foreign_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

_TIME = r"\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"
_LONGEST: Final = 2_000
"""Characters of a text that may have a format."""


def _spelled(pattern: str, read: Callable[[str], object] = str) -> Callable[[str], bool]:
    """A check that a text has this spelling and can be read by `read`."""
    spelling = re.compile(pattern, re.ASCII)

    def check(text: str) -> bool:
        if len(text) > _LONGEST or not spelling.fullmatch(text):
            return False
        try:
            read(text)
        except ValueError:
            return False
        return True

    return check


def _read_time(text: str) -> datetime:
    # RFC 3339 allows more digits than microseconds have, and small letters.
    text = re.sub(r"(\.\d{6})\d+", r"\1", text.upper())
    return datetime.fromisoformat(text)


FORMATS: Final[dict[str, Callable[[str], bool]]] = {
    "date": _spelled(r"\d{4}-\d\d-\d\d", date.fromisoformat),
    "date-time": _spelled(r"\d{4}-\d\d-\d\d[Tt ]" + _TIME, _read_time),
    "time": _spelled(_TIME, lambda text: _read_time(f"2000-01-01T{text}")),
    "email": _spelled(r"[^\s@]+@[^\s@]+"),
    "ipv4": _spelled(r"[\d.]+", IPv4Address),
    "ipv6": _spelled(r"[\da-fA-F:.]+", IPv6Address),
    "uri": _spelled(r"[A-Za-z][A-Za-z\d+.-]*:\S*"),
    "uuid": _spelled(r"[\da-fA-F]{8}(-[\da-fA-F]{4}){3}-[\da-fA-F]{12}", UUID),
    "regex": lambda text: check_foreign_pattern(text) is None,
}
