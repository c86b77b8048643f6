"""A context that keeps records open until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from contextlib import ExitStack
    from types import TracebackType


class HoldsRecords:
    """A context manager for whoever reads records; a subclass sets `_opened`."""

    _opened: ExitStack

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.close()
