"""Where something stands that must not leave: in a text, or in the bytes of what is no text."""

from __future__ import annotations

import re
from base64 import b64decode
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from promptrun.pipeline.share.bounds import is_data
from promptrun.pipeline.share.patterns import compile_paths, compile_secrets
from promptrun.reports.share.keys import find_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from promptrun.pipeline.plan import Plan

CONFIGURED: Final = "a configured secret"
PATH: Final = "a path of this machine"
# A sound stands in a request as nothing but this.
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}", re.ASCII)


class Found(NamedTuple):
    """A stretch of a text that must not leave, and what it is."""

    what: str
    start: int
    end: int


class Finder:
    """Knows the secrets, the shapes of keys, and the folders of this machine."""

    def __init__(self, secrets: Sequence[str], plan: Plan) -> None:
        self._secrets = compile_secrets(secrets)
        self._paths = compile_paths(plan)
        self._seen: dict[bytes, str | None] = {}

    def in_text(self, text: str) -> Iterator[Found]:
        """What must not leave, from the left; of what overlaps, the first."""
        found: list[Found] = []
        for pattern, what in ((self._secrets, CONFIGURED), (self._paths, PATH)):
            if pattern is not None:
                found += [Found(what, *one.span()) for one in pattern.finditer(text)]
        if not is_data(text):
            found += [Found(f"what looks like {one.what}", *one[1:]) for one in find_keys(text)]
        end = 0
        for one in sorted(found, key=lambda each: (each.start, -each.end)):
            if one.start >= end:
                end = one.end
                yield one

    def in_bytes(self, data: bytes) -> str | None:
        """What the bytes of an image, a sound or a document hold as plain text, if anything.

        They are read as UTF-8 and as UTF-16 of either order. What is compressed stays unread.
        """
        # A medium stands in its file and in each request: that takes seconds where it is large.
        identity = sha256(data).digest()
        if identity not in self._seen:
            self._seen[identity] = self._search(data)
        return self._seen[identity]

    def _search(self, data: bytes) -> str | None:
        texts = [data.decode("utf-8", "replace")]
        if b"\0" in data:
            texts += [
                data[first:].decode(form, "replace")
                for form in ("utf-16-le", "utf-16-be")
                for first in (0, 1)
            ]
        return next((one.what for text in texts for one in self.in_text(text)), None)


def bytes_of(text: str) -> bytes | None:
    """The bytes that a text is: those of a data URL, or of bare Base64; None for any other."""
    if is_data(text):
        text = text[text.index(",") + 1 :]
    elif _BASE64.fullmatch(text) is None:
        return None
    text = text.rstrip("=")
    # One character alone is no byte.
    return b64decode(text[: len(text) - (len(text) % 4 == 1)] + "==")
