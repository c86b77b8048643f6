"""How many images a page holds: what is beyond is named by its digest."""

from __future__ import annotations

from binascii import Error as NotBase64
from binascii import a2b_base64
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from promptrun.reports.html.links import is_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from promptrun.models import CaseResult

MAX_IMAGES: Final = 64 * 2**20
"""Characters that the images of one page take."""


class Room:
    """The room for images on one page."""

    def __init__(self, left: int = MAX_IMAGES) -> None:
        self.left = left

    def fit(self, result: CaseResult) -> CaseResult:
        """The case itself; with images described that no longer fit, where there are any."""
        request = result.request
        messages = request.body.get("messages") if request else None
        if request is None or not isinstance(messages, list):
            return result
        fitted = [self._fit_message(message) for message in messages]
        if all(new is old for new, old in zip(fitted, messages, strict=True)):
            return result
        body = request.body | {"messages": fitted}
        return structs.replace(result, request=structs.replace(request, body=body))

    def _fit_message(self, message: Any) -> Any:
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, list):
            return message
        fitted = [self._fit_part(part) for part in content]
        if all(new is old for new, old in zip(fitted, content, strict=True)):
            return message
        return message | {"content": fitted}

    def _fit_part(self, part: Any) -> Any:
        image = part.get("image_url") if isinstance(part, dict) else None
        address = image.get("url") if isinstance(image, dict) else None
        if not isinstance(address, str) or not is_image(address):
            return part
        self.left -= len(address)
        if self.left >= 0:
            return part
        return part | {"image_url": {"url": _describe(address)}}


def _describe(address: str) -> Mapping[str, Any]:
    """What stands for an image whose bytes are not kept."""
    head, _, payload = address.partition(",")
    data = payload.encode()
    with suppress(NotBase64):
        data = a2b_base64(payload)
    kind = head.removeprefix("data:").removesuffix(";base64")
    return {"sha256": sha256(data).hexdigest(), "bytes": len(data), "type": kind}
