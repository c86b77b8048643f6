"""Inline media of a request: a snapshot keeps what they are, not their bytes."""

from __future__ import annotations

from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_BASE64_FIELDS = {("input_audio", "data"), ("file", "file_data")}
_TEXT_FIELDS = {"type", "text", "refusal"}


def without_media(part: Any) -> Any:
    """A content part in which ``{sha256, bytes, type}`` stands for each image, sound or file.

    `sha256` and `bytes` are of the decoded bytes, `type` is what the data URL says before its
    ``;base64``. A URL that is no data URL stays, and so does text, whatever it looks like.
    """
    if not isinstance(part, dict):
        return part
    return {
        field: value if field in _TEXT_FIELDS else _described(field, value)
        for field, value in part.items()
    }


def inline_images(
    body: Mapping[str, Any], recorded: Mapping[str, Any]
) -> Iterator[tuple[str, str, bytes]]:
    """Digest, type and bytes of each image that stands in `body`, the request that was recorded."""
    for part, kept in _parts(body, recorded):
        identity = kept.get("image_url")
        identity = identity.get("url") if isinstance(identity, dict) else None
        if isinstance(identity, dict) and str(identity.get("type")).startswith("image/"):
            with suppress(NotBase64, ValueError):
                data = a2b_base64(part["image_url"]["url"].partition(",")[2], strict_mode=True)
                yield str(identity["sha256"]), str(identity["type"]), data


def _parts(
    body: Mapping[str, Any], recorded: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    messages, kept_messages = body.get("messages"), recorded.get("messages")
    if not (isinstance(messages, list) and isinstance(kept_messages, list)):
        return
    for message, kept in zip(messages, kept_messages, strict=False):
        parts = message.get("content") if isinstance(message, dict) else None
        kept_parts = kept.get("content") if isinstance(kept, dict) else None
        if isinstance(parts, list) and isinstance(kept_parts, list):
            for pair in zip(parts, kept_parts, strict=False):
                if all(isinstance(one, dict) for one in pair):
                    yield pair


def with_images(
    recorded: Mapping[str, Any], find: Callable[[str], tuple[str, bytes] | None]
) -> dict[str, Any]:
    """The request in the form in which it was sent, as far as its images can be found.

    `find` gives type and bytes by a digest. What it does not know stays ``{sha256, bytes, type}``.
    """
    parameters = recorded.get("parameters")
    body = {name: value for name, value in recorded.items() if name != "parameters"}
    body |= parameters if isinstance(parameters, dict) else {}
    messages = recorded.get("messages")
    if isinstance(messages, list):
        body["messages"] = [_with_images(message, find) for message in messages]
    return body


def _with_images(message: Any, find: Callable[[str], tuple[str, bytes] | None]) -> Any:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    return message | {"content": [_with_image(part, find) for part in content]}


def _with_image(part: Any, find: Callable[[str], tuple[str, bytes] | None]) -> Any:
    image = part.get("image_url") if isinstance(part, dict) else None
    identity = image.get("url") if isinstance(image, dict) else None
    if not (isinstance(image, dict) and isinstance(identity, dict)):
        return part
    found = find(str(identity.get("sha256")))
    if found is None:
        return part
    kind, data = found
    text = b2a_base64(data, newline=False).decode()
    return part | {"image_url": image | {"url": f"data:{kind};base64,{text}"}}


def _described(field: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _digested((field, name), item) for name, item in value.items()}
    return _digested((field, ""), value)


def _digested(where: tuple[str, str], value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value[:5].lower() == "data:":
        head, comma, payload = value[5:].partition(",")
        if not comma:
            head, payload = "", value
        kind = head.removesuffix(";base64")
        return _identity(payload, base64=kind != head) | ({"type": kind} if kind else {})
    if where in _BASE64_FIELDS:
        return _identity(value, base64=True)
    return value


def _identity(payload: str, *, base64: bool) -> dict[str, Any]:
    data = payload.encode("utf-8", "surrogatepass")
    if base64:
        # What is no base64 is sent as written, and known by its text.
        with suppress(NotBase64):
            data = a2b_base64(data, strict_mode=True)
    return {"sha256": sha256(data).hexdigest(), "bytes": len(data)}
