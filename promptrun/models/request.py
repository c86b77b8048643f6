"""What goes to the server."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from promptrun.models.spec import Warned


class Request(Struct, frozen=True, kw_only=True):
    """The exact JSON body, rendered and validated.

    `body` holds what the spec says and nothing else, in the spec's order, ``extra_body`` already
    laid into it; local media stand in it as base64 data URLs.
    """

    body: dict[str, Any]
    warnings: tuple[Warned, ...] = ()
    fresh: bool = False
    """Whether this is one of several samples: a provider that fixes a seed of its own, so that its
    replies can be repeated, draws one then."""

    @property
    def streams(self) -> bool:
        """Whether the reply is asked for piece by piece."""
        return self.body.get("stream") is True
