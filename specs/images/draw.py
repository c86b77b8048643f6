"""Draws shapes.png, the picture of vision_file.yaml: a red disc and a blue square on white.

``python specs/images/draw.py`` writes it anew, to the byte, with the standard library alone.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

WIDTH, HEIGHT = 96, 64
WHITE, RED, BLUE = 0, 1, 2
PALETTE = bytes((255, 255, 255, 220, 30, 30, 30, 60, 200))


def colour(x: int, y: int) -> int:
    """The palette's index for one pixel."""
    if (x - 28) ** 2 + (y - 32) ** 2 <= 20**2:
        return RED
    if 56 <= x < 88 and 16 <= y < 48:
        return BLUE
    return WHITE


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def draw() -> bytes:
    """The picture as a PNG file with one byte a pixel."""
    rows = (b"\0" + bytes(colour(x, y) for x in range(WIDTH)) for y in range(HEIGHT))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)),
            chunk(b"PLTE", PALETTE),
            chunk(b"IDAT", zlib.compress(b"".join(rows), 9)),
            chunk(b"IEND", b""),
        )
    )


if __name__ == "__main__":
    Path(__file__).with_name("shapes.png").write_bytes(draw())
