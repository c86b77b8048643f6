"""How a secret may be spelled in a text: as it is, or as JSON, a URL or Base64 write it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

# What each encoder leaves as it is: quote(), quote(safe=""), and JavaScript's encodeURIComponent
# and encodeURI.
_SAFE_IN_URLS = ("/", "", "!'()*", ";,/?:@&=+$!'()*#")


def spellings_of(secret: str) -> set[str]:
    """Every text to look for, for a secret of eight characters or more; longest and shortest."""
    return {secret, *_json(secret), *_percent(secret), *_base64(secret)}


def _json(secret: str) -> Iterator[str]:
    for escapes_all in (False, True):
        text = json.dumps(secret, ensure_ascii=escapes_all)[1:-1]
        for escaped in (text, _capital_hex(text, "\\u", 4)):
            yield escaped
            # PHP writes a slash as `\/`.
            yield escaped.replace("/", "\\/")


def _percent(secret: str) -> Iterator[str]:
    encoded = [quote(secret, safe=safe, errors="surrogatepass") for safe in _SAFE_IN_URLS]
    encoded.append(quote_plus(secret, errors="surrogatepass"))
    for text in encoded:
        yield text
        yield _lower_hex(text)


def _base64(secret: str) -> Iterator[str]:
    data = secret.encode("utf-8", "surrogatepass")
    alone = b64encode(data).decode()
    texts = [alone, alone.rstrip("=")]
    # Inside a longer text the secret begins at the first, second or third byte of a group of
    # three; characters that also hold bits of its neighbours are not its own.
    for before, shared in ((0, 0), (1, 2), (2, 3)):
        text = b64encode(bytes(before) + data).decode().rstrip("=")
        whole = (before + len(data)) % 3 == 0
        texts.append(text[shared:] if whole else text[shared:-1])
    for text in texts:
        yield text
        yield text.replace("+", "-").replace("/", "_")


def _lower_hex(text: str) -> str:
    head, *rest = text.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])


def _capital_hex(text: str, mark: str, digits: int) -> str:
    head, *rest = text.split(mark)
    return mark.join([head, *(part[:digits].upper() + part[digits:] for part in rest)])
