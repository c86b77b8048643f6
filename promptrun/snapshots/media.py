"""Inline media of a request: a snapshot keeps what they are, not their bytes."""

from __future__ import annotations

from binascii import Error as NotBase64
from binascii import a2b_base64
from contextlib import suppress
from hashlib import sha256
from typing import Any

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
