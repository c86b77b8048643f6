"""JSON text: canonical form, digests, and a reader for text from outside."""

from __future__ import annotations

import json
from hashlib import sha256
from math import isfinite
from typing import Any

from msgspec import MsgspecError
from msgspec.json import Decoder

_encode_canonical = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":")
).encode


def canonical(value: Any) -> str:
    """The one spelling of a JSON value: keys sorted, no spaces, nothing escaped that needs not be.

    Two values are the same JSON exactly when their canonical texts are equal; ``1`` and ``1.0``
    stay different, as they do for a reader of the text. A value nested deeper than the
    interpreter can follow raises RecursionError.
    """
    return _encode_canonical(value)


def digest(value: Any) -> str:
    """16 hex digits of the SHA-256 of the canonical text."""
    # A lone surrogate can stand in JSON text as an escape; it must not stop a digest.
    return sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def pretty(value: Any) -> str:
    """JSON for people: two spaces, the order of the keys kept, Korean as Korean."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def parse(text: str) -> Any:
    """Read JSON text that came from outside.

    Raises ValueError for what is not JSON (NaN and Infinity are not), for a number that no float
    can hold, and for nesting that is deeper than the parser can follow.
    """
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_fast(text: str) -> Any:
    """What `parse` gives or raises, several times as fast for what is plain JSON.

    The fast parser refuses more than it should, half a character for one; what it refuses `parse`
    decides. Only near the depth that the interpreter can follow may it read what `parse` refuses.
    """
    try:
        return _decode_fast(text)
    except (MsgspecError, ValueError, RecursionError):
        return parse(text)


def parse_faithfully(text: str) -> Any:
    """Read JSON text whose value must say all that the text says: that of a reply.

    Raises ValueError for what `parse` refuses, and for what a value would hide: a key that stands
    twice in an object.
    """
    try:
        return _decode_faithfully(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"`{name}` is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(f"`{digits}` is beyond what a float can hold")
    return number


_decode_faithfully = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse_constant
).decode
_decode_fast = Decoder().decode
