"""A request body as the keyword arguments of the official package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.protocol.fields import SDK_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping


def create_arguments(body: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of ``client.chat.completions.create`` that send exactly `body`.

    Fields that the oldest supported openai (1.40.6) does not name go through ``extra_body``, so
    the same arguments work with every version.
    """
    arguments = {name: value for name, value in body.items() if name in SDK_FIELDS}
    extra = {name: value for name, value in body.items() if name not in SDK_FIELDS}
    return arguments | {"extra_body": extra} if extra else arguments
