"""What kind of medium some bytes are; file names are not believed."""

from __future__ import annotations

_IMAGE, _EXTENSION = b"\x2c", b"\x21"
_MAX_BLOCKS = 500_000


def media_type(data: bytes) -> str | None:
    """``image/png``, ``audio/wav``, ``application/pdf`` …, or None for anything not known."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"%PDF-"):
        return "application/pdf"
    if data[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(data[8:12])
    # An MP3 begins with an ID3 tag or with a frame: eleven bits set, then layer III.
    if data.startswith(b"ID3") or (data[:1] == b"\xff" and data[1:2] and data[1] & 0xE6 == 0xE2):
        return "audio/mpeg"
    return None


def is_animated(gif: bytes) -> bool:
    """Whether a GIF holds more than one picture, or too many blocks to tell."""
    position = 13 + _table(gif, 10)
    images = 0
    steps = iter(range(_MAX_BLOCKS))
    for _ in steps:
        kind = gif[position : position + 1]
        if kind == _IMAGE:
            images += 1
            if images > 1:
                return True
            # The descriptor, its table of colours, and the smallest code of the compression.
            position += 10 + _table(gif, position + 9) + 1
        elif kind == _EXTENSION:
            position += 2
        else:
            return False
        for _ in steps:
            length = gif[position] if position < len(gif) else 0
            position += 1 + length
            if not length:
                break
    return True


def _table(gif: bytes, position: int) -> int:
    flags = gif[position : position + 1] or b"\0"
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags[0] & 0x80 else 0
