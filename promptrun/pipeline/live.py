"""The text of a streamed reply on its way to a reader, with secrets held back and masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.pipeline.events import StreamPiece

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.config import Masker, MaskStream


class LiveText:
    """The pieces of one reply on their way to a reader, with secrets held back and masked."""

    def __init__(self, case_id: str, masker: Masker) -> None:
        self._id = case_id
        self._masker = masker
        self._streams: dict[int, MaskStream] = {}

    def feed(self, index: int, text: str) -> Iterator[StreamPiece]:
        """The next text of a choice, as far as it can be shown."""
        if index not in self._streams:
            self._streams[index] = self._masker.stream()
        yield from self._piece(index, self._streams[index].feed(text))

    def flush(self) -> Iterator[StreamPiece]:
        """What was held back."""
        for index, stream in self._streams.items():
            yield from self._piece(index, stream.flush())

    def _piece(self, index: int, text: str) -> Iterator[StreamPiece]:
        if text:
            yield StreamPiece(id=self._id, index=index, text=text)
