"""What a provider is: one request in, one reply or one failure out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.models import Failure, Reply, Request

    OnPiece = Callable[[int, str], None]
    """Called with a choice's index and its next piece of text, as it arrives."""

    OnProgress = Callable[[int, int], None]
    """Called with the bytes had and the bytes in all of what is being fetched."""


class Provider(Protocol):
    """A server that answers Chat Completions requests.

    It is opened and closed once a run, inside the event loop that also drives `complete`.
    """

    async def open(self) -> Failure | None:
        """Get ready to answer; a Failure of kind ``setup`` where that is not possible."""

    async def close(self) -> None:
        """Give everything back; called once, after `open`, whatever happened between."""

    async def complete(
        self, request: Request, *, on_piece: OnPiece | None = None
    ) -> Reply | Failure:
        """Send one request, once: no retries here.

        Every failure of the network or the server is returned as a value; only cancellation and
        mistakes in promptrun itself are raised.
        """

    async def list_models(self) -> list[str] | Failure:
        """The names of the models that the server offers, sorted."""
