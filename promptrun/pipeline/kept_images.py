"""The images that a record kept, given to its cases within bounds: it may come from a stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.runs import RunReader

Image = tuple[str, bytes]
"""Its type, and its bytes."""

MOST_OF_CASE: Final = 12 * 2**20
"""Bytes of the images of one case; in a data URL they are a third more."""
MOST_IMAGES: Final = 192 * 2**20
"""Bytes of the images of all cases; one that several cases show counts for each."""
MOST_LOOKS: Final = 1_000
"""Images of one case that are looked for."""
MOST_HELD: Final = 32 * 2**20
"""Bytes of images that are held, because cases of one run often show the same."""
OVERHEAD: Final = 512
"""Bytes that it takes to hold one, besides its own."""


class KeptImages:
    """The images of one record; those that have no room are not found."""

    def __init__(self, reader: RunReader, *, left: int = MOST_IMAGES) -> None:
        self.left = left
        """Bytes that may still be given."""
        self._reader = reader
        self._held: dict[str, Image] = {}
        self._held_bytes = 0

    def of_case(self) -> Callable[[str], Image | None]:
        """What finds the images of one case by their digests."""
        room, looks = min(MOST_OF_CASE, self.left), MOST_LOOKS

        def find(sha256: str) -> Image | None:
            nonlocal room, looks
            if not looks:
                return None
            looks -= 1
            image = self._take(sha256, room)
            if image is not None:
                room -= len(image[1])
            return image

        return find

    def _take(self, sha256: str, room: int) -> Image | None:
        image = self._held.get(sha256)
        if image is None:
            size = self._reader.medium_size(sha256)
            image = self._reader.medium(sha256) if size is not None and size <= room else None
        if image is None or len(image[1]) > room:
            return None
        self.left -= len(image[1])
        self._hold(sha256, image)
        return image

    def _hold(self, sha256: str, image: Image) -> None:
        if sha256 in self._held:
            return
        self._held_bytes += len(image[1]) + OVERHEAD
        if self._held_bytes > MOST_HELD:
            self._held.clear()
            self._held_bytes = len(image[1]) + OVERHEAD
        self._held[sha256] = image
