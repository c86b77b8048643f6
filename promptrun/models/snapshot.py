"""The accepted reply to a case, and the request that it answered."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Digests(Struct, frozen=True, kw_only=True):
    """What a request is, in three parts that can move alone."""

    prompt: str
    """Messages, tools and response format: 16 hex digits."""
    settings: str
    """Every other field that can change a reply: 16 hex digits."""
    model: str
    """The model asked for, by its name."""


class Snapshot(Struct, frozen=True, kw_only=True):
    """The content of one snapshot file; `docs/snapshots.md` shows one.

    `request` and `reply` are plain JSON values in the file's own shape. A reply has `model`,
    `system_fingerprint` (where the server names one) and `choices`; each choice has
    `finish_reason` and `content` or `json`, `refusal`, `tool_calls` where they are set.
    """

    spec: str
    case: str
    digests: Digests
    request: dict[str, Any] | None
    reply: dict[str, Any]
