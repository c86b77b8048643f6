"""The ``x-ratelimit-…`` headers of an answer, as `models.Limits`."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from promptrun.models import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_RESET = 86_400.0
"""Seconds: the limits that servers tell of are those of a minute or of a day."""
LARGEST_COUNT = 10**12

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(d|h|ms|m|us|µs|s)", re.ASCII)
_SPAN = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_PLAIN = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?", re.ASCII)
_LONGEST_TEXT = 64


def read_limits(headers: Mapping[str, str]) -> Limits | None:
    """What `headers`, their names in lower case, say of the limits; None where they say nothing."""
    requests = _count(headers.get("x-ratelimit-remaining-requests"))
    requests_reset = _span(headers.get("x-ratelimit-reset-requests"))
    tokens = _count(headers.get("x-ratelimit-remaining-tokens"))
    tokens_reset = _span(headers.get("x-ratelimit-reset-tokens"))
    if requests is requests_reset is tokens is tokens_reset is None:
        return None
    return Limits(
        requests=requests,
        requests_reset=requests_reset,
        tokens=tokens,
        tokens_reset=tokens_reset,
    )


def _count(said: str | None) -> int | None:
    if said is None or not (said.isascii() and said.isdigit() and len(said) <= _LONGEST_TEXT):
        return None
    return min(int(said), LARGEST_COUNT)


def _span(said: str | None) -> float | None:
    """Seconds of ``1h2m3.5s``, ``120ms`` or ``60``; None for what is no span of time."""
    if said is None or len(said) > _LONGEST_TEXT:
        return None
    if _PLAIN.fullmatch(said):
        return min(float(said), LONGEST_RESET)
    if not _SPAN.fullmatch(said):
        return None
    seconds = math.fsum(float(number) * _UNITS[unit] for number, unit in _PART.findall(said))
    return min(seconds, LONGEST_RESET)
