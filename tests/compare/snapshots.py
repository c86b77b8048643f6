"""Snapshots as the tests of comparing need them."""

from __future__ import annotations

from typing import Any

from promptrun.files.json import digest
from promptrun.models import Digests, Snapshot


def choice(**parts: Any) -> dict[str, Any]:
    return {"finish_reason": "stop", **parts}


def snapshot(
    *choices: dict[str, Any],
    request: dict[str, Any] | None = None,
    keep_request: bool = True,
    served: str = "m-2026-01-01",
    fingerprint: str | None = None,
) -> Snapshot:
    request = request or {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    prompt = {name: request[name] for name in request if name not in {"model", "parameters"}}
    reply: dict[str, Any] = {"model": served, "choices": list(choices)}
    if fingerprint:
        reply["system_fingerprint"] = fingerprint
    return Snapshot(
        spec="specs/a.yaml",
        case="default",
        digests=Digests(
            prompt=digest(prompt),
            settings=digest(request.get("parameters", {})),
            model=request["model"],
        ),
        request=request if keep_request else None,
        reply=reply,
    )


def said(text: str) -> Snapshot:
    return snapshot(choice(content=text))


def built(value: Any) -> Snapshot:
    return snapshot(choice(json=value))
