"""Addresses and media from outside: what may be shown, and what is only named."""

from __future__ import annotations

import re
from typing import Any, Final

from markupsafe import Markup

from promptrun.reports.html.look import show_line

MAX_IMAGE: Final = 12 * 2**20
"""Characters of a data URL that is shown; a larger image is only named."""
MAX_URL: Final = 2_000
"""Characters of an address."""
_SIZES: Final = range(2**63)
"""Bytes that a medium may have; a server may claim any number."""

# Only kinds that hold pixels and nothing that could run; and only base64, which needs no escape.
_IMAGE = re.compile(r"data:image/(png|jpeg|webp|gif);base64,([A-Za-z0-9+/]+=*)", re.ASCII)
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]{0,200},", re.ASCII)
_WEB = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#]\S*)?", re.ASCII | re.IGNORECASE)


def write_image(source: Any) -> Markup:
    """An image by what stands as its URL: shown where its bytes are in it, else named.

    Nothing is ever loaded from the network.
    """
    if isinstance(source, dict):
        return _name_digest(source)
    if not isinstance(source, str):
        return Markup('<p class="medium">an image without an address</p>')
    found = _IMAGE.fullmatch(source) if len(source) <= MAX_IMAGE else None
    if found:
        told = f"{found[1]} image, {_write_size(len(found[2]) * 3 // 4)}"
        return Markup(
            '<figure class="medium"><img src="{}" alt="{}" loading="lazy" decoding="async">'
            "<figcaption>{}</figcaption></figure>"
        ).format(source, told, told)
    return write_medium("image", source)


def is_image(address: str) -> bool:
    """Whether an address is a data URL of an image that is shown."""
    return len(address) <= MAX_IMAGE and _IMAGE.fullmatch(address) is not None


def write_medium(kind: str, source: Any) -> Markup:
    """A sound, a file or another medium, named: by its digest, its address, or its size."""
    if isinstance(source, dict):
        return _name_digest(source)
    text = source if isinstance(source, str) else ""
    if _WEB.match(text):
        told = Markup("{} at {}, not loaded").format(kind, write_link(text))
    elif data := _DATA.match(text):
        size = _write_size((len(text) - data.end()) * 3 // 4)
        told = Markup("{}, {}").format(show_line(data[1] or kind), size)
    else:
        told = Markup("{}, {}").format(kind, _write_size(len(text) * 3 // 4))
    return Markup('<p class="medium">{}</p>').format(told)


def write_link(address: str) -> Markup:
    """An address of the web as a link; every other one as text."""
    shown = show_line(address if len(address) <= MAX_URL else f"{address[:MAX_URL]}…")
    if len(address) > MAX_URL or not _WEB.fullmatch(address):
        return Markup("<bdi>{}</bdi>").format(shown)
    return Markup(
        '<a href="{}" rel="noopener noreferrer" target="_blank"><bdi>{}</bdi></a>'
    ).format(shown, shown)


def _name_digest(source: dict[str, Any]) -> Markup:
    """What stands for a medium whose bytes were not kept."""
    kind, digest, size = (source.get(name) for name in ("type", "sha256", "bytes"))
    parts = [show_line(kind) if isinstance(kind, str) else Markup("a medium")]
    if type(size) is int and size in _SIZES:
        parts.append(show_line(_write_size(size)))
    if isinstance(digest, str):
        parts.append(Markup("sha256 <code>{}</code>").format(show_line(digest[:64])))
    return Markup('<p class="medium">{}; its bytes are not kept here</p>').format(
        Markup(", ").join(parts)
    )


def _write_size(count: int) -> str:
    if count < 1024:
        return f"{count:,} bytes"
    return f"{count / 1024:,.0f} KiB" if count < 2**20 else f"{count / 2**20:,.1f} MiB"
